"""What the demos do before they train; the documentation's test runs them from start to end."""

import json
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.config import Config
from scipy.io import savemat

from mmhsi.engine.scene_settings import resolve_scene_settings
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
    assert cfg.scene.split.seed == 7  # what all datasets get
    assert (cfg.train_cfg.max_epochs, cfg.train_cfg.val_begin, cfg.train_cfg.val_interval) == (3, 1, 3)


def test_only_the_scene_of_the_demo_is_written(demo):
    folder = demo('demo_run.py')['demo_folder']
    theirs = Config.fromfile(demo('indian_pines.py')['CONFIG'])
    assert folder(theirs, 'Indian_pines_corrected.mat') == theirs.scene.data_root
    for image in ('mine.tif', dict(path='mine.tif')):
        scene = dict(type='Scene', image=image)
        assert folder(Config(dict(scene=scene)), 'Indian_pines_corrected.mat') is None
        loader = dict(dataset=dict(scene=dict(scene, data_root='data')))
        assert folder(Config(dict(test_dataloader=loader)), 'Indian_pines_corrected.mat') is None


def test_a_scene_of_ones_own_takes_the_place_of_the_demos(demo, tmp_path):
    rng = np.random.default_rng(0)
    truth = np.zeros((40, 36), np.uint8)
    truth[10, 10] = 1
    savemat(tmp_path / 'mine.mat', dict(cube=rng.normal(size=(40, 36, 12)) + 5 * truth[..., None], truth=truth))
    anomalies, run = demo('anomaly_detection.py'), demo('demo_run.py')
    cfg = run['load_config'](run['make_parser']('A demo.', anomalies['CONFIG']).parse_args([]))
    anomalies['use_scene'](cfg, str(tmp_path / 'mine.mat'), 'cube', None, 'truth')
    resolve_scene_settings(cfg)
    tile = DATASETS.build(cfg.train_dataloader.dataset)[0]['inputs']
    assert tile.shape == (12, 32, 32)  # no more components than bands
    MODELS.build(cfg.model)


def test_the_table_has_the_whole_its_parts_and_classical_methods(demo, tmp_path, capsys):
    stored = dict(
        metrics=dict(AUC=0.9, mean=1.0),
        parts=dict(network=dict(AUC=0.8)),
        classical=dict(rx=dict(scores=dict(AUC=0.7)), crd=dict(scores={})),
        comparison=dict(sentence='ahead of rx.'),
    )
    (tmp_path / 'results').mkdir()
    (tmp_path / 'results/metrics.json').write_text(json.dumps(stored))
    found = demo('demo_run.py')['print_scores'](SimpleNamespace(log_dir=str(tmp_path)), ('AUC',))
    assert found == {'recommended': {'AUC': 0.9}, 'its part: network': {'AUC': 0.8}, 'rx': {'AUC': 0.7}, 'crd': {}}
    printed = capsys.readouterr().out
    assert 'ahead of rx.' in printed and '0.8000' in printed
