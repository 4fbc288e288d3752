"""Tests of the former names of modules."""

import importlib
import sys

import pytest

from mmhsi import moved


@pytest.mark.parametrize('old', [*moved._ROOMS, *moved._MODULES, 'mmhsi.apis.inference.inputs'])
def test_former_name_gives_the_module_of_today(old):
    with pytest.warns(DeprecationWarning, match=f'{old} is now {moved.new_name(old)}'):
        sys.modules.pop(old, None)
        module = importlib.import_module(old)
    assert module is importlib.import_module(moved.new_name(old))


def test_other_names_are_left_alone():
    assert moved.new_name('mmhsi.apis') is None and moved.new_name('mmhsi.datasets.scenes.scene') is None
    with pytest.raises(ModuleNotFoundError, match='mmhsi.apis.nothing'):
        importlib.import_module('mmhsi.apis.nothing')


def test_a_renamed_argument_keeps_its_value_and_warns():
    arguments = dict(width=3)
    with pytest.warns(
        DeprecationWarning, match='width of Head is now channels; the former name will be removed in version 2'
    ):
        moved.renamed_argument(arguments, 'width', 'channels', 'Head')
    assert arguments == dict(channels=3)
    moved.renamed_argument(arguments, 'width', 'channels', 'Head')
    with pytest.raises(ValueError, match='Head: width is the former name of channels, and both are given'):
        moved.renamed_argument(dict(width=3, channels=4), 'width', 'channels', 'Head')


def test_a_deprecated_function_works_on_and_warns():
    @moved.deprecated('mmhsi.apis.new', until='3')
    def old(value):
        """Doubles."""
        return 2 * value

    with pytest.warns(
        DeprecationWarning, match='old is now mmhsi.apis.new; the former name will be removed in version 3'
    ) as seen:
        assert old(4) == 8
    assert seen[0].filename == __file__ and old.__doc__ == 'Doubles.'
