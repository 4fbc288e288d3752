"""Tests of tools/misc/print_config.py."""

import runpy
from pathlib import Path

import pytest
from mmengine.config import Config

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'misc' / 'print_config.py'


@pytest.fixture
def print_config(capsys):

    def run(*argv):
        runpy.run_path(str(TOOL))['main']([str(item) for item in argv])
        return capsys.readouterr().out

    return run


def test_prints_what_is_inherited_and_overridden(tmp_path, print_config):
    (tmp_path / 'scene.py').write_text('num_bands = 200\nwindow = dict(size=9, stride=1)\n')
    config = tmp_path / 'config.py'
    config.write_text("_base_ = 'scene.py'\nwindow = dict(size=33)\nclasses = ('corn', 'oats')\n")
    printed = print_config(config, '--cfg-options', 'window.stride=3')
    assert Config.fromstring(printed, '.py').to_dict() == dict(
        num_bands=200, window=dict(size=33, stride=3), classes=('corn', 'oats')
    )


def test_absent_config_is_named(tmp_path, print_config):
    with pytest.raises(FileNotFoundError, match='absent.py'):
        print_config(tmp_path / 'absent.py')
