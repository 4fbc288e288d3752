"""Steps of a cell other than training and test: pre-training before, noise in between."""

from pathlib import Path

import pytest
from config_runs import look_alikes

from mmhsi.comparison.run_cell import run_cell
from mmhsi.comparison.suite import load_suite

ROOT = Path(__file__).parents[2]
SUITE = f"""
_base_ = '{ROOT / 'configs/benchmarks/smoke.py'}'
folder = '{ROOT / 'configs'}/'
contestants = [
    dict(
        name='network',
        config=folder + 'classification/hypersigma-tiny_cls_indian-pines.py',
        cfg_options=_base_.short,
        pretraining=dict(
            spatial=dict(
                config=folder + 'pretrain/spat-mae_tiny_indian-pines.py',
                cfg_options={{'train_cfg.max_epochs': 1, 'train_dataloader.batch_size': 4,
                             'train_dataloader.dataset.indices': 4}},
            )
        ),
    ),
    dict(name='forest', method='forest', config=folder + 'classification/cnn-3d_cls_indian-pines.py'),
]
noise = dict(type='MissingBands', fraction=1.0, seed='{{seed}}')
settings = {{'noisy': dict(_base_.settings['random'], test_noise=noise)}}
seeds = (3,)
"""


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.setenv('MMHSI_DATA', str(look_alikes(tmp_path / 'data', ['indian_pines'])))
    (tmp_path / 'suite.py').write_text(SUITE)
    return load_suite(tmp_path / 'suite.py')


def test_a_network_starts_from_its_pre_training_and_is_tested_on_noise(suite, tmp_path):
    network, forest = (cell for cell in suite.cells if cell.setting == 'noisy')
    first = network.pretraining_configs()['spatial']
    assert (first.train_cfg.max_epochs, first.randomness.seed) == (1, 3)
    record = run_cell(network, tmp_path / 'network')
    (log,) = (tmp_path / 'network').glob('2*/*.log')
    assert 'pretraining-spatial/epoch_1.pth' in log.read_text() and 'SpatViT initialised from' in log.read_text()
    # without any band one class is found everywhere: a sixteenth of the mean of the classes, or of those tested
    assert record['scores']['kappa'] == pytest.approx(0, abs=1e-6)
    assert not list((tmp_path / 'network').rglob('*.pth'))
    with pytest.raises(ValueError, match='forest learns and is tested in one step'):
        run_cell(forest, tmp_path / 'forest')


def test_noise_and_pre_training_decide_the_result(suite):
    cells = {(cell.setting, cell.contestant): cell for cell in suite.cells}
    plain, noisy = cells['random', 'network'], cells['noisy', 'network']
    assert plain.fingerprint() != noisy.fingerprint() and noisy.seeded(noisy.test_noise)['seed'] == 3


def test_a_pre_training_that_is_absent_is_named(tmp_path):
    (tmp_path / 'suite.py').write_text(SUITE.replace('spat-mae_tiny', 'spat-mae_none'))
    with pytest.raises(FileNotFoundError, match='no config .*spat-mae_none_indian-pines.py to pre-train'):
        load_suite(tmp_path / 'suite.py')
