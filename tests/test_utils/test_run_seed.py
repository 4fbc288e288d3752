"""One seed for training and splits."""

import argparse

import pytest
from mmengine.config import Config

from mmhsi.utils.command_line import add_runner_arguments, load_config
from mmhsi.utils.run_seed import set_run_seed


def test_the_seed_reaches_training_and_every_split_that_is_drawn():
    scene = dict(split=dict(type='NumberSplit', train=5))
    other = dict(split=dict(type='BlockSplit', seed=3))
    nested = dict(split=dict(type='LimitedSplit', split=dict(type='BlockSplit')))
    fixed = dict(split=dict(type='FileSplit', path='split.npz'))
    cfg = Config(
        dict(
            scene=scene,
            train=dict(datasets=[dict(scene=scene), dict(scene=other), dict(scene=fixed), dict(scene=nested)]),
        )
    )
    set_run_seed(cfg, 7)
    assert cfg.randomness == dict(seed=7) and cfg.scene.split.seed == 7
    assert [part.scene.split.get('seed') for part in cfg.train.datasets] == [7, 7, None, 7]
    assert cfg.train.datasets[3].scene.split.split.seed == 7


def test_other_settings_of_randomness_are_kept():
    cfg = Config(dict(randomness=dict(seed=0, deterministic=True)))
    set_run_seed(cfg, 2)
    assert cfg.randomness == dict(seed=2, deterministic=True)


@pytest.mark.parametrize('argv, seed, split_seed', [([], 0, 1), (['--seed', '4'], 4, 4)])
def test_command_line(tmp_path, monkeypatch, argv, seed, split_seed):
    monkeypatch.setenv('LOCAL_RANK', '0')
    path = tmp_path / 'config.py'
    path.write_text("randomness = dict(seed=0)\nscene = dict(split=dict(type='NumberSplit', seed=1))\n")
    parser = argparse.ArgumentParser()
    add_runner_arguments(parser)
    cfg = load_config(parser.parse_args([str(path), *argv]))
    assert (cfg.randomness.seed, cfg.scene.split.seed) == (seed, split_seed)
