"""Tests of the former names of modules."""

import importlib
import sys

import pytest

from mmhsi import moved


@pytest.mark.parametrize('old', [*moved._ROOMS, *moved._MODULES, 'mmhsi.apis.inference.inputs'])
def test_former_name_gives_the_module_of_today(old):
    with pytest.warns(DeprecationWarning, match=f'{old} is {moved.new_name(old)} now'):
        sys.modules.pop(old, None)
        module = importlib.import_module(old)
    assert module is importlib.import_module(moved.new_name(old))


def test_other_names_are_left_alone():
    assert moved.new_name('mmhsi.apis') is None and moved.new_name('mmhsi.datasets.scenes.scene') is None
    with pytest.raises(ModuleNotFoundError, match='mmhsi.apis.nothing'):
        importlib.import_module('mmhsi.apis.nothing')
