"""Goldens of change detection, hyperspectral and multispectral."""

import torch
from mmseg.models import EncoderDecoder

from golden_checks.case import GoldenCase
from golden_checks.compare import check_outputs, load
from golden_checks.sizes import (
    Pipeline,
    hyper_sigma,
    multispectral_scales,
    num_tokens,
    setting,
    shapes_of,
    spat_vit,
    spatial_levels,
)


def _window_backbone(case: GoldenCase) -> dict:
    """Shared encoder and neck of SpatSIGMA or HyperSIGMA for windows of two dates."""
    shapes, levels = shapes_of(case), spatial_levels(case)
    reduced, width, *_ = shapes['conv_features1.weight']
    if case.class_name.startswith('SpatSIGMA'):
        neck = dict(type='mmhsi.LevelPyramid', in_channels=width, out_channels=reduced, scales=(1,) * len(levels))
        return dict(type='mmhsi.SiameseBackbone', encoder=spat_vit(case, 'encoder.'), neck=neck)
    neck = dict(
        type='mmhsi.SpectralEnhancement',
        in_channels=width,
        num_tokens=num_tokens(case, 'spec_encoder.'),
        spectral_channels=shapes['spec_encoder.l1.weight'][0],
        num_spectral_levels=len(levels),
        mid_channels=shapes['fc_spec1.0.weight'][0],
        out_channels=reduced,
    )
    return dict(type='mmhsi.SiameseBackbone', encoder=hyper_sigma(case, levels), neck=neck)


def check_window_change(case: GoldenCase) -> None:
    """Change detection by windows; official networks give changed before unchanged."""
    shapes = shapes_of(case)
    backbone = _window_backbone(case)
    if case.method == 'forward_fusion':  # the SEM of one date, without the head
        maps = load(Pipeline(backbone=backbone), case).backbone.extract_date(case.images[0])
        return check_outputs(case, **{f'ss{i}': level for i, level in enumerate(maps)})
    widths = [
        shape[0]
        for name, shape in sorted(shapes.items())
        if name.startswith('BCD_classifier.') and name.endswith('.weight')
    ]
    head = dict(
        type='mmhsi.ChangeClsHead',
        in_channels=[shapes['conv_features1.weight'][0]] * len(spatial_levels(case)),
        level_channels=shapes['conv1.double_conv.3.bias'][0],
        hidden_channels=widths[:-1],
    )
    model = load(Pipeline(backbone=backbone, head=head), case)
    return check_outputs(case, logits=model.head(model.features(torch.cat(case.images, 1))).flip(1))


def check_multispectral_change(case: GoldenCase) -> None:
    """Multispectral change detection, through mmseg's framework."""
    shapes, levels = shapes_of(case), spatial_levels(case)
    reduced, bands, *_ = shapes['dim_red.weight']
    # only the first level of the spectral branch is used
    encoder = hyper_sigma(case, [setting(case, 'spec_level_used', default=levels[0])])
    width, patch = encoder['spatial']['arch']['embed_dims'], encoder['spatial']['patch_size']
    fused, classes = shapes['fuse_layer_1.0.weight'][0], shapes['main_clf_1.bias'][0]
    neck = dict(
        type='mmhsi.SpectralEnhancement',
        in_channels=width,
        num_tokens=num_tokens(case, 'spec_encoder.'),
        spectral_channels=shapes['spec_encoder.l1.weight'][0],
        mid_channels=shapes['fc_spec.0.weight'][0],
        out_channels=None,
        scales=multispectral_scales('ALter_SpatViT', patch),
        shared_gate=True,
    )
    model = EncoderDecoder(
        backbone=dict(
            type='mmhsi.SiameseBackbone',
            projection=dict(type='Conv2d', in_channels=bands, out_channels=reduced, kernel_size=1),
            encoder=encoder,
            neck=neck,
            fusion='concat',
        ),
        neck=dict(type='mmhsi.TopDownFusion', in_channels=[2 * width] * len(levels), out_channels=fused),
        decode_head=dict(
            type='mmseg.FCNHead',
            num_convs=0,
            concat_input=False,
            in_channels=fused,
            channels=fused,
            in_index=0,
            num_classes=classes,
            out_channels=classes,
            dropout_ratio=0.0,
            loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
        ),
    )
    load(model, case)
    pair = torch.cat(case.images, 1)
    check_outputs(case, logits=model.encode_decode(pair, [dict(img_shape=case.image_size)] * len(pair)))
