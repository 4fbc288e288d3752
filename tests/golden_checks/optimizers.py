"""Goldens of the learning-rate multiplier and the weight decay of every parameter."""

import re

import torch
from torch import nn

from golden_checks.case import GoldenCase
from mmhsi.engine.optimizers import LayerDecayOptimWrapperConstructor
from mmhsi.registry import MODELS


def _model(num_layers: int, interval: int) -> nn.Module:
    """A backbone, a norm and a head."""
    model = nn.Module()
    model.backbone = MODELS.build(
        dict(
            type='mmhsi.SpatViT',
            img_size=4,
            patch_size=2,
            in_channels=3,
            arch=dict(embed_dims=8, num_layers=num_layers, num_heads=2, full_attn_interval=interval),
        )
    )
    model.head = nn.Linear(8, 2)
    model.bn = nn.BatchNorm2d(2)
    return model


def _interval(names: list[str], num_layers: int) -> int:
    """Interval of full attention: the first block without sampling offsets."""
    sparse = {int(match[1]) for name in names if (match := re.search(r'blocks\.(\d+)\.attn\.sampling_offsets', name))}
    return next((i + 1 for i in range(num_layers) if i not in sparse), 0)


def check_layer_decay(case: GoldenCase) -> None:
    """With the prefix of a backbone; under another one the reference decays nothing, which is a rate of 1 here."""
    expected = case.json['expected']
    num_layers = expected['num_layers']
    for prefix, groups in expected['groups'].items():
        rate = expected['layer_decay_rate'] if prefix == 'backbone' else 1.0
        constructor = LayerDecayOptimWrapperConstructor(
            dict(optimizer=dict(type='AdamW', lr=expected['base_lr'], weight_decay=expected['weight_decay'])),
            paramwise_cfg=dict(
                layer_decay_rate=rate, flat_decay_mult=0.0, custom_keys={'pos_embed': dict(decay_mult=0.0)}
            ),
        )
        optimizer = constructor(_model(num_layers, _interval(list(groups), num_layers))).optimizer
        found = {
            name.replace('.projection.', '.proj.').replace('backbone.', f'{prefix}.'): (
                group['lr'] / expected['base_lr'],
                group['weight_decay'],
            )
            for group in optimizer.param_groups
            for name in group['param_names']
        }
        compared = [name for name in groups if not name.startswith(f'{prefix}.norm.')]  # we build no unused final norm
        assert set(compared) == set(found)
        for name in compared:
            torch.testing.assert_close(torch.tensor(found[name]), torch.tensor(groups[name]), rtol=1e-6, atol=1e-9)
