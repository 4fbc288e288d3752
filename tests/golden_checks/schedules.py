"""Goldens of learning rates and of the groups of parameters of an optimiser."""

import numpy as np
from learning_rates import rates
from mmengine.config import Config
from mmengine.optim import CosineAnnealingLR, DefaultOptimWrapperConstructor, MultiStepLR
from mmengine.registry import DefaultScope

from golden_checks.case import GoldenCase
from golden_checks.networks_restoration import MODEL_CONFIGS
from mmhsi.registry import MODELS

UNUSED_NORM = 2  # weight and bias of the encoder's final norm, which we do not build
DEEPEST = 32


def warmed_up_rates(base: float, epochs: int, warmup: int) -> list[float]:
    """Denoising: the shifted warm-up (the full rate, then shares of it, and the full rate again), then a cosine."""
    found = rates(
        base, epochs, lambda optimizer: [CosineAnnealingLR(optimizer, T_max=epochs - warmup, begin=warmup, end=epochs)]
    )
    return [base, *(base * epoch / warmup for epoch in range(1, warmup)), *found[warmup:]]


def stepped_rates(base: float, epochs: int, every: int) -> list[float]:
    """Super-resolution: halved at epochs that are multiples of ``every``, counted from 1."""
    milestones = list(range(every - 1, epochs, every))
    return rates(base, epochs, lambda optimizer: [MultiStepLR(optimizer, milestones=milestones, gamma=0.5)])


def check_unmixing_schedule(case: GoldenCase) -> None:
    """The rate of each epoch, one epoch ahead in the reference, and the parameters with and without decay."""
    config, expected, tolerance = case.json['config'], case.json['expected'], case.json['tolerance']
    found = rates(
        config['lr'], config['epochs'] + 1, lambda optimizer: [CosineAnnealingLR(optimizer, T_max=config['epochs'])]
    )
    np.testing.assert_allclose(found[1:], expected['lr_per_epoch'], **tolerance)
    assert all(group['lr_scale'] == 1.0 for group in expected['param_groups'])  # the reference decays no layer
    wanted = {group['weight_decay']: group['n'] for group in expected['param_groups']}
    counted = [_decayed(depth, config) for depth in range(1, DEEPEST + 1)]
    assert wanted in counted, f'{wanted} is no count of an unmixing network of 1 to {DEEPEST} blocks: {counted}'


def _decayed(depth: int, config: dict) -> dict[float, int]:
    """Number of parameters by weight decay of SpatSIGMA for unmixing with this number of blocks."""
    model = Config.fromfile(MODEL_CONFIGS / 'spatsigma-base_hiu.py').model
    model.backbone.update(
        arch=dict(embed_dims=12, num_layers=depth, num_heads=2, full_attn_interval=3, out_indices=(depth - 1,)),
        in_channels=4,
        img_size=4,
    )
    model.neck.update(in_channels=12, out_channels=4)
    model.head.update(in_channels=[4] * 4, channels=4, num_endmembers=3)
    model.decoder.update(num_endmembers=3, num_bands=4)
    with DefaultScope.overwrite_default_scope('mmhsi'):
        network = MODELS.build(model)
    optimizer = DefaultOptimWrapperConstructor(
        dict(optimizer=dict(type='AdamW', lr=config['lr'], weight_decay=config['weight_decay'])),
        paramwise_cfg=dict(flat_decay_mult=0.0),
    )(network).optimizer
    decays = [group['weight_decay'] for group in optimizer.param_groups]
    return {config['weight_decay']: decays.count(config['weight_decay']), 0.0: decays.count(0.0) + UNUSED_NORM}
