"""The fused GPU back end of sparse sampling attention: Triton kernels as operators of torch.

Forward: a program takes a block of queries of one head, walks over their points with an online softmax and keeps the
samples in registers. Backward, first kernel: samples and weights are computed again from the inputs, the result and one
number per query, the logarithm of the sum of exponentials; it gives the gradients of queries and offsets, and of every
point the first of its four cells and its shares in the gradients. The points are then sorted by that cell, and in the
second kernel each cell gathers the gradients of its key and value from the points around it. No two programs write to
one place: results are the same in every run. ``docs/attention.md`` gives the memory traffic of this, and of atomic
additions.

All sums are in float32, the tensors may be float32, bfloat16 or float16, also mixed. The kernels process only rows of
whole 16-byte words: tensors whose width or strides are no multiples of 16 elements are copied, with zeros behind the
width, since the compiler puts loads of single elements of such rows on the stack.

The kernels have run in Triton's interpreter (``TRITON_INTERPRET=1``) and have been compiled for GPUs ahead of time.
They have not run on one: block size and number of warps follow from the registers that the compiler reports, not from
times. Triton is optional: without it the other back ends do the work.
"""

import os
from contextlib import nullcontext

import torch
from torch import Tensor

try:
    import triton
    import triton.language as tl

    from .ssa_triton_kernels import cells_kernel, forward_kernel, queries_kernel
except ImportError as error:
    raise ImportError(f'the back end "triton" needs the package triton: {error}') from error

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
INTERPRETED = os.environ.get('TRITON_INTERPRET') == '1'
_GRANULE = 16  # elements: what Triton assumes to divide strides that are hinted, and at least 32 bytes
# A block of four warps: its neighbouring queries share cells in the first-level cache, and about five blocks fill a
# multiprocessor's registers.
_QUERY_WARPS = 4
# Cells of a column that a program processes in turn. Points between two of them are read once for both.
_ROWS = 8
_LARGEST_INT = 2**31 - 1


def _launch(
    kernel,
    programs: int,
    strided: tuple[Tensor, ...],
    others: tuple[Tensor, ...],
    points: int,
    height: int,
    width: int,
    scale: float,
    widths: tuple[int, int],
    **constants: int,
) -> None:
    """Launch this many programs of a kernel for each head of each image."""
    batch, heads, tokens = strided[0].shape[:3]
    strides = [stride for tensor in strided for stride in _strides(tensor)]
    index = tl.int64 if tokens * max(2 * points, *(tensor.stride(2) for tensor in strided)) > _LARGEST_INT else tl.int32
    with nullcontext() if INTERPRETED else torch.cuda.device(strided[0].device):
        kernel[(programs * batch * heads,)](
            *strided,
            *others,
            *strides,
            heads,
            height,
            width,
            scale,
            points,
            *map(_padded, widths),
            INDEX=index,
            DIMS=_power(widths),
            **constants,
        )


def _power(widths: tuple[int, int]) -> int:
    return triton.next_power_of_2(_padded(max(widths)))


