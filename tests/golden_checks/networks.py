"""Goldens of layers, backbones, SEM necks and classification networks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import mmhsi.models  # noqa: F401
from golden_checks.case import GoldenCase
from golden_checks.compare import as_tensors, check_backbone_outputs, check_network_output
from mmhsi.registry import MODELS
from mmhsi.utils import convert_hypersigma_state_dict


class Pipeline(nn.Module):
    """Backbone, neck and head one after the other, named as in a model of the sister toolboxes."""

    def __init__(self, **parts: dict) -> None:
        super().__init__()
        for name, cfg in parts.items():
            self.add_module(name, MODELS.build(cfg))

    def features(self, x: Tensor):
        for name, part in self.named_children():
            if name in ('backbone', 'neck'):
                x = part(x)
        return x


def is_network_case(case: GoldenCase) -> bool:
    """Whether a case is in the format of whole networks, not of backbones."""
    return 'config' in case.json


def settings_of(case: GoldenCase) -> dict:
    """Sizes of a case under one set of names."""
    sizes = {**case.json.get('constructor', {}), **case.json.get('overrides', {}), **case.json.get('config', {})}
    sizes.setdefault('out_indices', sizes.get('spat_out_indices'))
    sizes.setdefault('in_chans', sizes.get('in_channels', sizes.get('channels')))
    sizes.setdefault('spec_tokens', sizes.get('NUM_TOKENS', 100))
    sizes.setdefault('mlp_ratio', 4)
    return sizes


def arch_of(sizes: dict, out_indices: list[int] | None = None) -> dict:
    return dict(
        embed_dims=sizes['embed_dim'],
        num_layers=sizes['depth'],
        num_heads=sizes['num_heads'],
        feedforward_channels=int(sizes['embed_dim'] * sizes['mlp_ratio']),
        full_attn_interval=sizes['interval'],
        out_indices=tuple(sizes['out_indices'] if out_indices is None else out_indices))


def spat_vit(sizes: dict, use_abs_pos_emb: bool, img_size: int | None = None, patch_size: int | None = None) -> dict:
    return dict(
        type='mmhsi.SpatViT',
        arch=arch_of(sizes),
        img_size=img_size or sizes['img_size'],
        patch_size=patch_size or sizes['patch_size'],
        in_channels=sizes['in_chans'],
        num_points=sizes['n_points'],
        use_abs_pos_emb=use_abs_pos_emb)


def spec_vit(sizes: dict, out_indices: list[int], use_abs_pos_emb: bool, img_size: int | None = None) -> dict:
    return dict(
        type='mmhsi.SpecViT',
        arch=arch_of(sizes, out_indices),
        img_size=img_size or sizes['img_size'],
        num_tokens=sizes['spec_tokens'],
        num_points=sizes['n_points'],
        use_abs_pos_emb=use_abs_pos_emb)


def classification_scales(patch_size: int, upsampled: bool) -> tuple[float, ...]:
    """Pyramid of the classification folder (architecture, section 3); ``upsampled`` is the file SpatViT_fusion.py."""
    if patch_size in (1, 2):
        return (2, 1, 0.5, 0.25)
    if patch_size in (4, 8):
        return (1, 1, 0.5, 0.25)
    return (1, 1, 1, 1) if upsampled or patch_size == 11 else (4, 2, 1, 0.5)


def multispectral_scales(patch_size: int) -> tuple[float, ...]:
    return (2, 1, 0.5, 0.5) if patch_size == 8 else (4, 2, 1, 0.5)


def load(model: nn.Module, case: GoldenCase, kind: str | None = None, **kwargs) -> nn.Module:
    """Load the official parameters of a case through the converter; every parameter of ours must be given."""
    state = as_tensors(case.group('state_dict/' if is_network_case(case) else 'state.'))
    converted = convert_hypersigma_state_dict(state, kind or case.json['reference'], **kwargs)
    missing, _ = model.load_state_dict(converted, strict=False)
    assert not missing, f'not given by the converted state dict: {missing}'
    return model.eval()


def input_of(case: GoldenCase) -> Tensor:
    name = 'input/x' if is_network_case(case) else 'in.x'
    return as_tensors({'x': case.tensors[name]})['x'].requires_grad_()


def check_layer(case: GoldenCase) -> None:
    """Attention modules and a block, on a grid of tokens."""
    sizes = case.json['constructor']
    shared = dict(embed_dims=sizes['dim'], num_heads=sizes['num_heads'], qkv_bias=sizes['qkv_bias'])
    name = case.reference.split(':')[1]
    if name == 'Attention':
        layer = MODELS.build(dict(type='mmhsi.FullAttention', **shared))
    elif name == 'SampleAttention':
        layer = MODELS.build(dict(type='mmhsi.SparseSamplingAttention', num_points=sizes['n_points'], **shared))
    else:
        layer = MODELS.build(
            dict(
                type='mmhsi.TransformerBlock',
                sparse=sizes['sample'],
                num_points=sizes.get('n_points', 8),
                feedforward_channels=int(sizes['dim'] * sizes['mlp_ratio']),
                layer_scale_init_value=sizes['init_values'],
                **shared))
    grid = case.json.get('grid')
    x = input_of(case)
    output = load(layer, case)(x, None if grid is None else (grid['H'], grid['W']))
    check_backbone_outputs(case, x, {'y': output})


def check_adapter(case: GoldenCase) -> None:
    """Spatial and spectral refinement transformers; only the blocks up to the output are compared."""
    sizes = case.json['constructor']
    spatial = case.reference.endswith('Adpater')
    num_layers = sizes['out_indices'][0] + 1
    layer = MODELS.build(
        dict(
            type='mmhsi.RefinementTransformer',
            embed_dims=sizes['original_channels'] if spatial else sizes['embed_dim'],
            in_channels=sizes['embed_dim'] if spatial else None,
            img_size=(sizes['img_size'], ) * 2 if spatial and sizes['use_abs_pos_emb'] else None,
            num_layers=num_layers,
            num_heads=sizes['num_heads'],
            num_points=sizes['n_points'],
            full_attn_interval=sizes['interval'],
            mlp_ratio=sizes['mlp_ratio']))
    x = input_of(case)
    output = load(layer, case)(x)
    check_backbone_outputs(case, x, dict.fromkeys(case.group('out.'), output))


def check_spatial_backbone(case: GoldenCase) -> None:
    """SpatViT with the pyramid of its folder."""
    sizes = settings_of(case)
    parts = {'backbone': spat_vit(sizes, sizes['use_abs_pos_emb'])}
    in_classification = case.reference.startswith('ImageClassification')
    if in_classification:
        scales = classification_scales(sizes['patch_size'], 'SpatViT_fusion.py' in case.reference)
        parts['neck'] = dict(type='mmhsi.LevelPyramid', in_channels=sizes['embed_dim'], scales=scales)
    elif 'Detection/' in case.reference and 'Hyperspectral' in case.reference:
        parts['neck'] = dict(type='mmhsi.LevelPyramid', in_channels=sizes['embed_dim'], out_channels=128)
    elif case.reference.startswith('MultispectralCD'):
        parts['neck'] = dict(
            type='mmhsi.LevelPyramid', in_channels=sizes['embed_dim'], scales=multispectral_scales(sizes['patch_size']))
    x = input_of(case)
    levels = load(Pipeline(**parts), case).features(x)
    if not in_classification:
        outputs = {f'f{i}': level for i, level in enumerate(levels)}
    else:
        outputs = {f'fpn{i}': level for i, level in enumerate(levels)}
        for i, level in enumerate(reversed(levels)):
            if 'SpatViT_fusion.py' in case.reference:
                level = F.interpolate(level, size=x.shape[2:], mode='bilinear', align_corners=True)
            outputs[f'y{i}'] = level
    check_backbone_outputs(case, x, outputs)


def check_spectral_backbone(case: GoldenCase) -> None:
    """SpecViT with its reductions to 128 channels, which belong to the SEM neck here."""
    sizes = settings_of(case)
    model = Pipeline(backbone=spec_vit(sizes, sizes['out_indices'], sizes['use_abs_pos_emb']))
    reduces_all = case.reference.endswith('SpecViT')
    model.neck = nn.Module()
    model.neck.spectral_reductions = nn.ModuleList(
        nn.Linear(sizes['embed_dim'], 128, bias=False) for _ in (sizes['out_indices'] if reduces_all else [0]))
    x = input_of(case)
    tokens = list(load(model, case).backbone(x))
    for i, reduction in enumerate(model.neck.spectral_reductions):
        tokens[i] = reduction(tokens[i])
    check_backbone_outputs(case, x, {f'f{i}': token for i, token in enumerate(tokens)})


def check_spatial_classifier(case: GoldenCase) -> None:
    """SpatSIGMA of both classification protocols."""
    sizes = settings_of(case)
    levels = [sizes['embed_dim']] * len(sizes['out_indices'])
    backbone = spat_vit(sizes, sizes['use_abs_pos_emb'])
    x = input_of(case)
    if 'SpatViT_cls' in case.reference:
        head = dict(
            type='mmhsi.MultiLevelClsHead', in_channels=levels, num_classes=sizes['num_classes'],
            hidden_channels=(128, 64))
        model = load(Pipeline(backbone=backbone, head=head), case, drop_background=False)
        output = model.head(model.features(x))
    else:
        neck = dict(
            type='mmhsi.LevelPyramid', in_channels=sizes['embed_dim'],
            scales=classification_scales(sizes['patch_size'], upsampled=False))
        model = load(Pipeline(backbone=backbone, neck=neck, decode_head=seg_head(levels, sizes, (128, 64))), case)
        output = pixel_logits(model, x)
        wanted = case.tensors.get('out.logits')
        if wanted is not None and wanted.ndim == 2:  # the reference loses the axis of a batch of one
            output = output[0]
    check_logits(case, x, output)


def seg_head(in_channels: list[int], sizes: dict, hidden_channels: tuple[int, ...]) -> dict:
    return dict(
        type='mmhsi.MultiLevelSegHead',
        in_channels=in_channels,
        num_classes=sizes.get('num_classes', sizes.get('classes')),
        hidden_channels=hidden_channels)


def pixel_logits(model: Pipeline, x: Tensor) -> Tensor:
    """Logits per pixel in the layout of the reference, (B, H * W, K)."""
    return model.decode_head(model.features(x), tuple(x.shape[2:])).flatten(2).transpose(1, 2)


def check_logits(case: GoldenCase, x: Tensor, output: Tensor) -> None:
    if is_network_case(case):
        check_network_output(case, output)
    else:
        check_backbone_outputs(case, x, dict.fromkeys(case.group('out.'), output))


def check_fusion_classifier(case: GoldenCase) -> None:
    """HyperSIGMA of both classification protocols."""
    sizes = settings_of(case)
    window_protocol = 'ss_fusion_cls' in case.reference
    # only the first level of the spectral branch is used
    level = sizes.get('spec_level_used', (sizes.get('spec_out_indices') or sizes['out_indices'])[0])
    backbone = dict(
        type='mmhsi.HyperSIGMA',
        spatial=spat_vit(sizes, sizes.get('spat_abs_pos_embed', True)),
        spectral=spec_vit(sizes, [level], sizes.get('spec_abs_pos_embed', True)))
    width = sizes.get('reduced_dim', 128)
    neck = dict(
        type='mmhsi.SpectralEnhancement',
        in_channels=sizes['embed_dim'],
        num_tokens=sizes['spec_tokens'],
        mid_channels=128,
        out_channels=width,
        scales=classification_scales(sizes['patch_size'], upsampled=not window_protocol),
        gate_first=not window_protocol)
    levels = [width] * len(sizes['out_indices'])
    x = input_of(case)
    if window_protocol:
        head = dict(type='mmhsi.MultiLevelClsHead', in_channels=levels, num_classes=sizes['classes'])
        model = load(Pipeline(backbone=backbone, neck=neck, head=head), case, drop_background=False)
        output = model.head(model.features(x))
    else:
        model = load(Pipeline(backbone=backbone, neck=neck, decode_head=seg_head(levels, sizes, (128, ))), case)
        output = pixel_logits(model, x)
    check_logits(case, x, output)


def check_layer_decay(case: GoldenCase) -> None:
    """Learning-rate multiplier and weight decay of every parameter of a backbone, a norm and a head."""
    from mmhsi.engine.optimizers import LayerDecayOptimWrapperConstructor

    expected = case.json['expected']
    num_layers = expected['num_layers']
    groups = expected['groups']['backbone']
    model = nn.Module()
    model.backbone = MODELS.build(
        dict(
            type='mmhsi.SpatViT', img_size=4, patch_size=2, in_channels=3,
            arch=dict(embed_dims=8, num_layers=num_layers, num_heads=2, full_attn_interval=num_layers)))
    model.head = nn.Linear(8, 2)
    model.bn = nn.BatchNorm2d(2)
    constructor = LayerDecayOptimWrapperConstructor(
        dict(optimizer=dict(type='AdamW', lr=expected['base_lr'], weight_decay=expected['weight_decay'])),
        paramwise_cfg=dict(layer_decay_rate=expected['layer_decay_rate'], flat_decay_mult=0.,
                           custom_keys={'pos_embed': dict(decay_mult=0.)}))
    optimizer = constructor(model).optimizer
    found = {
        name.replace('.projection.', '.proj.'): (group['lr'] / expected['base_lr'], group['weight_decay'])
        for group in optimizer.param_groups for name in group['param_names']
    }
    compared = [name for name in groups if not name.startswith('backbone.norm.')]  # we build no unused final norm
    assert set(compared) == set(found)
    for name in compared:
        torch.testing.assert_close(torch.tensor(found[name]), torch.tensor(groups[name]), rtol=1e-6, atol=1e-9)
