"""What the demos do before they train; the documentation's test runs them from start to end."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from scipy.io import savemat

from mmhsi.registry import DATASETS, MODELS

DEMO = Path(__file__).resolve().parents[2] / 'demo'


@pytest.fixture
def demo(monkeypatch):
    """The names that a demo defines, by its file."""
    monkeypatch.syspath_prepend(str(DEMO))
    yield lambda name: runpy.run_path(str(DEMO / name))
    sys.modules.pop('demo_run', None)


def test_arguments_reach_the_config(demo, tmp_path):
    names = demo('demo_run.py')
    args = names['make_parser']('A demo.\nMore.', demo('indian_pines.py')['CONFIG']).parse_args(
        ['--seed', '7', '--epochs', '3', '--work-dir', str(tmp_path)]
    )
    cfg = names['load_config'](args)
    assert cfg.randomness.seed == 7 and cfg.work_dir == str(tmp_path)
    assert {
        loader.dataset.scene.split.seed for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)
    } == {7}
    assert (cfg.train_cfg.max_epochs, cfg.train_cfg.val_begin, cfg.train_cfg.val_interval) == (3, 1, 3)


def test_a_scene_of_ones_own_takes_the_place_of_the_demos(demo, tmp_path):
    rng = np.random.default_rng(0)
    truth = np.zeros((40, 36), np.uint8)
    truth[10, 10] = 1
    savemat(tmp_path / 'mine.mat', dict(cube=rng.normal(size=(40, 36, 12)) + 5 * truth[..., None], truth=truth))
    anomalies, run = demo('anomaly_detection.py'), demo('demo_run.py')
    cfg = run['load_config'](run['make_parser']('A demo.', anomalies['CONFIG']).parse_args([]))
    anomalies['use_scene'](cfg, str(tmp_path / 'mine.mat'), 'cube', None, 'truth')
    init_default_scope('mmhsi')
    tile = DATASETS.build(cfg.train_dataloader.dataset)[0]['inputs']
    assert tile.shape == (12, 32, 32)  # no more components than bands
    MODELS.build(cfg.model)
    outcomes = run['run_classical'](cfg, tmp_path, {'RX': ('rx', {})}, 'labelled', anomalies['STANDARDISED'])
    assert outcomes['RX'].result.metrics['AUC'] == 1  # the one pixel that differs scores highest
    assert (tmp_path / 'RX/metrics.json').is_file()
