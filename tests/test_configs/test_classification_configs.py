"""Every classification config trains and tests on a look-alike of its scene, in its original file layout."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from config_runs import ROOT, configs_of, look_alikes, quick, train_and_test, trained
from mmengine.config import Config
from products import read_product
from scipy.io import loadmat, savemat

from mmhsi.datasets import get_scene
from mmhsi.datasets.io import read_cube, read_labels

CONFIGS = configs_of('classification')
CLASSES = {
    'indian-pines': 16,
    'pavia-university': 9,
    'hanchuan': 16,
    'honghu': 22,
    'houston': 15,
    'zy1-02d': 23,
    'xiongan': 20,
}


def scene_name(config: Path) -> str:
    """The scene in a file name, whose parts are model, protocol, scene and perhaps options."""
    return config.stem.split('_')[2]


@pytest.fixture(scope='module')
def data_root(tmp_path_factory) -> Path:
    return look_alikes(tmp_path_factory.mktemp('data'), [name.replace('-', '_') for name in CLASSES])


@pytest.mark.parametrize('config', trained(CONFIGS), ids=lambda path: path.stem)
def test_config_trains_and_tests(config, data_root, tmp_path, monkeypatch):
    monkeypatch.setenv('MMHSI_DATA', str(data_root))
    name = scene_name(config)
    cfg = quick(config, tmp_path)
    results = train_and_test(cfg)
    metrics = json.loads((results / 'metrics.json').read_text())['metrics']
    uncertain = cfg.test_evaluator.get('uncertainty', False)
    assert set(metrics) == {'OA', 'AA', 'kappa', *(('NLL', 'ECE') if uncertain else ())}
    prediction = read_product(results, name, 'classes')
    assert prediction.shape == get_scene(cfg.test_dataloader.dataset.scene).labels.shape
    predicted = prediction[prediction != 255]
    assert predicted.size >= 8 and predicted.max() < CLASSES[name]
    pictures = {path.name for path in results.glob('*.png')}
    assert pictures == {
        f'{name}_{picture}.png'
        for picture in (
            'false_colour',
            'ground_truth',
            'spectra',
            'classes',
            'error',
            'confusion_matrix',
            *(('confidence', 'entropy') if uncertain else ()),
        )
    }


def test_every_scene_has_both_base_models_in_both_protocols():
    assert {scene_name(path) for path in CONFIGS} == set(CLASSES)
    wanted = {
        f'{model}-base_{protocol}_{name}'
        for name in CLASSES
        if name != 'xiongan'  # of one notebook only
        for model in ('hypersigma', 'spatsigma')
        for protocol in ('cls', 'seg')
    }
    assert {*wanted, 'hypersigma-base_cls_xiongan'} <= {path.stem for path in CONFIGS}


def test_metafile_lists_every_config():
    listed = [
        model['Config']
        for model in yaml.safe_load((ROOT / 'configs/classification/metafile.yml').read_text())['Models']
    ]
    assert sorted(listed) == [path.relative_to(ROOT).as_posix() for path in CONFIGS]


# protocol, scene: training and validation pixels of a class, components, window or tile, overlap, batch, as published
PUBLISHED = {
    'cls_indian-pines': (10, 5, 30, 33, None, 64),
    'seg_indian-pines': (10, 5, 20, 145, 0, 1),
    'seg_pavia-university': (20, 20, 20, 128, 32, 2),
    'seg_hanchuan': (50, 50, 30, 128, 32, 2),
    'seg_honghu': (50, 50, 30, 128, 32, 2),
}


@pytest.mark.parametrize('name', PUBLISHED)
def test_base_configs_hold_the_published_settings(name):
    for model, epochs in (('hypersigma', 100), ('spatsigma', 300)):
        cfg = Config.fromfile(ROOT / f'configs/classification/{model}-base_{name}.py')
        loader, scene = cfg.train_dataloader, cfg.train_dataloader.dataset.scene
        dataset, components = loader.dataset, scene.preprocessing[-1].n_components
        size = dataset.get('window_size', dataset.get('tile_size'))
        assert PUBLISHED[name] == (
            scene.split.train,
            scene.split.val,
            components,
            size,
            dataset.get('overlap'),
            loader.batch_size,
        )
        scaled = [step.type for step in scene.preprocessing[:-1]]
        assert scaled == (['MinMaxScale'] if name.startswith('seg') else [])
        assert scene.preprocessing[-1].whiten and cfg.model.data_preprocessor.num_bands == components
        optimizer = cfg.optim_wrapper.optimizer
        assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 6e-5, 0.05)
        assert cfg.train_cfg.max_epochs == epochs


# keys of the files that the official code reads
OFFICIAL_KEYS = {
    'indian-pines': ('data', 'groundT'),
    'pavia-university': ('paviaU1', 'paviaU1_gt'),
    'hanchuan': ('HanChuan', 'HanChuan_gt'),
    'honghu': ('HongHu', 'HongHu_gt'),
    'houston': ('Houston', 'Houston_GT'),
}


@pytest.mark.parametrize('name', OFFICIAL_KEYS)
def test_files_of_the_official_code_are_read_too(name, tmp_path):
    scene = Config.fromfile(ROOT / f'configs/_base_/datasets/{name}.py').scene
    cube, labels = np.arange(24, dtype=np.uint16).reshape(2, 3, 4), np.arange(6, dtype=np.uint8).reshape(2, 3)
    for key, values, path in zip(
        OFFICIAL_KEYS[name], (cube, labels), (scene.image.path, scene.labels.path), strict=True
    ):
        savemat(tmp_path / path, {key: values})
    np.testing.assert_array_equal(read_cube(tmp_path / scene.image.path, scene.image.key)[0], cube)
    np.testing.assert_array_equal(read_labels(tmp_path / scene.labels.path, scene.labels.key), labels)


@pytest.mark.parametrize('protocol', ['cls', 'seg'])
def test_official_split_of_houston_is_that_of_its_maps(protocol, data_root, monkeypatch):
    monkeypatch.setenv('MMHSI_DATA', str(data_root))
    cfg = Config.fromfile(ROOT / f'configs/classification/hypersigma-base_{protocol}_houston_official-split.py')
    train, test = (loadmat(data_root / f'houston/{key}.mat')[key].ravel() for key in ('TRLabel', 'TSLabel'))
    for subset in ('train', 'val', 'test'):
        scene = get_scene(cfg[f'{subset}_dataloader'].dataset.scene)
        np.testing.assert_array_equal(scene.split.test, np.flatnonzero(test))
        np.testing.assert_array_equal(np.union1d(scene.split.train, scene.split.val), np.flatnonzero(train))
        assert np.bincount(train[scene.split.val]).tolist() == [0] + [20] * 15
    whole = loadmat(data_root / 'houston/Houston_GT.mat')['Houston_GT']
    np.testing.assert_array_equal(np.where(scene.labels == 255, 0, scene.labels + 1), whole)


def test_the_cube_of_xiongan_lies_as_its_labels_do(data_root, monkeypatch):
    """A file of MATLAB 7.3 has the axes reversed: bands, columns, rows."""
    monkeypatch.setenv('MMHSI_DATA', str(data_root))
    scene = get_scene(
        Config.fromfile(ROOT / 'configs/classification/hypersigma-base_cls_xiongan.py').train_dataloader.dataset.scene
    )
    with h5py.File(data_root / 'xiongan/Xiongan.mat') as file:
        on_disk = file['data'][()]
    labels = loadmat(data_root / 'xiongan/Xiongan_GT.mat')['gt']
    assert on_disk.shape == (250, *labels.shape[::-1]) and scene.labels.shape == labels.shape
    np.testing.assert_array_equal(scene.raw_pixels(np.array([5 * labels.shape[1] + 7]))[0], on_disk[:, 7, 5])
    drawn = labels.ravel()[scene.split.train]
    assert np.bincount(drawn, minlength=21)[1:].tolist() == [
        min(100, np.count_nonzero(labels == label) - 1) for label in range(1, 21)
    ]
