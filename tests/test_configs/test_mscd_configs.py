"""Every config of multispectral change detection trains and tests on a look-alike of OSCD."""

import json

import numpy as np
import pytest
from config_runs import configs_of, look_alikes, quick, train_and_test, trained
from mmengine.config import Config
from products import read_product

from mmhsi.datasets.oscd import TEST_CITIES, TRAIN_CITIES

CONFIGS = configs_of('multispectral_change_detection')


@pytest.fixture(scope='module')
def data_root(tmp_path_factory):
    return look_alikes(tmp_path_factory.mktemp('data'), ['oscd'])


def use_cities_of(data_root, cfg):
    """Train on all but the last of the existing training cities, validate on that one, test on the first test city."""
    *train, val = (data_root / 'oscd/train.txt').read_text().strip().split(',')
    test = (data_root / 'oscd/test.txt').read_text().strip().split(',')[0]
    for subset, names in dict(train=train, val=[val], test=[test]).items():
        cfg[f'{subset}_dataloader'].dataset.update(names=names, exclude=[])
    return test


@pytest.mark.parametrize('config', trained(CONFIGS), ids=lambda path: path.stem)
def test_config_trains_and_tests(config, data_root, tmp_path, monkeypatch):
    monkeypatch.setenv('MMHSI_DATA', str(data_root))
    cfg = quick(config, tmp_path)
    city = use_cities_of(data_root, cfg)
    results = train_and_test(cfg)
    written = json.loads((results / 'metrics.json').read_text())
    assert set(written['metrics']) == {'OA', 'kappa', 'F1', 'precision', 'recall', 'IoU', 'mIoU'}
    counts = written['scenes'][city]['counts']
    changes = read_product(results, city, 'classes')
    assert changes.shape == np.load(data_root / f'oscd/{city}/imgs_1_rect/ms_data.npy').shape[:2]
    assert set(np.unique(changes)) <= {0, 1} and changes.sum() == counts['tp'] + counts['fp']
    assert counts['evaluated'] == changes.size and counts['tp'] + counts['fn'] > 0.05 * changes.size
    assert written['metrics']['OA'] == pytest.approx((counts['tp'] + counts['tn']) / changes.size)
    pictures = {path.name for path in results.glob('*.png')}
    assert pictures == {
        f'{city}_{name}.png' for name in ('false_colour_1', 'false_colour_2', 'ground_truth', 'classes')
    }


def test_every_file_name_tells_its_dataset():
    names = [path.stem for path in CONFIGS]
    assert names and all('_oscd' in name for name in names)


def test_cities_are_those_of_the_release_and_validation_is_not_trained_on():
    cfg = Config.fromfile(CONFIGS[0].with_name('hypersigma-base_oscd.py'))
    train, val, test = (cfg[f'{subset}_dataloader'].dataset for subset in ('train', 'val', 'test'))
    assert train.names == list(TRAIN_CITIES) and test.names == list(TEST_CITIES)
    assert train.exclude == val.names and set(val.names) < set(TRAIN_CITIES)


def test_the_official_variant_chooses_on_the_test_cities_and_scales_as_for_imagenet():
    cfg = Config.fromfile(CONFIGS[0].with_name('hypersigma-base_oscd_official.py'))
    assert cfg.train_dataloader.dataset.exclude == [] and cfg.val_dataloader.dataset.names == list(TEST_CITIES)
    for subset in ('train', 'val', 'test'):
        (step,) = cfg[f'{subset}_dataloader'].dataset.scene.preprocessing
        values = np.array([0.0, 123.675, 10_000.0])
        np.testing.assert_allclose(step.factor * values + step.offset, (values - 123.675) / 58.395, atol=1e-5)
