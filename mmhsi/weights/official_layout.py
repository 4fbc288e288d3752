"""Parameter names and shapes of the official pre-training files, and the vocabulary of the official code."""

import math
from collections.abc import Iterable, Iterator, Mapping

from torch import Tensor

# Width and number of blocks of the published encoders.
PUBLISHED_SIZES = {'base': (768, 12), 'large': (1024, 24), 'huge': (1280, 32)}
_MLP_RATIO = 4
_MAX_ENLARGEMENTS = 6  # steps of 2 in super-resolution, so that the scale is at most 64
# The key that distinguishes the branches, and the part of its shape before the width in the published files.
_EMBEDDINGS = {'spat-mae': 'patch_embed.proj', 'spec-mae': 'spat_map'}
_PUBLISHED_EMBEDDINGS = {'spat-mae': (100, 8, 8), 'spec-mae': (64 * 64,)}
_PUBLISHED_TOKENS = {'spat-mae': 64, 'spec-mae': 100}

Shapes = dict[str, tuple[int, ...]]


def _linear(name: str, rows: int, columns: int) -> Shapes:
    return {f'{name}.weight': (rows, columns), f'{name}.bias': (rows,)}


def _norm(name: str, width: int) -> Shapes:
    return {f'{name}.weight': (width,), f'{name}.bias': (width,)}


def _block(name: str, width: int) -> Shapes:
    hidden = _MLP_RATIO * width
    return {
        **_norm(f'{name}.norm1', width),
        **_linear(f'{name}.attn.qkv', 3 * width, width),
        **_linear(f'{name}.attn.proj', width, width),
        **_norm(f'{name}.norm2', width),
        **_linear(f'{name}.mlp.fc1', hidden, width),
        **_linear(f'{name}.mlp.fc2', width, hidden),
    }


def pretraining_shapes(
    kind: str,
    embed_dims: int,
    num_layers: int,
    embedding: tuple[int, ...] | None = None,
    num_tokens: int | None = None,
    decoder_dims: int = 512,
    num_decoder_layers: int = 8,
    target_dims: int | None = None,
) -> Shapes:
    """Names and shapes of the parameters of an official pre-training model, in the order of its files.

    Args:
        kind (str): 'spat-mae' or 'spec-mae'.
        embed_dims (int): Width E of the encoder.
        num_layers (int): Number of blocks of the encoder.
        embedding (tuple[int, ...], optional): Spatial: (bands, patch, patch). Spectral: (pixels of the image, ).
            Defaults to the published files: (100, 8, 8) and (4096, ).
        num_tokens (int, optional): Defaults to the published files: 64 and 100.
        decoder_dims (int): Width of the decoder. Defaults to 512.
        num_decoder_layers (int): Number of blocks of the decoder. Defaults to 8.
        target_dims (int, optional): Size of a predicted token. Defaults to the size of ``embedding``.

    Returns:
        Shape of every parameter by official name.
    """
    embedding = _PUBLISHED_EMBEDDINGS[kind] if embedding is None else embedding
    num_tokens = num_tokens or _PUBLISHED_TOKENS[kind]
    shapes = {
        'pos_embed': (1, num_tokens, embed_dims),
        'mask_token': (1, 1, decoder_dims),
        'decoder_pos_embed': (1, num_tokens, decoder_dims),
        f'{_EMBEDDINGS[kind]}.weight': (embed_dims, *embedding),
        f'{_EMBEDDINGS[kind]}.bias': (embed_dims,),
    }
    for i in range(num_layers):
        shapes.update(_block(f'blocks.{i}', embed_dims))
    shapes.update(_norm('norm', embed_dims))
    shapes.update(_linear('decoder_embed', decoder_dims, embed_dims))
    for i in range(num_decoder_layers):
        shapes.update(_block(f'decoder_blocks.{i}', decoder_dims))
    shapes.update(_norm('decoder_norm', decoder_dims))
    shapes.update(_linear('decoder_pred', target_dims or math.prod(embedding), decoder_dims))
    return shapes


def pretraining_kind(names: Iterable[str]) -> str | None:
    """Kind of the official pre-training file with these names: 'spat-mae', 'spec-mae', or None for another file."""
    names = set(names)
    if 'mask_token' in names:
        for kind, embedding in _EMBEDDINGS.items():
            if f'{embedding}.weight' in names:
                return kind
    return None


def _count_blocks(names: Iterable[str], prefix: str) -> int:
    return len({name.split('.')[1] for name in names if name.startswith(f'{prefix}.')})


def _published_size(embed_dims: int) -> str | None:
    return next((size for size, (width, _) in PUBLISHED_SIZES.items() if width == embed_dims), None)


