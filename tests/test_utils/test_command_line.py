"""Tests of the arguments that the command line tools share."""

import argparse
import os

import pytest

from mmhsi.utils.command_line import add_config_arguments, add_runner_arguments, load_config


@pytest.fixture
def config_file(tmp_path):
    (tmp_path / 'base.py').write_text('train_cfg = dict(max_epochs=5, val_interval=1)\n')
    path = tmp_path / 'unet_pavia.py'
    path.write_text("_base_ = 'base.py'\nbands = [0, 1]\n")
    return path


@pytest.fixture
def load(config_file, monkeypatch):
    monkeypatch.setenv('LOCAL_RANK', '0')

    def load_with(*argv):
        parser = argparse.ArgumentParser()
        add_runner_arguments(parser)
        return load_config(parser.parse_args([str(config_file), *argv]))

    return load_with


def test_overrides_reach_inherited_values(load):
    cfg = load('--cfg-options', 'train_cfg.max_epochs=7', 'bands="[3,4,5]"', 'scene.name=pavia')
    assert cfg.train_cfg == dict(max_epochs=7, val_interval=1)
    assert cfg.bands == [3, 4, 5] and cfg.scene.name == 'pavia'


def test_work_dir_is_the_command_line_then_the_config_then_the_name(load, config_file):
    assert load().work_dir == os.path.join('work_dirs', 'unet_pavia')
    config_file.write_text("work_dir = 'mine'\n")
    assert load().work_dir == 'mine'
    assert load('--cfg-options', 'work_dir=overridden').work_dir == 'overridden'
    assert load('--work-dir', 'given').work_dir == 'given'


def test_launcher_and_rank(load, monkeypatch):
    assert load().launcher == 'none'
    assert load('--launcher', 'mpi', '--local_rank', '3').launcher == 'mpi'
    assert os.environ['LOCAL_RANK'] == '0', 'what the launcher put into the environment is kept'
    monkeypatch.delenv('LOCAL_RANK')
    load('--local-rank', '3')
    assert os.environ['LOCAL_RANK'] == '3'


def test_config_arguments_alone_leave_the_config_as_it_is(config_file):
    parser = argparse.ArgumentParser()
    add_config_arguments(parser)
    cfg = load_config(parser.parse_args([str(config_file)]))
    assert dict(cfg) == dict(train_cfg=dict(max_epochs=5, val_interval=1), bands=[0, 1])
