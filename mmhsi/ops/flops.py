"""Floating-point operations missing from PyTorch's ``FlopCounterMode``; importing this module registers them.

A multiplication and an addition are two operations, as everywhere in ``torch.utils.flop_counter``.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry, sdpa_flop_count, shape_wrapper

from .sparse_sampling_attention import BACKENDS
from .ssa_torch import attend_sampled


def ssa_flops(query_shape: Sequence[int], value_shape: Sequence[int], offsets_shape: Sequence[int]) -> int:
    """Operations of :func:`mmhsi.ops.sparse_sampling_attention` by its definition, whichever back end computes it.

    For each of the P points of a token and head, four corners are weighted to a key of d and a value of d' numbers, and
    one product makes the logit, another one adds the value: 5 (d + d') multiplications with an addition. The softmax is
    not counted, as for other kinds of attention.

    Args:
        query_shape (Sequence[int]): (B, heads, N, d).
        value_shape (Sequence[int]): (B, heads, N, d').
        offsets_shape (Sequence[int]): (B, heads, N, P, 2).

    Returns:
        int: 10 B heads N P (d + d').
    """
    batch, heads, tokens, points = offsets_shape[:4]
    return 10 * batch * heads * tokens * points * (query_shape[-1] + value_shape[-1])


@torch.library.custom_op('mmhsi::ssa_counted', mutates_args=())
def _ssa_counted(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, height: int, width: int, scale: float
) -> Tensor:
    return attend_sampled(query, key, value, offsets, (height, width), scale).contiguous()


def _attend_counted(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int], scale: float
) -> Tensor:
    return _ssa_counted(query, key, value, offsets, *spatial_shape, scale)


@contextmanager
def ssa_as_one_operator() -> Iterator[None]:
    """Compute sparse sampling attention as one operator, without gradients, so that all back ends have the same count.

    Otherwise the counter would see the products inside the PyTorch back ends, for 'dense' those of all pairs of tokens.
    """
    backends = dict(BACKENDS)
    BACKENDS.update(dict.fromkeys(backends, _attend_counted))
    try:
        yield
    finally:
        BACKENDS.update(backends)


def _forward(query_shape, key_shape, value_shape, offsets_shape, *args, out_shape=None, **kwargs) -> int:
    return ssa_flops(query_shape, value_shape, offsets_shape)


def _backward(grad_shape, query_shape, key_shape, value_shape, offsets_shape, *args, out_shape=None, **kwargs) -> int:
    return 2 * ssa_flops(query_shape, value_shape, offsets_shape)  # each product has two factors with a gradient


def _attention(query_shape, key_shape, value_shape, *args, out_shape=None, **kwargs) -> int:
    return sdpa_flop_count(query_shape, key_shape, value_shape)


def _grid_sample(input_shape, grid_shape, *args, out_shape=None, **kwargs) -> int:
    """Four corners are weighted and added for every number of a bilinear sample."""
    return 8 * prod(out_shape)


def _register() -> None:
    operators = [
        (torch.ops.mmhsi.ssa_counted, _forward),
        (torch.ops.mmhsi.ssa_fused, _forward),
        (torch.ops.mmhsi.ssa_fused_backward, _backward),
        (torch.ops.aten._scaled_dot_product_flash_attention_for_cpu, _attention),
        (torch.ops.aten.grid_sampler_2d, _grid_sample),
        (torch.ops.aten.cudnn_grid_sampler, _grid_sample),
    ]
    try:
        from . import ssa_triton  # noqa: F401  registers its operators

        operators += [(torch.ops.mmhsi.ssa_triton, _forward), (torch.ops.mmhsi.ssa_triton_backward, _backward)]
    except ImportError:
        pass  # without Triton there is no such back end
    for operator, formula in operators:
        # register_flop_formula of torch 2.4 notes the overloads of an operator, and the counter looks for the operator
        flop_registry.setdefault(operator, shape_wrapper(formula))


_register()
