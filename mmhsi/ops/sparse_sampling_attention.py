"""Sparse sampling attention (SSA): each query attends to a few points sampled around its own position."""

import logging
import os
from collections.abc import Callable

import torch
from torch import Tensor

from .ssa_fused import assume_constant, attend_fused
from .ssa_fused import why_unavailable as why_no_fused_kernel
from .ssa_fused import why_unsupported as why_not_fused
from .ssa_torch import attend_dense, attend_sampled, attend_separable

BACKEND_VARIABLE = 'MMHSI_SSA_BACKEND'

# Without a fused kernel: below this number of tokens the dense form is faster than sampling vectors (measured by
# benchmarks/bench_ssa.py).
_DENSE_MAX_TOKENS = 400


def _attend_triton(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int], scale: float
) -> Tensor:
    """The fused GPU kernels."""
    from .ssa_triton import attend_triton

    return attend_triton(query, key, value, offsets, spatial_shape, scale)


BACKENDS: dict[str, Callable[..., Tensor]] = {
    'torch': attend_sampled,
    'dense': attend_dense,
    'separable': attend_separable,
    'fused': attend_fused,
    'triton': _attend_triton,
}


@assume_constant
def _fused_kernel_works() -> bool:
    """Whether the CPU kernel is available; the first call compiles it, and logs the reason if that fails."""
    reason = why_no_fused_kernel()
    if reason is not None and not _fused_kernel_works.told:
        _fused_kernel_works.told = True
        logging.getLogger(__name__).warning(
            'sparse sampling attention runs without its fused CPU kernel and is several times slower: %s', reason
        )
    return reason is None


_fused_kernel_works.told = False


@assume_constant
def _triton_works() -> bool:
    try:
        from . import ssa_triton  # noqa: F401
    except ImportError:
        return False
    return True


def choose_backend(device_type: str, num_tokens: int, fused: bool, triton: bool, deterministic: bool) -> str:
    """The back end that 'auto' stands for.

    Args:
        device_type: Type of the tensors' device, e.g. 'cpu'.
        num_tokens: Number N of tokens.
        fused: Whether the fused CPU kernel can take the tensors.
        triton: Whether the Triton kernels can take the tensors.
        deterministic: Whether torch is to use deterministic algorithms only.

    Returns:
        A key of ``BACKENDS``.
    """
    if device_type == 'cpu' and fused:
        return 'fused'
    if device_type == 'cuda' and triton:
        return 'triton'
    if device_type == 'cuda' and deterministic:
        return 'separable'
    return 'dense' if num_tokens <= _DENSE_MAX_TOKENS else 'torch'


def _is_exporting() -> bool:
    exporting = getattr(torch.compiler, 'is_exporting', None)  # since torch 2.7
    return torch.jit.is_tracing() or (exporting is not None and exporting())


def _automatic_backend(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor) -> str:
    backend = os.environ.get(BACKEND_VARIABLE, 'auto')
    if backend != 'auto':
        return backend
    if _is_exporting():  # the file is to run where there are no kernels of ours
        return choose_backend('cpu', query.shape[2], fused=False, triton=False, deterministic=False)
    on_cpu = query.device.type == 'cpu'
    single = torch.float64 not in (query.dtype, key.dtype, value.dtype, offsets.dtype)
    return choose_backend(
        query.device.type,
        query.shape[2],
        fused=on_cpu and why_not_fused(query, key, value, offsets) is None and _fused_kernel_works(),
        triton=query.device.type == 'cuda' and single and _triton_works(),
        deterministic=torch.are_deterministic_algorithms_enabled(),
    )


def _check_shapes(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int]) -> None:
    num_tokens = spatial_shape[0] * spatial_shape[1]
    if query.dim() != 4 or query.shape != key.shape or key.shape[:3] != value.shape[:3]:
        raise ValueError(
            'query, key and value must be (B, heads, N, d) with equal B, heads, N and equal query and key '
            f'widths, found {tuple(query.shape)}, {tuple(key.shape)}, {tuple(value.shape)}'
        )
    if query.shape[2] != num_tokens:
        raise ValueError(
            f'spatial_shape {tuple(spatial_shape)} means {num_tokens} tokens, the query has {query.shape[2]}'
        )
    if offsets.dim() != 5 or offsets.shape[:3] != query.shape[:3] or offsets.shape[-1] != 2:
        raise ValueError(
            f'offsets must be (B, heads, N, P, 2) = {tuple(query.shape[:3])} + (P, 2), found {tuple(offsets.shape)}'
        )
    if 0 in (query.shape[3], value.shape[3], offsets.shape[3]):
        raise ValueError(
            'heads must be at least 1 wide and attend to at least 1 point, found query, value and offsets '
            f'of {tuple(query.shape)}, {tuple(value.shape)}, {tuple(offsets.shape)}'
        )


def sparse_sampling_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    offsets: Tensor,
    spatial_shape: tuple[int, int],
    scale: float | None = None,
    backend: str = 'auto',
) -> Tensor:
    r"""Attend from every token to P points sampled around it (HyperSIGMA, section III).

    Token n is at row :math:`r = n \div W_g`, column :math:`c = n \bmod W_g`. Its point p samples keys and values at
    :math:`(r + \Delta y_{np}, c + \Delta x_{np})` by bilinear interpolation, zero outside the grid, and

    .. math:: y_n = \sum_p \mathrm{softmax}_p(s\, q_n \cdot \hat k_{np})\, \hat v_{np}.

    A point outside the grid has a zero key: its logit is 0 and it keeps its share of the softmax.

    Args:
        query: (B, heads, N, d), not scaled.
        key: (B, heads, N, d).
        value: (B, heads, N, d).
        offsets: (B, heads, N, P, 2), (x, y) in token units relative to the query's own cell.
        spatial_shape: (Hg, Wg) of the token grid, row-major, N = Hg * Wg.
        scale: Factor s of the logits; ``None`` means d ** -0.5.
        backend: One of

            - 'torch', the definition, by ``grid_sample``;
            - 'dense', two matrix products with N x N scores, for few tokens;
            - 'separable', matrix products only, which is deterministic on every device and needs much memory;
            - 'fused', a compiled CPU kernel (:mod:`mmhsi.ops.ssa_fused`): float32, bfloat16, float16; deterministic;
            - 'triton', GPU kernels (:mod:`mmhsi.ops.ssa_triton`): the same types; deterministic;
            - 'auto', which takes 'fused' on the CPU and 'triton' on CUDA if they accept the tensors, else 'separable'
              on CUDA if deterministic algorithms are required, else 'dense' or 'torch' by the number of tokens; the
              last two while a network is exported or traced. The environment variable ``MMHSI_SSA_BACKEND`` overrides
              'auto'.

            All give the same values and gradients up to rounding; half precision is computed in float32.

    Returns:
        (B, heads, N, d), differentiable in all four tensors.

    Raises:
        ValueError: For shapes that do not fit, an unknown back end, or one that cannot take these tensors.
    """
    _check_shapes(query, key, value, offsets, spatial_shape)
    if backend == 'auto':
        backend = _automatic_backend(query, key, value, offsets)
    if backend not in BACKENDS:
        raise ValueError(f'unknown back end {backend!r}, expected one of {sorted(BACKENDS)} or "auto"')
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    return BACKENDS[backend](query, key, value, offsets, spatial_shape, scale)
