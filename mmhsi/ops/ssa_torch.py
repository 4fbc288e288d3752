"""Sparse sampling attention in PyTorch: the definition, and two forms with matrix products."""

from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor

from .bilinear import bilinear_corners, bilinear_matrices, sample_tokens


def _at_full_precision(attend: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Compute in at least float32, regardless of inputs and autocast, and return the type of the value.

    With 8 significant bits, as in bfloat16, positions on a large grid would be off by whole cells.
    """

    @wraps(attend)
    def wrapper(
        query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int], scale: float
    ) -> Tensor:
        dtype = torch.float32
        for tensor in (query, key, value, offsets):
            dtype = torch.promote_types(dtype, tensor.dtype)
        with torch.autocast(query.device.type, enabled=False):
            out = attend(query.to(dtype), key.to(dtype), value.to(dtype), offsets.to(dtype), spatial_shape, scale)
        return out.to(value.dtype)

    return wrapper


@_at_full_precision
def attend_sampled(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int], scale: float
) -> Tensor:
    """The definition: sample keys and values, then attend over the P samples of each query."""
    samples = sample_tokens(torch.cat([key, value], dim=-1), offsets, spatial_shape)
    keys, values = samples.split([key.shape[-1], value.shape[-1]], dim=-1)
    logits = torch.einsum('bhnd,bhnpd->bhnp', query, keys) * scale
    return torch.einsum('bhnp,bhnpd->bhnd', logits.softmax(dim=-1), values)


@_at_full_precision
def attend_dense(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int], scale: float
) -> Tensor:
    """The same function with two matrix products.

    Bilinear sampling is linear, so the product of a query with a sampled key is the sampled product: all scores are
    computed once, and the attention weights are spread over the four corners of each sample.
    """
    batch, heads, num_tokens, num_points = offsets.shape[:4]
    index, weight = bilinear_corners(offsets, spatial_shape)
    index = index.reshape(batch, heads, num_tokens, num_points * 4)
    scores = query @ key.transpose(-2, -1)
    corner_scores = scores.gather(-1, index).reshape(weight.shape)
    logits = (corner_scores * weight).sum(dim=-1) * scale
    attention = (logits.softmax(dim=-1).unsqueeze(-1) * weight).reshape(index.shape)
    dense = torch.zeros_like(scores).scatter_add(-1, index, attention)
    return dense @ value


@_at_full_precision
def attend_separable(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int], scale: float
) -> Tensor:
    """The same function with matrix products only, without indexing: deterministic on every device.

    The bilinear weight of a cell is that of its row times that of its column, so that sampling the scores of a query,
    a map (Hg, Wg), is a product with a (P, Hg) and a (P, Wg) matrix.
    """
    height, width = spatial_shape
    rows, columns = bilinear_matrices(offsets, spatial_shape)
    scores = (query @ key.transpose(-2, -1)).unflatten(-1, (height, width))
    logits = ((rows @ scores) * columns).sum(dim=-1) * scale
    weighted_rows = logits.softmax(dim=-1).unsqueeze(-1) * rows
    return (weighted_rows.transpose(-2, -1) @ columns).flatten(-2) @ value
