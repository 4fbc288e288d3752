"""Goldens of denoising and super-resolution: outputs, losses and gradients of whole networks."""

from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from golden_checks.case import GoldenCase
from golden_checks.compare import assert_parameter_gradients, assert_scalar, check_outputs, load
from golden_checks.sizes import hyper_sigma, image_size_of, num_tokens, setting, shapes_of, spat_vit, spatial_levels
from mmhsi.registry import MODELS

MODEL_CONFIGS = Path(__file__).parents[2] / 'configs/_base_/models'


def _config(case: GoldenCase, task: str) -> dict:
    """The model of the base config, with the sizes of the case."""
    fusion = case.class_name == 'SSFusionFramework'
    model = Config.fromfile(MODEL_CONFIGS / f'{"hypersigma" if fusion else "spatsigma"}-base_{task}.py').model
    shapes, net, last = shapes_of(case), model.generator, spatial_levels(case)[-1:]
    blocks = dict(
        num_layers=setting(case, 'refine_depth', default=4),
        num_points=setting(case, 'n_points', default=8),
        num_heads=setting(case, 'refine_heads', 'num_heads'),
        full_attn_interval=setting(case, 'refine_interval', default=3),
        mlp_ratio=setting(case, 'mlp_ratio', default=4),
    )
    prefix = 'adapter.' if fusion else ''
    spatial = dict(
        blocks,
        in_channels=shapes[f'{prefix}patch_embed_add.proj.weight'][1],
        embed_dims=shapes[f'{prefix}patch_embed_add.proj.weight'][0],
        img_size=image_size_of(case) if f'{prefix}pos_embed_add' in shapes else None,
    )
    net.neck.in_channels = spatial['in_channels']
    net.head.num_bands = shapes['conv3_reconstruct.weight'][0]
    if fusion:
        net.backbone = hyper_sigma(case, last, last)
        net.neck.update(
            num_tokens=num_tokens(case, 'spec_encoder.'),
            spectral_channels=shapes['spec_encoder.l1.weight'][0],
            mid_channels=shapes['fc_spec.0.weight'][0],
        )
        net.neck.spatial_refinement.update(spatial)
        net.neck.spectral_refinement.update(blocks, embed_dims=shapes['adapter_spec.blocks.0.norm1.weight'][0])
    else:
        net.backbone = spat_vit(case, out_indices=last)
        net.neck.refinement.update(spatial)
        net.head.update(in_channels=spatial['embed_dims'], mid_channels=spatial['embed_dims'])
    return model


def _network(generator: dict, case: GoldenCase) -> nn.Module:
    """The generator of the case; the names of its parameters begin as in a restoration framework."""
    model = nn.Module()
    with DefaultScope.overwrite_default_scope('mmhsi'):
        model.generator = MODELS.build(generator)
    return load(model, case)


def pixel_loss(cfg: dict) -> nn.Module:
    with DefaultScope.overwrite_default_scope('mmhsi'):
        return MODELS.build(cfg)


def _image(case: GoldenCase, *names: str) -> Tensor:
    """An input by one of its names; the first image where none of them is used."""
    return next((case.inputs[name] for name in names if name in case.inputs), case.images[0])


def check_denoising(case: GoldenCase) -> None:
    """SpatSIGMA and HyperSIGMA."""
    cfg = _config(case, 'hid')
    model = _network(cfg.generator, case)
    restored = model.generator(_image(case, 'noisy', 'x'))
    check_outputs(case, restored=restored)
    if 'expected' in case.json:
        loss = pixel_loss(cfg.pixel_loss)(restored, case.inputs['clean'])
        assert_scalar(case, 'loss_total', loss)
        assert_parameter_gradients(case, loss, model)


def check_super_resolution(case: GoldenCase) -> None:
    """SpatSIGMA and HyperSIGMA, with the enlarged image of the case."""
    cfg = _config(case, 'hsr')
    low, enlarged = _image(case, 'lr', 'x'), case.inputs['lms']
    cfg.generator.head.scale = enlarged.shape[-1] // low.shape[-1]
    model = _network(cfg.generator, case)
    restored = model.generator(low, enlarged)
    check_outputs(case, sr=restored)
    with torch.no_grad():  # the enlarged image has an influence
        assert not torch.allclose(model.generator(low, enlarged + 1), restored, atol=1e-3)
    if 'expected' in case.json:
        terms = pixel_loss(cfg.pixel_loss).terms(restored, case.inputs['gt'])
        loss = sum(terms.values())
        for name, value in dict(terms, total=loss).items():
            assert_scalar(case, f'loss_{name}', value)
        assert_parameter_gradients(case, loss, model)
