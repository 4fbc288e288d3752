"""Tests of tools/misc/verify_dataset.py and env_info.py."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch

import mmhsi
from mmhsi.datasets.io import write_raster

TOOLS = Path(__file__).resolve().parents[2] / 'tools' / 'misc'


@pytest.fixture
def dataset(tmp_path):
    """A folder with a scene in .mat files and a map as GeoTIFF."""
    folder = tmp_path / 'data'
    folder.mkdir()
    cube = np.arange(4 * 5 * 3.0).reshape(4, 5, 3)
    cube[1, 2, 0], cube[3, 3, 1] = np.nan, np.inf
    labels = np.array([[0, 1, 1, 2, 2]] * 4, np.uint8)
    scipy.io.savemat(folder / 'scene.mat', dict(cube=cube, note='made by hand'))
    scipy.io.savemat(folder / 'labels.mat', dict(gt=labels))
    write_raster(folder / 'map.tif', labels.astype(np.float32), nodata=2)
    return folder


@pytest.fixture
def verify(capsys):
    main = runpy.run_path(str(TOOLS / 'verify_dataset.py'))['main']

    def run(*argv):
        with pytest.raises(SystemExit) as end:
            main([str(value) for value in argv])
        return int(end.value.code), capsys.readouterr().out

    return run


def test_every_array_is_described(dataset, verify):
    code, text = verify(dataset)
    assert code == 0 and '3 files, 0 scenes: no problems' in text
    assert f'ok    {dataset / "scene.mat"}: cube: 4 x 5 pixels, 3 bands, float64, 0 to 59, 1 NaN, 1 infinite' in text
    assert f'ok    {dataset / "scene.mat"}: note (1,) char' in text
    assert 'gt: 4 x 5 pixels, 1 bands, uint8, 0 to 2; pixels by label 0: 4, 1: 8, 2: 8' in text
    assert 'map.tif: 4 x 5 pixels, 1 bands, float32, 0 to 1, 8 nodata; pixels by label 0: 4, 1: 8' in text


def test_damage_is_reported(dataset, verify):
    content = (dataset / 'scene.mat').read_bytes()
    (dataset / 'scene.mat').write_bytes(content[:-40])
    (dataset / 'map.tif').write_bytes(b'II*\0 nonsense')
    code, text = verify(dataset)
    assert code == 1 and text.count('WRONG') == 2 and '2 problems' in text
    assert f'WRONG {dataset / "scene.mat"}: the file is truncated' in text


def test_checksums_find_changes(dataset, verify, tmp_path):
    listing = tmp_path / 'sums'
    assert verify(dataset, '--write-checksums', listing)[0] == 0
    assert verify(dataset, '--checksums', listing)[0] == 0
    (dataset / 'labels.mat').rename(dataset / 'other.mat')
    scipy.io.savemat(dataset / 'scene.mat', dict(cube=np.zeros((4, 5, 3))))
    code, text = verify(dataset, '--checksums', listing)
    assert code == 1 and '3 problems' in text
    assert f'{dataset / "scene.mat"}: the checksum differs' in text
    assert f'{dataset / "labels.mat"}: the file is absent' in text
    assert f'{dataset / "other.mat"}: the file is not in' in text


def test_the_scenes_of_a_config_are_built(dataset, verify, tmp_path):
    config = tmp_path / 'config.py'
    text = f"""scene = dict(
    type='Scene', name='strip', data_root={str(dataset)!r}, image=dict(path='scene.mat', key='cube'),
    labels=dict(path='labels.mat', key='gt'), num_bands=3, split=dict(type='NumberSplit', train=2, val=1))
train_dataloader = dict(dataset=dict(type='WindowDataset', scene=scene))
test_dataloader = dict(dataset=dict(type='WindowDataset', scene=scene))
"""
    config.write_text(text)
    code, printed = verify(config)
    assert code == 0, printed
    assert 'scene strip: 4 x 5 pixels, 2 classes, 4 training, 2 validation,' in printed
    assert '2 files, 1 scenes: no problems' in printed
    config.write_text(text.replace('num_bands=3', 'num_bands=4'))
    code, printed = verify(config)
    assert code == 1 and 'WRONG scene strip: ' in printed


def test_an_empty_folder_is_a_problem(verify, tmp_path):
    code, text = verify(tmp_path)
    assert code == 1 and 'no file with the suffix' in text


def test_environment(capsys):
    runpy.run_path(str(TOOLS / 'env_info.py'))['main']([])
    text = capsys.readouterr().out
    assert f'mmhsi: {mmhsi.__version__}\n' in text and f'PyTorch: {torch.__version__}' in text
    assert 'onnx (optional): ' in text and 'distributed back ends: ' in text and f'numpy: {np.__version__}' in text