def _rows_of_a_block(like: Tensor, widths: tuple[int, int], warps: int) -> int:
    """As many as give each thread 16 bytes; the interpreter's cost grows with the number of programs."""
    values = 2048 if INTERPRETED else 16 // like.element_size() * 32 * warps
    return max(1, values // _power(widths))


def _by_first_cell(anchors: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """All points sorted by their first cell, in a fixed order, and where those of each cell begin."""
    ordered, order = anchors.flatten().sort(stable=True)
    return order, torch.searchsorted(
        ordered,
        torch.arange(cells, dtype=anchors.dtype, device=anchors.device),
        out_int32=order.numel() <= _LARGEST_INT,
    )


def _strides(tensor: Tensor) -> list[int]:
    """Strides of the first three axes; 0 where an axis has one place, whose stride may be anything."""
    return [0 if size == 1 else stride for size, stride in zip(tensor.shape[:3], tensor.stride(), strict=False)]


def _padded(width: int) -> int:
    return triton.cdiv(width, _GRANULE) * _GRANULE


def _aligned_rows(tensor: Tensor) -> Tensor:
    """(B, heads, N, d) as rows whose width and strides are multiples of 16, zero-padded beyond d; a copy if
    necessary."""
    width = tensor.shape[-1]
    strides = (*_strides(tensor), width)
    if tensor.stride(-1) == 1 and not any(s % _GRANULE for s in strides) and tensor.data_ptr() % 16 == 0:
        return tensor
    rows = _padded_rows_like(tensor, tensor.dtype, zero=width % _GRANULE != 0)
    rows[..., :width].copy_(tensor)
    return rows


def _offset_rows(offsets: Tensor) -> Tensor:
    rows = offsets.flatten(3)
    return rows if rows.stride(-1) == 1 else rows.contiguous()


def _rows_like(like: Tensor, width: int, dtype: torch.dtype, zero: bool = False) -> Tensor:
    """A new (B, heads, N, width) with the memory layout (B, N, heads, width)."""
    batch, heads, tokens = like.shape[:3]
    new = like.new_zeros if zero else like.new_empty
    return new(batch, tokens, heads, width, dtype=dtype).transpose(1, 2)


def _padded_rows_like(tensor: Tensor, dtype: torch.dtype, zero: bool = False) -> Tensor:
    return _rows_like(tensor, _padded(tensor.shape[-1]), dtype, zero)


def _unpadded(rows: Tensor, like: Tensor) -> Tensor:
    return rows[..., : like.shape[-1]]


@torch.library.custom_op('mmhsi::ssa_triton', mutates_args=())
def ssa_triton(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, height: int, width: int, scale: float
) -> tuple[Tensor, Tensor]:
    """Forward pass; returns the result and the logarithm of each query's sum of exponentials (B, heads, N)."""
    out = _padded_rows_like(value, value.dtype)
    log_sum = query.new_empty(query.shape[:3], dtype=torch.float32)
    if log_sum.numel():
        widths = query.shape[-1], value.shape[-1]
        block = _rows_of_a_block(query, widths, _QUERY_WARPS)
        _launch(
            forward_kernel,
            triton.cdiv(height * width, block),
            (*map(_aligned_rows, (query, key, value)), _offset_rows(offsets), out),
            (log_sum,),
            offsets.shape[3],
            height,
            width,
            scale,
            widths,
            BLOCK=block,
            num_warps=_QUERY_WARPS,
        )
    return _unpadded(out, value), log_sum


@torch.library.custom_op('mmhsi::ssa_triton_backward', mutates_args=())
def ssa_triton_backward(
    grad_out: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    offsets: Tensor,
    out: Tensor,
    log_sum: Tensor,
    height: int,
    width: int,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of query, key, value and offsets."""
    points, widths = offsets.shape[3], (query.shape[-1], value.shape[-1])
    grad_query, grad_key, grad_value = (_padded_rows_like(tensor, tensor.dtype) for tensor in (query, key, value))
    grad_offsets = _rows_like(offsets, 2 * points, offsets.dtype)
    if log_sum.numel():
        q, k, v, result, g = map(_aligned_rows, (query, key, value, out, grad_out))
        places = _offset_rows(offsets)
        cells = log_sum[..., 0].numel() * ((height + 1) * (width + 1) + 1)
        shares = log_sum.new_empty(*log_sum.shape, points, 2)
        anchors = torch.empty(
            *log_sum.shape, points, device=q.device, dtype=torch.int32 if cells <= _LARGEST_INT else torch.int64
        )
        settings = (points, height, width, scale, widths)
        block = _rows_of_a_block(query, widths, _QUERY_WARPS)
        _launch(
            queries_kernel,
            triton.cdiv(height * width, block),
            (q, k, v, places, result, g, grad_query, grad_offsets),
            (log_sum, shares, anchors),
            *settings,
            BLOCK=block,
            num_warps=_QUERY_WARPS,
        )
        rows = min(height, _ROWS)
        _launch(
            cells_kernel,
            triton.cdiv(height, rows) * width,
            (q, g, places, grad_key, grad_value),
            (shares, *_by_first_cell(anchors, cells)),
            *settings,
            rows=rows,
            BLOCK=_rows_of_a_block(query, widths, 2),
            num_warps=1,
        )
    return (
        _unpadded(grad_query, query),
        _unpadded(grad_key, key),
        _unpadded(grad_value, value),
        grad_offsets.unflatten(-1, (points, 2)),
    )


@ssa_triton.register_fake
def _triton_shapes(query, key, value, offsets, height, width, scale):
    return (
        _unpadded(_padded_rows_like(value, value.dtype), value),
        query.new_empty(query.shape[:3], dtype=torch.float32),
    )


@ssa_triton_backward.register_fake
def _triton_backward_shapes(grad_out, query, key, value, offsets, out, log_sum, height, width, scale):
    grads = [_unpadded(_padded_rows_like(tensor, tensor.dtype), tensor) for tensor in (query, key, value)]
    points = offsets.shape[3]
    return *grads, _rows_like(offsets, 2 * points, offsets.dtype).unflatten(-1, (points, 2))


def _save(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs[:4], *output)
    ctx.mark_non_differentiable(output[1])
    ctx.settings = inputs[4:]


def _backward(ctx, grad_out, grad_log_sum):
    query, key, value, offsets, out, log_sum = ctx.saved_tensors
    return *ssa_triton_backward(grad_out, query, key, value, offsets, out, log_sum, *ctx.settings), None, None, None


ssa_triton.register_autograd(_backward, setup_context=_save)


def attend_triton(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int], scale: float
) -> Tensor:
    """The Triton back end."""
    tensors = (query, key, value, offsets)
    devices = {tensor.device for tensor in tensors}
    if any(tensor.dtype not in DTYPES for tensor in tensors) or len(devices) > 1 or not (INTERPRETED or query.is_cuda):
        raise ValueError(
            'the back end "triton" takes float32, bfloat16 and float16 on one CUDA device, found '
            f'{sorted({str(tensor.dtype) for tensor in tensors})} on {sorted(map(str, devices))}'
        )
    return ssa_triton(query, key, value, offsets, *spatial_shape, scale)[0]