def _shapes_by_sizes_of(state: Mapping[str, Tensor], kind: str) -> Shapes:
    """Shapes of a file whose bands, patch, image, tokens and widths are those of a few parameters of ``state``."""
    embed_dims, *embedding = state[f'{_EMBEDDINGS[kind]}.weight'].shape
    size = _published_size(embed_dims)
    pixels = target_dims = math.prod(embedding)
    predicted = state['decoder_pred.bias'].numel() if 'decoder_pred.bias' in state else 0
    if kind == 'spec-mae' and predicted and predicted % pixels == 0:
        target_dims = predicted  # a spectral token may represent several bands, each of which is predicted
    return pretraining_shapes(
        kind,
        embed_dims,
        PUBLISHED_SIZES[size][1] if size else _count_blocks(state, 'blocks'),
        tuple(embedding),
        num_tokens=state['pos_embed'].shape[1],
        decoder_dims=state['mask_token'].shape[-1],
        num_decoder_layers=_count_blocks(state, 'decoder_blocks'),
        target_dims=target_dims,
    )


def check_pretraining_shapes(
    state: Mapping[str, Tensor], kind: str, source: str, size: str | None = None
) -> str | None:
    """Compare an official pre-training file with the table of its parameters.

    Widths, bands, patch, image and tokens may differ from those of the published files as long as they agree with each
    other; an encoder as wide as a published one must be as deep.

    Args:
        state: Parameters under their official names.
        kind (str): 'spat-mae' or 'spec-mae'.
        source (str): Name of the file, for the error.
        size (str, optional): 'base', 'large' or 'huge' if the file has to be the published one of this size.

    Returns:
        Name of the published size with the encoder's width, or None.

    Raises:
        ValueError: If a parameter is missing or has another shape.
    """
    weight = f'{_EMBEDDINGS[kind]}.weight'
    for name in (weight, 'pos_embed', 'mask_token'):
        if name not in state:
            raise ValueError(
                f'{source}: expected {name!r} in a {kind} file, found only {", ".join(list(state)[:5])}, ...'
            )
    expected = _shapes_by_sizes_of(state, kind) if size is None else pretraining_shapes(kind, *PUBLISHED_SIZES[size])
    size = size or _published_size(state[weight].shape[0])
    label = f'{size} {kind}' if size else kind
    for name, shape in expected.items():
        found = tuple(state[name].shape) if name in state else 'no such parameter'
        if found != shape:
            raise ValueError(f'{source}: expected {name!r} of shape {shape} in a {label} file, found {found}')
    return size


def official_vocabulary(num_layers: int) -> tuple[list[str], list[str]]:
    """Parameter names of the official models.

    Args:
        num_layers (int): Number of blocks.

    Returns:
        Names inside an encoder, which may have a prefix such as ``spat_encoder.``, and names outside.
    """
    encoder = dict.fromkeys(
        name for kind in _EMBEDDINGS for name in pretraining_shapes(kind, 1, num_layers, num_decoder_layers=num_layers)
    )
    sampling = [
        f'blocks.{i}.{name}'
        for i in range(num_layers)
        for name in ('attn.sampling_offsets.weight', 'attn.sampling_offsets.bias', 'gamma_1', 'gamma_2')
    ]
    inside = [*encoder, *sampling]
    refinement = [name.replace('blocks.', 'blocks_add.', 1) for name in inside if name.startswith('blocks.')]
    refinement += ['pos_embed_add', 'patch_embed_add.proj.weight', 'patch_embed_add.proj.bias']
    return [*inside, *refinement, *_neck_names()], list(_task_names())


def _neck_names() -> Iterator[str]:
    for k in range(1, 5):
        yield from (f'l{k}.weight', f'fpn{k}.weight')
        yield from (f'fpn{k}.{layer}.{name}' for layer in ('0', '1.ln', '3') for name in ('weight', 'bias'))
    yield from ('up1.weight', 'up1.bias')


def _task_names() -> Iterator[str]:
    for k in ('', 1, 2, 3, 4):
        yield from (f'fc_spec{k}.0.weight', f'fc_spec{k}.2.weight', f'conv_features{k}.weight')
    yield from (f'DR{k}.weight' for k in range(1, 5))
    yield from ('conv_fc.0.weight', 'conv_ts.0.weight', 'conv_ts.3.weight', 'decoder.decoder.weight')
    layers = ['conv', 'cls', 'conv_ts.1', 'dim_red', 'main_clf_1']
    layers += [f'classifier.{i}' for i in range(5)]
    layers += [f'BCD_classifier.{i}' for i in (0, 2, 4, 6)]
    layers += ['smooth', 'smooth.0', 'smooth.4', 'conv_tail', 'skip_conv']
    layers += [f'conv{k}_reconstruct' for k in range(1, 4)]
    layers += [f'upsample.{2 * i}' for i in range(_MAX_ENLARGEMENTS)]
    layers += [f'conv{k}.0' for k in range(1, 6)]
    norms = ['smooth.2', *(f'conv{k}.2' for k in range(1, 6))]
    for k in range(1, 5):
        layers += [f'conv{k}.double_conv.0', f'conv{k}.double_conv.3', f'fuse_layer_{k}.0']
        norms += [f'conv{k}.double_conv.1', f'conv{k}.double_conv.4', f'fuse_layer_{k}.1']
    for layer in (*layers, *norms):
        yield from (f'{layer}.weight', f'{layer}.bias')
    for norm in norms:
        yield from (f'{norm}.running_mean', f'{norm}.running_var', f'{norm}.num_batches_tracked')
