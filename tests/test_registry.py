"""Tests of the registries: components are found by scope, without an import list."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import mmengine.registry
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope, Registry

from mmhsi import registry
from mmhsi.registry import MODELS, TRANSFORMS

ROOT = Path(__file__).resolve().parents[1]
WITH_COMPONENTS = (
    'MODELS',
    'DATASETS',
    'TRANSFORMS',
    'DATA_SAMPLERS',
    'METRICS',
    'EVALUATORS',
    'HOOKS',
    'OPTIM_WRAPPER_CONSTRUCTORS',
    'PARAM_SCHEDULERS',
    'LOOPS',
    'VISUALIZERS',
    'VISBACKENDS',
    'INFERENCERS',
    'TASK_UTILS',
    'TASKS',
)
REGISTRIES = {name: value for name, value in vars(registry).items() if isinstance(value, Registry)}
OWN = ('TASKS',)  # MMEngine has no such registry
needs_mmagic = pytest.mark.skipif(importlib.util.find_spec('mmagic') is None, reason='mmagic is not installed')


@pytest.mark.parametrize('name', [name for name in REGISTRIES if name not in OWN])
def test_registry_is_a_child_of_mmengine(name):
    child = REGISTRIES[name]
    root = getattr(mmengine.registry, {'EVALUATORS': 'EVALUATOR'}.get(name, name))
    assert child.scope == 'mmhsi' and child.parent is root and root.children['mmhsi'] is child


@pytest.mark.parametrize('name', WITH_COMPONENTS)
def test_registry_knows_where_to_look(name):
    assert REGISTRIES[name]._locations
    for location in REGISTRIES[name]._locations:
        assert importlib.util.find_spec(location) is not None, f'{name} looks in {location}, which does not exist'


@pytest.mark.parametrize(
    'name, module',
    [
        ('mmseg.UPerHead', 'mmseg'),
        ('mmpretrain.ResNet', 'mmpretrain'),
        pytest.param('mmagic.BaseEditModel', 'mmagic', marks=needs_mmagic),
    ],
)
def test_component_of_a_sister_toolbox_is_found_by_scope(name, module):
    found = MODELS.get(name)
    assert found.__name__ == name.split('.')[1] and found.__module__.startswith(f'{module}.')


def test_component_of_a_missing_toolbox_says_what_to_install(monkeypatch):
    for name, package in (('mmagic', r'"mmhsi\[restoration-zoo\]"'), ('mmseg', 'mmsegmentation')):
        with monkeypatch.context() as patch, DefaultScope.overwrite_default_scope('mmhsi'):
            patch.setitem(sys.modules, name, None)
            with pytest.raises(ImportError, match=f"'{name}.Net' is a component of {name}, .*: pip install {package}"):
                mmengine.registry.MODELS.build(dict(type=f'{name}.Net'))


def test_component_of_a_sister_toolbox_is_built():
    head = MODELS.build(
        dict(
            type='mmseg.FCNHead',
            in_channels=8,
            channels=4,
            num_classes=3,
            num_convs=1,
            loss_decode=dict(type='mmseg.CrossEntropyLoss'),
        )
    )
    assert head.conv_seg.out_channels == 3


def test_unknown_component_names_the_registry():
    with pytest.raises(KeyError, match='NoSuchTransform is not in the'):
        TRANSFORMS.build(dict(type='NoSuchTransform'))


def test_config_inherits_from_a_sister_toolbox(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text("_base_ = 'mmseg::_base_/default_runtime.py'\ndefault_scope = 'mmhsi'\n")
    cfg = Config.fromfile(path)
    assert cfg.default_scope == 'mmhsi' and cfg.env_cfg.dist_cfg.backend == 'nccl'


@pytest.mark.slow
def test_default_scope_and_custom_imports_are_all_a_config_needs(tmp_path):
    (tmp_path / 'my_heads.py').write_text(
        'from torch import nn\nfrom mmhsi.registry import MODELS\n\n\n'
        '@MODELS.register_module()\nclass MyHead(nn.Identity):\n    pass\n'
    )
    config = tmp_path / 'config.py'
    config.write_text(
        "default_scope = 'mmhsi'\ncustom_imports = dict(imports=['my_heads'])\nhead = dict(type='MyHead')\n"
    )
    code = f"""
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
cfg = Config.fromfile({str(config)!r})
init_default_scope(cfg.default_scope)
print(type(MODELS.build(cfg.head)).__name__, type(MODELS.build(dict(type='mmhsi.MyHead'))).__name__)
"""
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run([sys.executable, '-c', code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ['MyHead', 'MyHead']
