"""Look-alikes of the super-resolution data: the layout of the official files, and images that belong together."""

import numpy as np
import pytest
from config_runs import look_alikes
from scipy.io import loadmat

from mmhsi.utils.imresize import imresize

LAYOUT = {'houston_x4': (4, 2, 1, (2, 36, 24)), 'houston_x8': (8, 1, 1, (1, 16, 16))}


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return look_alikes(tmp_path_factory.mktemp('toy'), [*LAYOUT, 'houston2018-crop'])


@pytest.mark.parametrize('name', LAYOUT)
def test_patches_and_test_images(name, root):
    scale, trains, evals, (count, height, width) = LAYOUT[name]
    for subset, number in (('trains', trains), ('evals', evals)):
        files = sorted((root / name / subset).glob('*.mat'))
        assert len(files) == number
        for path in files:
            check_images(loadmat(path), scale, (32, 32))
    test = loadmat(root / name / 'houston_test.mat')
    assert len(test['gt']) == count
    for image in range(count):
        check_images({key: test[key][image] for key in ('gt', 'ms', 'ms_bicubic')}, scale, (height, width))


def check_images(arrays, scale, size):
    truth, small, enlarged = (arrays[key] for key in ('gt', 'ms', 'ms_bicubic'))
    assert truth.shape == enlarged.shape == (scale * size[0], scale * size[1], 48) and small.shape == (*size, 48)
    assert {array.dtype for array in (truth, small, enlarged)} == {np.dtype('float32')}
    assert truth.min() >= 0 and truth.max() <= 1
    # nearly what imresize would make, and with detail that is lost in it
    assert np.abs(imresize(truth, 1 / scale) - small).mean() < 0.01
    assert 0.003 < np.abs(truth - imresize(small, scale)).mean() < 0.1


def test_the_crop(root):
    cube = loadmat(root / 'houston2018-crop/houston_dataset.mat')['hyprImg']
    assert cube.shape == (128, 128, 48) and cube.dtype == np.uint16 and cube.max() <= 20000


def test_all_is_small(root):
    sizes = [path.stat().st_size for path in root.rglob('*.mat')]
    assert max(sizes) < 2e6 and sum(sizes) < 8e6
