import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from mmhsi.datasets import Scene

ROOT = Path(__file__).parents[2]
TEST_DATA = Path(os.environ.get('MMHSI_TEST_DATA', ROOT / '../shared/data'))


@pytest.fixture(scope='module')
def converter():
    pytest.importorskip('tensorly')
    path = ROOT / 'tools/dataset_converters/indian_pines.py'
    spec = importlib.util.spec_from_file_location('indian_pines_converter', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def folder(converter, tmp_path_factory):
    folder = tmp_path_factory.mktemp('indian_pines')
    assert [path.name for path in converter.convert(folder)] == ['Indian_pines_corrected.mat', 'Indian_pines_gt.mat']
    return folder


def test_files_hold_the_scene_under_the_customary_keys(folder):
    cube = loadmat(folder / 'Indian_pines_corrected.mat')['indian_pines_corrected']
    labels = loadmat(folder / 'Indian_pines_gt.mat')['indian_pines_gt']
    assert (cube.shape, cube.dtype, cube.min(), cube.max()) == ((145, 145, 200), np.uint16, 955, 9604)
    assert (labels.shape, labels.dtype, np.count_nonzero(labels)) == ((145, 145), np.uint8, 10249)
    assert np.bincount(labels.ravel())[[1, 9, 11]].tolist() == [46, 20, 2455]


@pytest.mark.skipif(
    not TEST_DATA.is_dir(), reason=f'no real scenes in {TEST_DATA}; set MMHSI_TEST_DATA to their folder'
)
def test_labels_equal_those_of_another_source(folder):
    other = loadmat(TEST_DATA / 'classification/ground-truths-only/indian_pines_corrected_gt.mat')['indian_pines_gt']
    np.testing.assert_array_equal(loadmat(folder / 'Indian_pines_gt.mat')['indian_pines_gt'], other)


def test_second_run_writes_only_what_is_missing(converter, folder):
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert converter.convert(folder) == []
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    (folder / 'Indian_pines_gt.mat').unlink()
    assert converter.convert(folder) == [folder / 'Indian_pines_gt.mat']


@pytest.mark.parametrize(
    'name, content, message',
    [
        (
            'Indian_pines_corrected.mat',
            {'indian_pines_corrected': np.ones((149, 149, 9), np.uint8)},
            r'\(149, 149, 9\)',
        ),
        ('Indian_pines_gt.mat', {'indian_pines_gt': np.ones((145, 145), np.uint8)}, r'these labels \[21025\]'),
        ('Indian_pines_gt.mat', {'other': np.ones((145, 145), np.uint8)}, 'indian_pines_gt'),
    ],
)
def test_another_file_of_that_name_is_not_overwritten(converter, tmp_path, name, content, message):
    savemat(tmp_path / name, content)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(ValueError, match=f'{name}.*{message}'):
        converter.convert(tmp_path)
    assert (tmp_path / name).read_bytes() == before


def test_default_folder_is_below_the_data_root(converter, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('MMHSI_DATA', str(tmp_path))
    monkeypatch.setattr(sys, 'argv', ['indian_pines.py'])
    converter.main()
    converter.main()
    assert (tmp_path / 'indian_pines/Indian_pines_gt.mat').is_file()
    assert capsys.readouterr().out.splitlines()[-1] == f'{tmp_path / "indian_pines"} holds Indian Pines already'


def test_scene_of_the_published_protocol(folder):
    scene = Scene(
        image={'path': 'Indian_pines_corrected.mat', 'key': ['data', 'indian_pines_corrected']},
        labels={'path': 'Indian_pines_gt.mat', 'key': ['groundT', 'indian_pines_gt']},
        data_root=str(folder),
        classes='indian_pines',
        num_bands=200,
        split={'type': 'NumberSplit', 'train': 10, 'val': 5, 'seed': 0},
        preprocessing=[{'type': 'MinMaxScale'}, {'type': 'SpectralPCA', 'n_components': 20}],
    )
    assert len(scene.split.train) == 160 and len(scene.split.val) == 80 and len(scene.split.test) == 10009
    components = scene.window(0, 0, 145, 145).reshape(-1, 20).astype(np.float64)
    np.testing.assert_allclose(np.cov(components.T), np.eye(20), atol=2e-3)
