"""Tests of tools/dataset_converters/houston_sr.py on a small scene."""

import json
import runpy

import numpy as np
import pytest
from config_runs import ROOT
from scipy.io import loadmat, savemat

from mmhsi.datasets import PatchDataset, write_raster
from mmhsi.utils.imresize import imresize

TOOL = runpy.run_path(str(ROOT / 'tools/dataset_converters/houston_sr.py'))
SIZES = ['--bands', '3', '--patch', '8', '--test-size', '16', '--test-count', '3']
KEYS = dict(gt='gt', img='ms', enlarged='ms_bicubic')


@pytest.fixture(scope='module')
def scene():
    """Higher than wide; the last band is not used and holds the largest value."""
    values = np.random.default_rng(0).integers(1, 5000, (120, 40, 4)).astype(np.uint16)
    values[..., 3] = 60000
    values[70, 5, 1] = 8000  # the maximum of the used bands
    return values


@pytest.fixture(scope='module')
def folder(scene, tmp_path_factory):
    out = tmp_path_factory.mktemp('houston')
    savemat(out / 'scene.mat', dict(scene=scene, other=np.ones((3, 3, 3))))
    TOOL['main']([str(out / 'scene.mat'), '--key', 'scene', '--out', str(out), '--scales', '2', '4', *SIZES])
    return out


@pytest.mark.parametrize('scale', [2, 4])
def test_files_and_values(scale, scene, folder):
    values = scene[..., :3].astype(np.float32) / 8000
    settings = json.loads((folder / f'houston_x{scale}/settings.json').read_text())
    assert settings['divisor'] == 8000 and settings['scale'] == scale and not settings['transposed']
    side = 8 * scale
    for subset in ('trains', 'evals'):
        files = sorted((folder / f'houston_x{scale}' / subset).iterdir())
        assert [path.name for path in files] == [f'{n:04}.mat' for n in range(1, len(settings['corners'][subset]) + 1)]
        for path, (top, left) in zip(files, settings['corners'][subset], strict=True):
            arrays = {key: value for key, value in loadmat(path).items() if not key.startswith('__')}
            assert set(arrays) == set(KEYS.values())
            assert all(array.dtype == np.float32 for array in arrays.values())
            np.testing.assert_allclose(arrays['gt'], values[top : top + side, left : left + side], rtol=1e-6)
            np.testing.assert_allclose(arrays['ms'], imresize(arrays['gt'], 1 / scale), atol=1e-6)
            np.testing.assert_allclose(arrays['ms_bicubic'], imresize(arrays['ms'], scale), atol=1e-6)
    test = loadmat(folder / f'houston_x{scale}/houston_test.mat')
    assert test['gt'].shape == (3, 16, 16, 3) and test['ms'].shape == (3, 16 // scale, 16 // scale, 3)
    for image, (top, left) in enumerate([(0, 0), (0, 16), (16, 0)]):  # two fit side by side
        np.testing.assert_allclose(test['gt'][image], values[top : top + 16, left : left + 16], rtol=1e-6)


def covered(settings, subset, side):
    mask = np.zeros((120, 40), int)
    for top, left in settings['corners'][subset]:
        mask[top : top + side, left : left + side] += 1
    return mask


def test_no_pixel_serves_two_purposes(folder):
    settings = json.loads((folder / 'houston_x2/settings.json').read_text())
    trains, evals, test = (covered(settings, subset, 16) for subset in ('trains', 'evals', 'test'))
    assert not ((trains > 0) & (evals > 0)).any() and not test[32:].any()
    assert not trains[:32].any() and not evals[:32].any()
    assert (trains + evals)[32:].all() and trains.max() > 1  # training patches overlap
    assert (evals > 0)[-16:].all()  # a tenth of 88 rows would be less than a patch


def test_random_validation_as_the_authors_have_it(folder, tmp_path):
    made = {}
    for seed in (0, 0, 1):
        TOOL['main'](
            [
                str(folder / 'scene.mat'),
                '--key',
                'scene',
                '--out',
                str(tmp_path),
                '--scales',
                '2',
                *SIZES,
                '--val-split',
                'random',
                '--seed',
                str(seed),
                '--overwrite',
            ]
        )
        settings = json.loads((tmp_path / 'houston_x2/settings.json').read_text())
        corners = settings['corners']
        count = len(corners['trains']) + len(corners['evals'])
        assert len(corners['evals']) == round(0.1 * count)
        assert len({tuple(corner) for subset in ('trains', 'evals') for corner in corners[subset]}) == count
        assert len(list((tmp_path / 'houston_x2/evals').iterdir())) == len(corners['evals'])
        assert made.setdefault(seed, corners) == corners
    assert made[0] != made[1]


def test_a_wide_raster_is_transposed(scene, folder, tmp_path):
    write_raster(tmp_path / 'wide.tif', scene.swapaxes(0, 1))
    TOOL['main']([str(tmp_path / 'wide.tif'), '--out', str(tmp_path), '--scales', '2', *SIZES])
    for name in ('trains/0001.mat', 'evals/0001.mat', 'houston_test.mat'):
        wanted, found = (loadmat(root / 'houston_x2' / name) for root in (folder, tmp_path))
        for key in KEYS.values():
            np.testing.assert_array_equal(found[key], wanted[key])
    assert json.loads((tmp_path / 'houston_x2/settings.json').read_text())['transposed']


def test_what_is_written_is_what_the_configs_read(folder):
    root = folder / 'houston_x4'
    train = PatchDataset(root / 'trains', KEYS, 'HWC', num_bands=3, size=8, scale=4)
    test = PatchDataset(root / 'houston_test.mat', KEYS, 'NHWC', num_bands=3, scale=4)
    assert len(train) == len(list((root / 'trains').iterdir())) and len(test) == 3
    assert test[2]['name'] == 'houston_test_2' and test[2]['img'].shape == (4, 4, 3)


def convert(path, out, *options):
    TOOL['main']([str(path), '--out', str(out), '--scales', '2', *SIZES, *options])


def test_bad_input_is_named(scene, folder, tmp_path):
    np.save(tmp_path / 'scene.npy', scene)
    with pytest.raises(FileExistsError, match='holds .* files of images already; --overwrite replaces them'):
        convert(folder / 'scene.mat', folder, '--key', 'scene')
    for options, message in (
        (('--bands', '5'), '5 bands are to be used, but the file has 4'),
        (('--test-size', '15'), 'cannot be reduced by 2'),
        (('--test-size', '64'), 'too small for 3 test images of 64 pixels'),
        (('--val', '0.9'), 'no training patch of 16 pixels is left'),
        (('--val', '0'), r'must lie in \(0, 1\)'),
        (('--divisor', '-1'), 'are to be divided by -1'),
    ):
        with pytest.raises(ValueError, match=message):
            convert(tmp_path / 'scene.npy', tmp_path, *options)
    broken = scene.astype(np.float32)
    broken[100, 20, 0] = np.nan
    np.save(tmp_path / 'broken.npy', broken)
    with pytest.raises(ValueError, match='holds NaN, infinity or no data'):
        convert(tmp_path / 'broken.npy', tmp_path)
    assert not list((tmp_path / 'houston_x2').glob('*/*.mat'))
    with pytest.warns(UserWarning, match='values reach 2 after the division by 4000'):
        convert(tmp_path / 'scene.npy', tmp_path, '--divisor', '4000')
    assert loadmat(tmp_path / 'houston_x2/evals/0001.mat')['gt'].max() > 1
