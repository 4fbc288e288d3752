"""Goldens of the classification networks of both protocols."""

from torch import Tensor

from golden_checks.case import GoldenCase
from golden_checks.compare import check_outputs, load
from golden_checks.sizes import (
    Pipeline,
    classification_scales,
    hyper_sigma,
    num_tokens,
    setting,
    shapes_of,
    spat_vit,
    spatial_levels,
)


def _seg_head(in_channels: list[int], widths: list[int]) -> dict:
    return dict(
        type='mmhsi.MultiLevelSegHead',
        in_channels=in_channels,
        num_classes=widths[-1],
        hidden_channels=tuple(widths[:-1]),
    )


def _pixel_logits(model: Pipeline, x: Tensor) -> Tensor:
    """Logits per pixel in the layout of the reference, (B, H * W, K)."""
    return model.decode_head(model.features(x), tuple(x.shape[2:])).flatten(2).transpose(1, 2)


def _check_logits(case: GoldenCase, logits: Tensor) -> None:
    (wanted,) = case.outputs.values()
    if wanted.ndim < logits.dim():  # the reference loses the axis of a batch of one
        logits = logits[0]
    check_outputs(case, logits=logits)


def check_spatial(case: GoldenCase) -> None:
    """SpatSIGMA of both protocols."""
    backbone = spat_vit(case)
    width, patch = backbone['arch']['embed_dims'], backbone['patch_size']
    levels = [width] * len(spatial_levels(case))
    widths = [shapes_of(case)[f'classifier.{i}.bias'][0] for i in range(3)]
    x = case.images[0]
    if case.file.endswith('SpatViT_cls.py'):
        head = dict(
            type='mmhsi.MultiLevelClsHead',
            in_channels=levels,
            num_classes=widths[-1],
            hidden_channels=tuple(widths[:-1]),
        )
        model = load(Pipeline(backbone=backbone, head=head), case, drop_background=False)
        return _check_logits(case, model.head(model.features(x)))
    neck = dict(type='mmhsi.LevelPyramid', in_channels=width, scales=classification_scales(case.file, patch))
    model = load(Pipeline(backbone=backbone, neck=neck, decode_head=_seg_head(levels, widths)), case)
    return _check_logits(case, _pixel_logits(model, x))


def check_fusion(case: GoldenCase) -> None:
    """HyperSIGMA of both protocols."""
    shapes = shapes_of(case)
    window_protocol = case.file.endswith('ss_fusion_cls.py')
    # only the first level of the spectral branch is used
    level = setting(case, 'spec_level_used', default=setting(case, 'spec_out_indices', 'out_indices')[0])
    backbone = hyper_sigma(case, [level])
    width = shapes['DR1.weight'][0]
    neck = dict(
        type='mmhsi.SpectralEnhancement',
        in_channels=backbone['spatial']['arch']['embed_dims'],
        num_tokens=num_tokens(case, 'spec_encoder.'),
        spectral_channels=shapes['spec_encoder.l1.weight'][0],
        mid_channels=shapes['fc_spec1.0.weight'][0],
        out_channels=width,
        scales=classification_scales(case.file, backbone['spatial']['patch_size']),
        gate_first=not window_protocol,
    )
    levels = [width] * len(spatial_levels(case))
    x = case.images[0]
    if window_protocol:
        widths = [shapes[f'classifier.{i}.bias'][0] for i in (0, 2, 4)]
        head = dict(
            type='mmhsi.MultiLevelClsHead',
            in_channels=levels,
            num_classes=widths[-1],
            hidden_channels=tuple(widths[:-1]),
        )
        model = load(Pipeline(backbone=backbone, neck=neck, head=head), case, drop_background=False)
        return _check_logits(case, model.head(model.features(x)))
    head = _seg_head(levels, [shapes['conv.bias'][0], shapes['cls.bias'][0]])
    model = load(Pipeline(backbone=backbone, neck=neck, decode_head=head), case)
    return _check_logits(case, _pixel_logits(model, x))
