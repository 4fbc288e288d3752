"""Sparse sampling attention (SSA): each query attends to a few points sampled around its own position."""

import os
from collections.abc import Callable

import torch
from torch import Tensor

from .bilinear import bilinear_corners, sample_tokens

BACKEND_VARIABLE = 'MMHSI_SSA_BACKEND'

# Below this number of tokens the dense form is faster than sampling vectors (measured by benchmarks/bench_ssa.py).
_DENSE_MAX_TOKENS = 400


def _attend_sampled(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int],
                    scale: float) -> Tensor:
    """The definition: sample keys and values, then attend over the P samples of each query."""
    head_dims = key.shape[-1]
    samples = sample_tokens(torch.cat([key, value], dim=-1), offsets, spatial_shape)
    keys, values = samples.split([head_dims, value.shape[-1]], dim=-1)
    logits = torch.einsum('bhnd,bhnpd->bhnp', query, keys) * scale
    return torch.einsum('bhnp,bhnpd->bhnd', logits.softmax(dim=-1), values)


def _attend_dense(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int],
                  scale: float) -> Tensor:
    """The same function by two matrix products.

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
    dense = torch.zeros_like(scores).scatter_add(-1, index, attention.to(scores.dtype))
    return dense @ value


BACKENDS: dict[str, Callable[..., Tensor]] = {'torch': _attend_sampled, 'dense': _attend_dense}


def _check_shapes(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int]) -> None:
    num_tokens = spatial_shape[0] * spatial_shape[1]
    if query.dim() != 4 or query.shape != key.shape or key.shape[:3] != value.shape[:3]:
        raise ValueError('query, key and value must be (B, heads, N, d) with equal B, heads, N and equal query and key '
                         f'widths, found {tuple(query.shape)}, {tuple(key.shape)}, {tuple(value.shape)}')
    if query.shape[2] != num_tokens:
        raise ValueError(f'spatial_shape {tuple(spatial_shape)} means {num_tokens} tokens, the query has '
                         f'{query.shape[2]}')
    if offsets.dim() != 5 or offsets.shape[:3] != query.shape[:3] or offsets.shape[-1] != 2:
        raise ValueError(f'offsets must be (B, heads, N, P, 2) = {tuple(query.shape[:3])} + (P, 2), found '
                         f'{tuple(offsets.shape)}')


def sparse_sampling_attention(query: Tensor,
                              key: Tensor,
                              value: Tensor,
                              offsets: Tensor,
                              spatial_shape: tuple[int, int],
                              scale: float | None = None,
                              backend: str = 'auto') -> Tensor:
    r"""Attend from every token to P points sampled around it (HyperSIGMA, section III).

    Token n stands at row :math:`r = n \div W_g`, column :math:`c = n \bmod W_g`. Its point p samples keys and values
    at :math:`(r + \Delta y_{np}, c + \Delta x_{np})` by bilinear interpolation, zero outside the grid, and

    .. math:: y_n = \sum_p \mathrm{softmax}_p(s\, q_n \cdot \hat k_{np})\, \hat v_{np}.

    A point outside the grid has a zero key: its logit is 0 and it keeps its share of the softmax.

    Args:
        query: (B, heads, N, d), not scaled.
        key: (B, heads, N, d).
        value: (B, heads, N, d).
        offsets: (B, heads, N, P, 2), (x, y) in token units relative to the query's own cell.
        spatial_shape: (Hg, Wg) of the token grid, row-major, N = Hg * Wg.
        scale: Factor s of the logits; ``None`` means d ** -0.5.
        backend: 'torch' (the definition), 'dense' (two matrix products, N x N scores) or 'auto', which chooses by the
            number of tokens. The environment variable ``MMHSI_SSA_BACKEND`` overrides 'auto'. All give the same
            values and gradients up to rounding.

    Returns:
        (B, heads, N, d), differentiable in all four tensors.

    Raises:
        ValueError: For shapes that do not fit or an unknown back end.
    """
    _check_shapes(query, key, value, offsets, spatial_shape)
    if backend == 'auto':
        backend = os.environ.get(BACKEND_VARIABLE, 'auto')
    if backend == 'auto':
        backend = 'dense' if query.shape[2] <= _DENSE_MAX_TOKENS else 'torch'
    if backend not in BACKENDS:
        raise ValueError(f'unknown back end {backend!r}, expected one of {sorted(BACKENDS)} or "auto"')
    scale = query.shape[-1]**-0.5 if scale is None else scale
    return BACKENDS[backend](query, key, value, offsets, spatial_shape, scale)
