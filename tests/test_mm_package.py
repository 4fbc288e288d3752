"""The package as MMEngine expects one: configs by its name, a hub of models, configs of pure Python."""

import runpy

import numpy as np
import pytest
import rasterio
from config_runs import ROOT
from mmengine import hub
from mmengine.config import Config
from mmengine.registry import DefaultScope
from tiny_experiment import BANDS, CLASSES, SIDE, write_scene

from mmhsi.apis import HSIInferencer
from mmhsi.engine.distributed import build_runner
from mmhsi.models import HyperSIGMA
from mmhsi.registry import METRICS, component_name
from mmhsi.utils import register_all_modules

NAME = 'mmhsi::classification/hypersigma-tiny_cls_indian-pines.py'
FILE = ROOT / 'configs/classification/hypersigma-tiny_cls_indian-pines.py'


def without_scopes(node):
    """A config without the ``_scope_`` that MMEngine adds to what a base file of a package describes."""
    if isinstance(node, dict):
        return {key: without_scopes(value) for key, value in node.items() if key != '_scope_'}
    return type(node)(map(without_scopes, node)) if isinstance(node, (list, tuple)) else node


def test_configs_are_named_by_the_package(tmp_path):
    wanted = Config.fromfile(FILE)
    assert Config.fromfile(NAME).to_dict() == hub.get_config(NAME).to_dict() == wanted.to_dict()
    path = tmp_path / 'mine.py'
    path.write_text(f"_base_ = '{NAME}'\nmodel = dict(backbone=dict(spatial=dict(patch_size=3)))\n")
    found = Config.fromfile(path)
    wanted.model.backbone.spatial.patch_size = 3
    assert without_scopes(found.to_dict()) == wanted.to_dict()
    with pytest.raises(FileNotFoundError, match='no-such-config.py'):
        Config.fromfile('mmhsi::classification/no-such-config.py')
    with pytest.raises(FileNotFoundError, match='no-such-file.py'):
        Config.fromfile('no-such-file.py')


def test_hub_builds_the_model():
    assert isinstance(hub.get_model(NAME).backbone, HyperSIGMA)


def test_register_all_modules():
    with DefaultScope.overwrite_default_scope(None):
        register_all_modules()
        assert DefaultScope.get_current_instance().scope_name == 'mmhsi'
    assert 'SceneClassificationMetric' in METRICS.module_dict


@pytest.mark.parametrize(
    'config, name',
    [
        (dict(type='mmpretrain.ImageClassifier'), 'ImageClassifier'),
        (dict(type='Scene'), 'Scene'),
        ({}, ''),
        (None, ''),
        (dict(type=HyperSIGMA), 'HyperSIGMA'),
        (dict(type='mmhsi.models.backbones.HyperSIGMA'), 'HyperSIGMA'),
    ],
)
def test_component_name(config, name):
    assert component_name(config) == name


_SCENE = """
from mmhsi.datasets import NumberSplit, Scene, Standardize

scene = dict(type=Scene, name='stripes', data_root={root!r}, image='cube.npy', labels='labels.npy',
             split=dict(type=NumberSplit, train=8, val=4, seed=0), preprocessing=[dict(type=Standardize)])
"""
_EXPERIMENT = """
from mmengine.config import read_base
from mmengine.dataset import DefaultSampler
from mmengine.hooks import CheckpointHook, LoggerHook
from mmengine.runner import EpochBasedTrainLoop
from mmengine.visualization import LocalVisBackend, Visualizer
from mmpretrain.datasets import PackInputs
from mmpretrain.models import CrossEntropyLoss, GlobalAveragePooling, ImageClassifier, LinearClsHead
from torch.optim import AdamW

from mmhsi.datasets import WindowDataset
from mmhsi.engine import SceneResultHook, SceneStateHook
from mmhsi.evaluation import SceneClassificationMetric
from mmhsi.models import HSIDataPreprocessor, SpatViT

with read_base():
    from .scene import *

default_scope = 'mmhsi'
model = dict(
    type=ImageClassifier,
    data_preprocessor=dict(type=HSIDataPreprocessor, num_bands={bands}),
    backbone=dict(type=SpatViT, img_size=5, patch_size=1, in_channels={bands}, out_indices=(0, ),
                  arch=dict(embed_dims=8, num_layers=1, num_heads=2, full_attn_interval=1)),
    neck=dict(type=GlobalAveragePooling),
    head=dict(type=LinearClsHead, in_channels=8, num_classes={classes}, loss=dict(type=CrossEntropyLoss)))
pipeline = [dict(type=PackInputs, meta_keys=('row', 'col', 'scene_name', 'scene_shape'))]
train_dataloader = dict(
    batch_size=8, num_workers=0, sampler=dict(type=DefaultSampler, shuffle=True),
    dataset=dict(type=WindowDataset, scene=scene, subset='train', window_size=5, pipeline=pipeline))
test_dataloader = dict(
    batch_size=64, num_workers=0, sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(type=WindowDataset, scene=scene, subset='all', evaluate_on='test', window_size=5, test_mode=True,
                 pipeline=pipeline))
test_evaluator = dict(type=SceneClassificationMetric)
optim_wrapper = dict(optimizer=dict(type=AdamW, lr=2e-3))
train_cfg = dict(type=EpochBasedTrainLoop, max_epochs=2)
test_cfg = dict()
default_hooks = dict(logger=dict(type=LoggerHook), checkpoint=dict(type=CheckpointHook),
                     state=dict(type=SceneStateHook), result=dict(type=SceneResultHook))
visualizer = dict(type=Visualizer, vis_backends=[dict(type=LocalVisBackend)])
"""


def test_a_config_of_pure_python_trains_tests_and_predicts(tmp_path):
    write_scene(tmp_path)
    (tmp_path / 'scene.py').write_text(_SCENE.format(root=str(tmp_path)))
    (tmp_path / 'experiment.py').write_text(_EXPERIMENT.format(bands=BANDS, classes=CLASSES))
    cfg = Config.fromfile(tmp_path / 'experiment.py')
    cfg.work_dir, cfg.experiment_name = str(tmp_path / 'run'), tmp_path.name
    runner = build_runner(cfg)
    runner.train()
    assert 0 <= runner.test()['OA'] <= 1
    (tested,) = (tmp_path / 'run').glob('*/results/stripes_classes.tif')
    convert = runpy.run_path(str(ROOT / 'tools/model_converters/convert_format.py'))['main']
    convert([str(tmp_path / 'run/epoch_2.pth'), str(tmp_path / 'model.safetensors')])
    for name in ('run/epoch_2.pth', 'model.safetensors'):
        inferencer = HSIInferencer(weights=str(tmp_path / name), device='cpu')
        inferencer(str(tmp_path / 'cube.npy'), str(tmp_path / 'out' / name))
        (predicted,) = (tmp_path / 'out' / name).rglob('*_classes.tif')
        with rasterio.open(tested) as wanted, rasterio.open(predicted) as found:
            assert found.shape == (SIDE, SIDE)
            np.testing.assert_array_equal(found.read(), wanted.read())
    convert([str(tmp_path / 'run/epoch_2.pth'), str(tmp_path / 'encoder.safetensors'), '--prefix', 'backbone.'])
    with pytest.raises(ValueError, match="no parameter whose name starts with 'neck.'; there are backbone, head"):
        convert([str(tmp_path / 'run/epoch_2.pth'), str(tmp_path / 'encoder.safetensors'), '--prefix', 'neck.'])
