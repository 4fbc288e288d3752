"""Small models with random weights for the tests of the inferencer: configs, and checkpoints as a training leaves."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from mmhsi.registry import MODELS

BANDS = 6
CLASSES = ('water', 'grass', 'roof & <road>')
PALETTE = [(10, 20, 30), (40, 150, 60), (200, 90, 80)]


@MODELS.register_module(force=True)
class ToyBackbone(nn.Module):
    """Two 3x3 convolutions: a network that sees two pixels around each and is the same everywhere."""

    def __init__(self, in_channels: int = BANDS, channels: int = 8):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1), nn.Tanh(), nn.Conv2d(channels, channels, 3, padding=1)
        )

    def forward(self, x):
        return (self.layers(x),)


def segmentor(bands: int = BANDS, num_classes: int = len(CLASSES), **kwargs) -> dict:
    """A segmentor whose result does not depend on where a tile lies."""
    return dict(
        type='mmseg.EncoderDecoder',
        data_preprocessor=dict(type='HSIDataPreprocessor'),
        backbone=dict(type='ToyBackbone', in_channels=bands),
        decode_head=dict(
            type='mmseg.FCNHead',
            num_convs=0,
            concat_input=False,
            in_channels=8,
            channels=8,
            in_index=0,
            num_classes=num_classes,
            dropout_ratio=0.0,
            norm_cfg=None,
            loss_decode=dict(type='mmseg.CrossEntropyLoss'),
        ),
        train_cfg=dict(),
        **{'test_cfg': dict(mode='whole'), **kwargs},
    )


def classifier(bands: int = BANDS, num_classes: int = len(CLASSES)) -> dict:
    """A classifier of windows."""
    return dict(
        type='mmpretrain.ImageClassifier',
        data_preprocessor=dict(type='HSIDataPreprocessor'),
        backbone=dict(type='ToyBackbone', in_channels=bands),
        neck=dict(type='mmpretrain.GlobalAveragePooling'),
        head=dict(
            type='mmpretrain.LinearClsHead',
            in_channels=8,
            num_classes=num_classes,
            loss=dict(type='mmpretrain.CrossEntropyLoss'),
        ),
    )


def config(model: dict, scene: dict | None = None, evaluator: dict | None = None, **dataset) -> Config:
    """The config of an experiment on such a model."""
    scene = dict(dict(type='Scene', preprocessing=[dict(type='Standardize')], num_bands=BANDS), **(scene or {}))
    return Config(
        dict(
            default_scope='mmhsi',
            model=model,
            test_dataloader=dict(dataset=dict(scene=scene, pipeline=[], **dataset)),
            test_evaluator=evaluator or {},
        )
    )


def standardize_state(bands: int = BANDS, seed: int = 0) -> dict[str, torch.Tensor]:
    """The fitted state of a ``Standardize`` that comes first."""
    rng = np.random.default_rng(seed)
    return {
        '0.Standardize.mean': torch.from_numpy(rng.uniform(1, 2, bands)),
        '0.Standardize.std': torch.from_numpy(rng.uniform(0.5, 1, bands)),
    }


def save_checkpoint(path: Path, cfg: Config, record: Mapping | None = None, meta: Mapping | None = None) -> str:
    """Write the checkpoint of a model with random weights; returns the file."""
    init_default_scope('mmhsi')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    for module in model.modules():  # some layers start as zeros, which tells nothing
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(module.weight, std=0.3)
    checkpoint = dict(
        state_dict=model.state_dict(),
        # laid out in PEP 8, which the default is, a config takes seconds
        meta=dict(
            cfg=Config(cfg.to_dict(), format_python_code=False).pretty_text,
            dataset_meta=dict(classes=CLASSES, palette=PALETTE) if meta is None else meta,
        ),
        mmhsi=dict(scene_name='training', transforms=standardize_state()) if record is None else record,
    )
    torch.save(checkpoint, path)
    return str(path)


def toy_cube(height: int, width: int, bands: int = BANDS, seed: int = 0) -> np.ndarray:
    """A cube (H, W, C) float32."""
    return np.random.default_rng(seed).normal(1.5, 1, (height, width, bands)).astype(np.float32)
