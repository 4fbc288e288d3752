"""Goldens of attention modules, blocks, their parts, and the refinement transformers."""

from torch import nn

from golden_checks.case import GoldenCase
from golden_checks.compare import check_outputs, load
from golden_checks.sizes import setting, settings_of, shapes_of
from mmhsi.models.layers import SpectralEmbedding
from mmhsi.models.layers.transformer_block import Mlp
from mmhsi.models.necks.level_pyramid import LevelPyramid
from mmhsi.registry import MODELS


def check_attention(case: GoldenCase) -> None:
    """Attention modules and a block, on a grid of tokens."""
    sizes = settings_of(case)
    shared = dict(embed_dims=sizes['dim'], num_heads=sizes.get('num_heads', 8), qkv_bias=sizes.get('qkv_bias', False))
    sparse = any('sampling_offsets' in name for name in shapes_of(case))
    points = dict(num_points=sizes.get('n_points', 4)) if sparse else {}
    if case.class_name == 'Block':
        cfg = dict(
            type='mmhsi.TransformerBlock',
            sparse=sparse,
            feedforward_channels=int(sizes['dim'] * sizes.get('mlp_ratio', 4)),
            layer_scale_init_value=sizes.get('init_values'),
            **points,
        )
    else:
        cfg = dict(type='mmhsi.SparseSamplingAttention' if sparse else 'mmhsi.FullAttention', **points)
    layer = load(MODELS.build(dict(cfg, **shared)), case)
    grid = case.json.get('grid')
    ((_, x),) = case.inputs.items()
    check_outputs(case, y=layer(x, None if grid is None else (grid['H'], grid['W'])))


def check_mlp(case: GoldenCase) -> None:
    ((_, x),) = case.inputs.items()
    hidden, width = shapes_of(case)['fc1.weight']
    check_outputs(case, y=load(Mlp(width, hidden), case)(x))


def check_channel_norm(case: GoldenCase) -> None:
    """The norm between the two enlargements of the pyramid of patch 16, and its copies."""
    ((_, x),) = case.inputs.items()
    norm = LevelPyramid(x.shape[1], scales=(4,)).resamplings[0][1]
    check_outputs(case, y=load(norm, case)(x))


def check_patch_embedding(case: GoldenCase) -> None:
    """Tokens of an image; the official module also returns the grid, which follows from the shapes."""
    if not case.state:
        return check_pixel_sequence(case)
    width, bands, patch, _ = shapes_of(case)['proj.weight']
    embedding = MODELS.build(
        dict(
            type='mmhsi.SpatViT',
            arch=dict(embed_dims=width, num_layers=1, num_heads=1, full_attn_interval=1),
            img_size=case.image_size,
            patch_size=patch,
            in_channels=bands,
        )
    ).patch_embed
    return check_outputs(case, tokens=load(embedding, case)(case.images[0])[0])


def check_pixel_sequence(case: GoldenCase) -> None:
    """The spectral encoder's patch embedding, which only lays out the pixels in a row: our embedding of as many tokens
    as bands, with a projection that changes nothing."""
    image = case.images[0]
    embedding = SpectralEmbedding(case.image_size, image.shape[1], image.shape[2:].numel()).to(case.dtype)
    nn.init.eye_(embedding.projection.weight)
    nn.init.zeros_(embedding.projection.bias)
    check_outputs(case, tokens=embedding(image).transpose(1, 2))


def check_refinement(case: GoldenCase) -> None:
    """Spatial and spectral refinement transformers; only the blocks up to the output are compared."""
    shapes = shapes_of(case)
    spatial = case.class_name == 'Adpater'
    blocks = 'blocks_add' if spatial else 'blocks'
    width = shapes[f'{blocks}.0.norm1.weight'][0]
    ((_, x),) = case.inputs.items()
    layer = MODELS.build(
        dict(
            type='mmhsi.RefinementTransformer',
            embed_dims=width,
            in_channels=shapes['patch_embed_add.proj.weight'][1] if spatial else None,
            img_size=case.image_size if 'pos_embed_add' in shapes else None,
            num_layers=setting(case, 'out_indices')[0] + 1,
            num_heads=setting(case, 'num_heads'),
            num_points=setting(case, 'n_points', default=8),
            full_attn_interval=setting(case, 'interval', default=3),
            mlp_ratio=setting(case, 'mlp_ratio', default=4),
        )
    )
    check_outputs(case, y=load(layer, case)(x))


def check_layer(case: GoldenCase) -> None:
    """A layer that every file of an encoder defines."""
    if case.class_name == 'Mlp':
        check_mlp(case)
    elif case.class_name == 'LayerNorm2d':
        check_channel_norm(case)
    else:
        check_attention(case)
