"""Goldens of change detection, hyperspectral and multispectral."""

import numpy as np
import torch
from mmseg.models import EncoderDecoder
from torch import Tensor

from golden_checks.case import GoldenCase
from golden_checks.compare import check_backbone_outputs, check_network_output
from golden_checks.networks import (
    Pipeline,
    input_of,
    load,
    multispectral_scales,
    settings_of,
    spat_vit,
    spec_vit,
)


def pair_of(case: GoldenCase) -> Tensor:
    """Both dates as one image of twice the bands."""
    return torch.from_numpy(np.concatenate([case.tensors['input/t1'], case.tensors['input/t2']], axis=1))


def window_backbone(case: GoldenCase) -> dict:
    """Shared encoder and neck of SpatSIGMA or HyperSIGMA for windows of two dates."""
    sizes = settings_of(case)
    # the official constructor calls the window's side patch_size, and the patch's seg_patches
    window, patch = (sizes['window'], sizes['patch_size']) if 'window' in sizes else (
        sizes['patch_size'], sizes['seg_patches'])
    spatial = spat_vit(sizes, use_abs_pos_emb=False, img_size=window, patch_size=patch)
    if 'SpatSIGMA' in case.reference:
        neck = dict(type='mmhsi.LevelPyramid', in_channels=sizes['embed_dim'], out_channels=sizes['level_in'])
        return dict(type='mmhsi.SiameseBackbone', encoder=spatial, neck=neck)
    neck = dict(
        type='mmhsi.SpectralEnhancement',
        in_channels=sizes['embed_dim'],
        num_tokens=sizes['spec_tokens'],
        num_spectral_levels=len(sizes['out_indices']),
        mid_channels=sizes.get('sem_hidden', 32),
        out_channels=sizes.get('level_in', sizes['spec_tokens']))
    spectral = spec_vit(sizes, sizes['out_indices'], use_abs_pos_emb=False, img_size=window)
    encoder = dict(type='mmhsi.HyperSIGMA', spatial=spatial, spectral=spectral)
    return dict(type='mmhsi.SiameseBackbone', encoder=encoder, neck=neck)


def check_fusion_change(case: GoldenCase) -> None:
    """SEM of the change-detection folder, one date."""
    x = input_of(case)
    maps = load(Pipeline(backbone=window_backbone(case)), case).backbone.extract_date(x)
    check_backbone_outputs(case, x, {f'ss{i}': level for i, level in enumerate(maps)})


def check_window_change(case: GoldenCase) -> None:
    """Change detection by windows; official networks give changed before unchanged."""
    sizes = settings_of(case)
    widths = [
        value.shape[0] for name, value in sorted(case.group('state_dict/BCD_classifier.').items())
        if name.endswith('.weight')]
    head = dict(
        type='mmhsi.ChangeClsHead',
        in_channels=[sizes['level_in']] * len(sizes['out_indices']),
        level_channels=sizes['level_dim'],
        hidden_channels=widths[:-1])
    model = load(Pipeline(backbone=window_backbone(case), head=head), case)
    check_network_output(case, model.head(model.features(pair_of(case))).flip(1))


def check_multispectral_change(case: GoldenCase) -> None:
    """Multispectral change detection, through mmseg's framework."""
    sizes = settings_of(case)
    reduced, levels = sizes['reduced_channels'], len(sizes['out_indices'])
    spatial = spat_vit(dict(sizes, in_chans=reduced), sizes['abs_pos_embed'])
    spectral = spec_vit(sizes, [sizes['spec_level_used']], sizes['abs_pos_embed'])
    neck = dict(
        type='mmhsi.SpectralEnhancement',
        in_channels=sizes['embed_dim'],
        num_tokens=sizes['spec_tokens'],
        mid_channels=case.tensors['state_dict/fc_spec.0.weight'].shape[0],
        out_channels=None,
        scales=multispectral_scales(sizes['patch_size']),
        shared_gate=True)
    model = EncoderDecoder(
        backbone=dict(
            type='mmhsi.SiameseBackbone',
            projection=dict(type='Conv2d', in_channels=sizes['in_chans'], out_channels=reduced, kernel_size=1),
            encoder=dict(type='mmhsi.HyperSIGMA', spatial=spatial, spectral=spectral),
            neck=neck,
            fusion='concat'),
        neck=dict(
            type='mmhsi.TopDownFusion', in_channels=[2 * sizes['embed_dim']] * levels, out_channels=sizes['fuse_dim']),
        decode_head=dict(
            type='mmseg.FCNHead', num_convs=0, concat_input=False, in_channels=sizes['fuse_dim'],
            channels=sizes['fuse_dim'], in_index=0, num_classes=sizes['num_classes'],
            out_channels=sizes['num_classes'], dropout_ratio=0.,
            loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True)))
    pair = pair_of(case)
    size = tuple(pair.shape[2:])
    load(model, case)
    check_network_output(case, model.encode_decode(pair, [dict(img_shape=size)] * len(pair)))
