import json
import runpy

import numpy as np
import pytest
from config_runs import ROOT, look_alikes
from scipy.io import loadmat

from mmhsi.datasets import NoiseChain, PatchStore, read_cube

TRAIN, VAL, TEST = ['0,0,128,96', '192,0,64,96'], ['128,0,64,96'], '200,8,66,70'


@pytest.fixture(scope='module')
def image(tmp_path_factory):
    return look_alikes(tmp_path_factory.mktemp('data'), ['wdc']) / 'wdc/dc.tif'


@pytest.fixture(scope='module')
def main():
    return runpy.run_path(str(ROOT / 'tools/dataset_converters/wdc.py'))['main']


def run(main, image, out, *options):
    main(
        [
            str(image),
            '--out',
            str(out),
            '--train',
            *TRAIN,
            '--val',
            *VAL,
            '--test',
            TEST,
            '--scales',
            '1',
            '--strides',
            '32',
            '--cases',
            '2',
            *options,
        ]
    )


def scaled(values: np.ndarray, fit_on: list[np.ndarray]) -> np.ndarray:
    low, high = np.percentile(
        np.concatenate([part.reshape(-1, 191) for part in fit_on]).astype(np.float64), [2, 98], axis=0
    )
    return (np.clip(values, low, high) - low) / (high - low + 1e-3)


def test_files_of_the_default_recipe(main, image, tmp_path):
    run(main, image, tmp_path)
    cube = read_cube(image)[0]
    assert cube.shape == (288, 96, 191) and cube.dtype == np.int16
    fit_on = [cube[:128], cube[192:256]]
    train = PatchStore(tmp_path / 'train')
    assert len(train) == 3 * 2 + 1 * 2
    assert train.description['reference'] is False and train.description['areas'] == [[0, 0, 128, 96], [192, 0, 64, 96]]
    np.testing.assert_allclose(train.read(1), scaled(cube[:64, 32:96], fit_on), atol=1e-6)
    np.testing.assert_allclose(PatchStore(tmp_path / 'val').read(0), scaled(cube[128:192, :64], fit_on), atol=1e-6)
    test = loadmat(tmp_path / 'test/Case2/test.mat')
    clean = scaled(cube[200:266, 8:78], fit_on).astype(np.float32)
    np.testing.assert_allclose(test['gt'], np.moveaxis(clean[:64, :64], -1, 0), atol=1e-6)
    noisy = NoiseChain('case2', seed=0)(dict(img=clean))['img']
    np.testing.assert_allclose(test['input'], np.moveaxis(noisy[:64, :64], -1, 0), atol=1e-5)
    patch = loadmat(tmp_path / 'Patch_Cases/Case2/1.mat')
    np.testing.assert_array_equal(patch['input'], test['input'])
    run(main, image, tmp_path / 'again')
    assert (tmp_path / 'again/train/patches.npy').read_bytes() == (tmp_path / 'train/patches.npy').read_bytes()
    np.testing.assert_array_equal(loadmat(tmp_path / 'again/test/Case2/test.mat')['input'], test['input'])


def test_files_of_the_reference(main, image, tmp_path):
    run(main, image, tmp_path, '--reference')
    cube = read_cube(image)[0]
    train = PatchStore(tmp_path / 'train')
    part = scaled(cube[:128], [cube[:128], cube[192:256]])
    part = (part - part.min()) / np.ptp(part)
    window = part[:64, :64]
    poses = [
        pose[..., ::step]
        for flipped in (window, window[::-1])
        for turns in range(4)
        for step in (1, -1)
        for pose in [np.rot90(flipped, turns)]
    ]
    assert min(np.abs(train.read(0) - pose).max() for pose in poses) < 1e-5
    test = loadmat(tmp_path / 'test/Case2/test.mat')
    clean = scaled(cube[200:266, 8:78], [cube[200:266, 8:78]])
    np.testing.assert_allclose(test['gt'], np.moveaxis(clean[:64, :64], -1, 0), atol=1e-6)
    assert json.loads((tmp_path / 'train/patches.json').read_text())['description']['reference'] is True


@pytest.mark.parametrize(
    'options, message',
    [
        ((), 'train|does not lie inside the scene of 288 x 96'),
        (('--train', *TRAIN, '--val', '--test', TEST, '--cases', '6'), 'the cases are 1 to 5'),
        (('--num-bands', '190'), '190 bands are expected, but the file has 191'),
    ],
)
def test_what_cannot_be_converted(main, image, tmp_path, options, message):
    with pytest.raises(SystemExit, match=message):
        main([str(image), '--out', str(tmp_path), *options])
