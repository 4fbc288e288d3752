"""Goldens of denoising and super-resolution: outputs, losses and gradients of whole networks."""

from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn

import mmhsi.models  # noqa: F401
from golden_checks.case import GoldenCase
from golden_checks.compare import as_tensors
from golden_checks.low_level import assert_gradients, assert_outputs, assert_scalar, load
from golden_checks.networks import settings_of, spat_vit, spec_vit
from mmhsi.registry import MODELS

MODEL_CONFIGS = Path(__file__).parents[2] / 'configs/_base_/models'


def is_fusion(case: GoldenCase) -> bool:
    return case.json['reference_class'] == 'SSFusionFramework'


def config_of(case: GoldenCase, task: str) -> dict:
    """The model of the base config, with the sizes of the case."""
    name = 'hypersigma' if is_fusion(case) else 'spatsigma'
    model = Config.fromfile(MODEL_CONFIGS / f'{name}-base_{task}.py').model
    sizes = settings_of(case)
    net, bands, width = model.generator, sizes['in_chans'], sizes['embed_dim']
    last = dict(sizes, out_indices=[sizes['depth'] - 1])
    positions = sizes['use_abs_pos_emb']
    blocks = dict(
        num_layers=sizes['refine_depth'], num_heads=sizes['refine_heads'], num_points=sizes['n_points'],
        full_attn_interval=sizes['refine_interval'], mlp_ratio=sizes['mlp_ratio'])
    spatial_blocks = dict(
        blocks, in_channels=width, embed_dims=sizes.get('refine_dim', sizes.get('spat_refine_dim')),
        img_size=(sizes['img_size'], ) * 2 if positions else None)
    net.neck.in_channels = width
    net.head.num_bands = bands
    if is_fusion(case):
        net.backbone.spatial = spat_vit(last, positions)
        net.backbone.spectral = spec_vit(sizes, last['out_indices'], positions)
        net.neck.update(
            num_tokens=sizes['spec_tokens'], spectral_channels=sizes['spec_proj_dim'],
            mid_channels=sizes['sem_hidden'])
        net.neck.spatial_refinement.update(spatial_blocks)
        net.neck.spectral_refinement.update(blocks, embed_dims=sizes['spec_refine_dim'])
    else:
        net.backbone = spat_vit(last, positions)
        net.neck.refinement.update(spatial_blocks)
        net.head.update(in_channels=sizes['refine_dim'], mid_channels=sizes['refine_dim'])
    return model


def network(generator: dict, case: GoldenCase) -> nn.Module:
    """The generator of the case; the names of its parameters begin as in a restoration framework."""
    model = nn.Module()
    with DefaultScope.overwrite_default_scope('mmhsi'):
        model.generator = MODELS.build(generator)
    return load(model, case)


def pixel_loss(cfg: dict) -> nn.Module:
    with DefaultScope.overwrite_default_scope('mmhsi'):
        return MODELS.build(cfg)


def check_denoising(case: GoldenCase) -> None:
    """SpatSIGMA and HyperSIGMA."""
    cfg = config_of(case, 'hid')
    inputs = as_tensors(case.group('input.'))
    model = network(cfg.generator, case)
    restored = model.generator(inputs['noisy'])
    assert_outputs(case, restored=restored)
    loss = pixel_loss(cfg.pixel_loss)(restored, inputs['clean'])
    assert_scalar(case, 'loss_total', loss)
    assert_gradients(case, loss, model)


def check_super_resolution(case: GoldenCase) -> None:
    """SpatSIGMA and HyperSIGMA, with the enlarged image of the case."""
    cfg = config_of(case, 'hsr')
    cfg.generator.head.scale = case.json['config']['scale']
    inputs = as_tensors(case.group('input.'))
    model = network(cfg.generator, case)
    restored = model.generator(inputs['lr'], inputs['lms'])
    assert_outputs(case, sr=restored)
    terms = pixel_loss(cfg.pixel_loss).terms(restored, inputs['gt'])
    loss = sum(terms.values())
    for name, value in dict(terms, total=loss).items():
        assert_scalar(case, f'loss_{name}', value)
    assert_gradients(case, loss, model)
    with torch.no_grad():  # the enlarged image has an influence
        assert not torch.allclose(model.generator(inputs['lr'], inputs['lms'] + 1), restored, atol=1e-3)
