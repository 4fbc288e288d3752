"""Configs of encoders in the sizes of a golden case, read from its parameters, its input and its description."""

from mmengine.model import BaseModule

import mmhsi.models  # noqa: F401
from golden_checks.case import GoldenCase
from mmhsi.registry import MODELS


class Pipeline(BaseModule):
    """Backbone, neck and head one after the other, named as in a model of the sister toolboxes."""

    def __init__(self, **parts: dict) -> None:
        super().__init__()
        for name, cfg in parts.items():
            self.add_module(name, MODELS.build(cfg))

    def features(self, x):
        for name, part in self.named_children():
            if name in ('backbone', 'neck'):
                x = part(x)
        return x


def settings_of(case: GoldenCase) -> dict:
    """Everything that the description says about sizes."""
    return {**case.json.get('constructor', {}), **case.json.get('overrides', {}), **case.json.get('config', {})}


def setting(case: GoldenCase, *names: str, default=None):
    """The first of the settings that the description has."""
    settings = settings_of(case)
    return next((settings[name] for name in names if settings.get(name) is not None), default)


def shapes_of(case: GoldenCase) -> dict[str, tuple[int, ...]]:
    """Shapes of the official parameters."""
    if case.state:
        return {name: tuple(value.shape) for name, value in case.state.items()}
    return {name: tuple(shape) for name, shape in case.json['downstream_state_dict'].items()}


def image_size_of(case: GoldenCase) -> tuple[int, int]:
    """Size of the recorded image; of one that is described where none is recorded."""
    if case.images:
        return case.image_size
    size = setting(case, 'img_size')
    return (size, size) if isinstance(size, int) else tuple(size)


def spatial_levels(case: GoldenCase) -> list[int]:
    return setting(case, 'spat_out_indices', 'out_indices')


def _vit(case: GoldenCase, branch: str, prefix: str, out_indices: list[int]) -> dict:
    shapes, heads = shapes_of(case), setting(case, 'num_heads')
    width = shapes[f'{prefix}blocks.0.norm1.weight'][0]
    points = setting(case, f'{branch}_n_points', 'n_points', default=8)
    offsets = shapes.get(f'{prefix}blocks.0.attn.sampling_offsets.bias')
    if offsets:
        points = offsets[0] // (2 * heads)
    return dict(
        arch=dict(
            embed_dims=width,
            num_layers=max(setting(case, 'depth'), out_indices[-1] + 1),
            num_heads=heads,
            feedforward_channels=shapes[f'{prefix}blocks.0.mlp.fc1.weight'][0],
            full_attn_interval=setting(case, 'interval', default=3),
            out_indices=tuple(out_indices),
        ),
        img_size=image_size_of(case),
        num_points=points,
        use_abs_pos_emb=f'{prefix}pos_embed' in shapes,
    )


def spat_vit(case: GoldenCase, prefix: str = '', out_indices: list[int] | None = None) -> dict:
    """Config of the spatial encoder whose official names start with ``prefix``."""
    _, bands, patch, _ = shapes_of(case)[f'{prefix}patch_embed.proj.weight']
    return dict(
        type='mmhsi.SpatViT',
        in_channels=bands,
        patch_size=patch,
        **_vit(case, 'spat', prefix, out_indices or spatial_levels(case)),
    )


def num_tokens(case: GoldenCase, prefix: str = '') -> int:
    """Number of spectral tokens: that of the positions, or of a gate's inputs, or the one described."""
    shapes = shapes_of(case)
    if f'{prefix}pos_embed' in shapes:
        return shapes[f'{prefix}pos_embed'][1]
    gates = [shape for name, shape in shapes.items() if name.startswith('fc_spec') and name.endswith('.0.weight')]
    return gates[0][1] if gates else setting(case, 'NUM_TOKENS', 'spec_tokens')


def spec_vit(case: GoldenCase, prefix: str = '', out_indices: list[int] | None = None) -> dict:
    """Config of the spectral encoder whose official names start with ``prefix``."""
    levels = out_indices or setting(case, 'spec_out_indices', 'out_indices')
    return dict(type='mmhsi.SpecViT', num_tokens=num_tokens(case, prefix), **_vit(case, 'spec', prefix, levels))


def hyper_sigma(case: GoldenCase, spectral_levels: list[int], spatial_levels: list[int] | None = None) -> dict:
    """Config of both branches of a fusion model."""
    return dict(
        type='mmhsi.HyperSIGMA',
        spatial=spat_vit(case, 'spat_encoder.', spatial_levels),
        spectral=spec_vit(case, 'spec_encoder.', spectral_levels),
    )


def classification_scales(file: str, patch_size: int) -> tuple[float, ...]:
    """Pyramid of a file of the classification folder (architecture, section 3)."""
    if patch_size in (1, 2):
        return (2, 1, 0.5, 0.25)
    if patch_size in (4, 8):
        return (1, 1, 0.5, 0.25)
    upsampled = file.endswith(('SpatViT_fusion.py', 'ss_fusion_seg.py'))
    return (1, 1, 1, 1) if upsampled or patch_size == 11 else (4, 2, 1, 0.5)


def multispectral_scales(class_name: str, patch_size: int) -> tuple[float, ...]:
    """Pyramid of multispectral change detection; its unused encoder shrinks the deepest level more."""
    if patch_size == 16:
        return (4, 2, 1, 0.5)
    return (2, 1, 0.5, 0.25 if class_name == 'SpatViT' else 0.5)
