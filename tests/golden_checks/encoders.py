"""Goldens of the spatial and spectral encoders, with the pyramids and reductions that belong to them there."""

import torch.nn.functional as F
from torch import Tensor, nn

from golden_checks.case import GoldenCase
from golden_checks.compare import check_outputs, load
from golden_checks.sizes import (
    Pipeline,
    classification_scales,
    multispectral_scales,
    setting,
    shapes_of,
    spat_vit,
    spatial_levels,
    spec_vit,
)


def _neck(case: GoldenCase, backbone: dict) -> dict | None:
    """What the official encoder does with its levels; the neck's affair here."""
    width, patch = backbone['arch']['embed_dims'], backbone['patch_size']
    if case.file.startswith('ImageClassification'):
        return dict(type='mmhsi.LevelPyramid', in_channels=width, scales=classification_scales(case.file, patch))
    if case.file.startswith('HyperspectralDetection'):
        return dict(
            type='mmhsi.LevelPyramid',
            in_channels=width,
            out_channels=shapes_of(case)['fpn1.weight'][0],
            scales=(1,) * len(spatial_levels(case)),
        )
    if case.file.startswith('MultispectralCD'):
        return dict(type='mmhsi.LevelPyramid', in_channels=width, scales=multispectral_scales(case.class_name, patch))
    if case.file.startswith('ImageDenoising'):
        return dict(type='mmhsi.LevelPyramid', in_channels=width, scales=(2,))
    return None


def check_spatial(case: GoldenCase) -> None:
    """SpatViT with the pyramid of its folder."""
    levels = spatial_levels(case)
    if case.file.endswith('/Spatial.py'):
        levels = levels[-1:]  # restoration takes the last level
    backbone = spat_vit(case, out_indices=levels)
    neck = _neck(case, backbone)
    model = load(Pipeline(backbone=backbone, **({} if neck is None else dict(neck=neck))), case)
    x = case.images[0]
    maps = model.features(x)
    if not case.file.startswith('ImageClassification'):
        return check_outputs(case, **{f'f{i}': level for i, level in enumerate(maps)})
    outputs = {f'y{i}': _as_returned(case, level, x) for i, level in enumerate(reversed(maps))}
    if any(name.startswith('fpn') for name in case.outputs):  # the levels before they are returned
        outputs.update({f'fpn{i}': level for i, level in enumerate(maps)})
    return check_outputs(case, **outputs)


def _as_returned(case: GoldenCase, level: Tensor, x: Tensor) -> Tensor:
    if case.file.endswith('SpatViT_fusion.py'):
        return F.interpolate(level, size=x.shape[2:], mode='bilinear', align_corners=True)
    return level


def check_spectral(case: GoldenCase) -> None:
    """SpecViT with its reductions to 128 channels, which belong to the SEM neck here."""
    levels = setting(case, 'spec_out_indices', 'out_indices')
    model = Pipeline(backbone=spec_vit(case, out_indices=levels))
    reductions = [
        shapes_of(case)[f'l{i}.weight'] for i in range(1, len(levels) + 1) if f'l{i}.weight' in shapes_of(case)
    ]
    model.neck = nn.Module()
    model.neck.spectral_reductions = nn.ModuleList(nn.Linear(*shape[::-1], bias=False) for shape in reductions)
    tokens = list(load(model, case).backbone(case.images[0]))
    for i, reduction in enumerate(model.neck.spectral_reductions):
        tokens[i] = reduction(tokens[i])
    if case.file.endswith('/Spectral.py'):
        tokens = tokens[-1:]  # restoration takes the last level
    check_outputs(case, **{f'f{i}': token for i, token in enumerate(tokens)})
