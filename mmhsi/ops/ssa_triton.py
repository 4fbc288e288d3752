"""The fused GPU back end of sparse sampling attention: Triton kernels as operators of torch.

Forward: a program takes a block of queries of one head, walks over their points with an online softmax and keeps the
samples in registers. Backward: samples and weights are computed again from the inputs, the result and one number per
query, the logarithm of the sum of exponentials; gradients of keys and values, to which several queries contribute, are
added by atomic operations in float32, so that their last bits vary from run to run. All sums are in float32, the
tensors may be float32, bfloat16 or float16, also mixed.

The kernels see rows of whole 16-byte words only: tensors whose width or strides are no multiples of 16 elements are
copied, with zeros behind the width, since the compiler puts loads of single elements of such rows on the stack.

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
except ImportError as error:
    raise ImportError(f'the back end "triton" needs the package triton: {error}') from error

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
INTERPRETED = os.environ.get('TRITON_INTERPRET') == '1'
# Four values of every row in each thread: a load of 16 bytes in float32, and few enough registers (92 in the backward
# pass at width 64) for 20 warps of a multiprocessor's 64.
NUM_WARPS = 4
BLOCK_VALUES = 4 * 32 * NUM_WARPS if not INTERPRETED else 2048  # queries times width; the interpreter pays by program
_GRANULE = 16  # elements: what Triton assumes to divide the strides, and at least 32 bytes
# What changes from scene to scene is not compiled in.
_VARIABLE = ['heads', 'height', 'width']
_OFFSET_STRIDES = ['offsets_b', 'offsets_h', 'offsets_n']
_GRAD_OFFSET_STRIDES = ['grad_offsets_b', 'grad_offsets_h', 'grad_offsets_n']


@triton.jit
def _cell(place, whole, size):
    """The cell before a sample on an axis, from -2 to ``size``: there, and for NaN, both its neighbours are outside."""
    whole = tl.where(whole > -1e9, tl.where(whole < 1e9, whole, 1e9), -1e9).to(tl.int32)
    return tl.minimum(tl.maximum(place + whole, -2), size)


@triton.jit
def _place(offsets, point, column, row, width, height, valid):
    """First column and row of the cells of a point, its fractions, and NaN where an offset is not finite."""
    dx = tl.load(offsets + 2 * point, mask=valid, other=0.).to(tl.float32)
    dy = tl.load(offsets + 2 * point + 1, mask=valid, other=0.).to(tl.float32)
    left = tl.floor(dx)
    top = tl.floor(dy)
    return _cell(column, left, width), _cell(row, top, height), dx - left, dy - top, dx * 0. + dy * 0.


@triton.jit
def _corner(rows, stride, x, y, width, height, valid, dims, dims_valid):
    """The row of a tensor at cell (x, y), zero outside the grid, in float32."""
    inside = valid & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    index = (y * width + x).to(tl.int64)
    return tl.load(rows + index[:, None] * stride + dims[None, :], mask=inside[:, None] & dims_valid[None, :],
                   other=0.).to(tl.float32)


@triton.jit
def _add_corner(rows, stride, x, y, width, height, valid, dims, dims_valid, weight, addend):
    inside = valid & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    index = (y * width + x).to(tl.int64)
    inside &= weight != 0  # on the centre of a cell three of the four weights are zero
    tl.atomic_add(rows + index[:, None] * stride + dims[None, :], weight[:, None] * addend,
                  mask=inside[:, None] & dims_valid[None, :], sem='relaxed')


@triton.jit
def _sample(rows, stride, x, y, fx, fy, width, height, valid, dims, dims_valid):
    """The bilinear sample of a tensor."""
    top = (1 - fx)[:, None] * _corner(rows, stride, x, y, width, height, valid, dims, dims_valid) + \
        fx[:, None] * _corner(rows, stride, x + 1, y, width, height, valid, dims, dims_valid)
    bottom = (1 - fx)[:, None] * _corner(rows, stride, x, y + 1, width, height, valid, dims, dims_valid) + \
        fx[:, None] * _corner(rows, stride, x + 1, y + 1, width, height, valid, dims, dims_valid)
    return (1 - fy)[:, None] * top + fy[:, None] * bottom


@triton.jit
def _products(rows, stride, x, y, width, height, valid, dims, dims_valid, vector):
    """The products of a vector with the rows of the four cells of a point."""
    return (tl.sum(vector * _corner(rows, stride, x, y, width, height, valid, dims, dims_valid), 1),
            tl.sum(vector * _corner(rows, stride, x + 1, y, width, height, valid, dims, dims_valid), 1),
            tl.sum(vector * _corner(rows, stride, x, y + 1, width, height, valid, dims, dims_valid), 1),
            tl.sum(vector * _corner(rows, stride, x + 1, y + 1, width, height, valid, dims, dims_valid), 1))


@triton.jit
def _add_sample(rows, stride, x, y, fx, fy, width, height, valid, dims, dims_valid, addend):
    """Spread an addend over the four cells of a point."""
    _add_corner(rows, stride, x, y, width, height, valid, dims, dims_valid, (1 - fx) * (1 - fy), addend)
    _add_corner(rows, stride, x + 1, y, width, height, valid, dims, dims_valid, fx * (1 - fy), addend)
    _add_corner(rows, stride, x, y + 1, width, height, valid, dims, dims_valid, (1 - fx) * fy, addend)
    _add_corner(rows, stride, x + 1, y + 1, width, height, valid, dims, dims_valid, fx * fy, addend)


@triton.jit
def _block_of_queries(height, width, BLOCK: tl.constexpr):
    """The pair of image and head of this program, and its queries. One axis: the others end at 65535 programs."""
    blocks = tl.cdiv(height * width, BLOCK)
    return tl.program_id(0) // blocks, tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)


@triton.jit(do_not_specialize=_VARIABLE + _OFFSET_STRIDES, do_not_specialize_on_alignment=['offsets'])
def _forward_kernel(query, key, value, offsets, out, log_sum, query_b, query_h, query_n, key_b, key_h, key_n, value_b,
                    value_h, value_n, offsets_b, offsets_h, offsets_n, out_b, out_h, out_n, heads, height, width,
                    scale, points: tl.constexpr, key_dims: tl.constexpr, value_dims: tl.constexpr,
                    BLOCK: tl.constexpr, DIMS: tl.constexpr):
    pair, n = _block_of_queries(height, width, BLOCK)
    b = (pair // heads).to(tl.int64)
    h = (pair % heads).to(tl.int64)
    valid = n < height * width
    dims = tl.arange(0, DIMS)
    key_valid = dims < key_dims
    value_valid = dims < value_dims
    key += b * key_b + h * key_h
    value += b * value_b + h * value_h
    offsets += b * offsets_b + h * offsets_h + n.to(tl.int64) * offsets_n
    q = tl.load(query + b * query_b + h * query_h + n.to(tl.int64)[:, None] * query_n + dims[None, :],
                mask=valid[:, None] & key_valid[None, :], other=0.).to(tl.float32) * scale
    largest = tl.full([BLOCK], -float('inf'), tl.float32)
    total = tl.zeros([BLOCK], tl.float32)
    weighted = tl.zeros([BLOCK, DIMS], tl.float32)
    for point in range(points):
        x, y, fx, fy, poison = _place(offsets, point, n % width, n // width, width, height, valid)
        sampled = _sample(key, key_n, x, y, fx, fy, width, height, valid, dims, key_valid)
        logit = tl.sum(q * sampled, 1) + poison
        new_largest = tl.maximum(largest, logit)
        shrink = tl.exp(largest - new_largest)
        attention = tl.exp(logit - new_largest)
        sampled = _sample(value, value_n, x, y, fx, fy, width, height, valid, dims, value_valid)
        weighted = weighted * shrink[:, None] + attention[:, None] * sampled
        total = total * shrink + attention
        largest = new_largest
    tl.store(out + b * out_b + h * out_h + n.to(tl.int64)[:, None] * out_n + dims[None, :], weighted / total[:, None],
             mask=valid[:, None] & value_valid[None, :])
    tl.store(log_sum + pair.to(tl.int64) * height * width + n, largest + tl.log(total), mask=valid)


@triton.jit(do_not_specialize=_VARIABLE + _OFFSET_STRIDES + _GRAD_OFFSET_STRIDES,
            do_not_specialize_on_alignment=['offsets'])
def _backward_kernel(query, key, value, offsets, out, log_sum, grad_out, grad_query, grad_key, grad_value,
                     grad_offsets, query_b, query_h, query_n, key_b, key_h, key_n, value_b, value_h, value_n,
                     offsets_b, offsets_h, offsets_n, out_b, out_h, out_n, grad_out_b, grad_out_h, grad_out_n,
                     grad_query_b, grad_query_h, grad_query_n, grad_key_b, grad_key_h, grad_key_n, grad_value_b,
                     grad_value_h, grad_value_n, grad_offsets_b, grad_offsets_h, grad_offsets_n, heads, height, width,
                     scale, points: tl.constexpr, key_dims: tl.constexpr, value_dims: tl.constexpr,
                     BLOCK: tl.constexpr, DIMS: tl.constexpr):
    pair, n = _block_of_queries(height, width, BLOCK)
    b = (pair // heads).to(tl.int64)
    h = (pair % heads).to(tl.int64)
    rows = n.to(tl.int64)
    valid = n < height * width
    dims = tl.arange(0, DIMS)
    key_valid = dims < key_dims
    value_valid = dims < value_dims
    key += b * key_b + h * key_h
    value += b * value_b + h * value_h
    grad_key += b * grad_key_b + h * grad_key_h
    grad_value += b * grad_value_b + h * grad_value_h
    offsets += b * offsets_b + h * offsets_h + rows * offsets_n
    grad_offsets += b * grad_offsets_b + h * grad_offsets_h + rows * grad_offsets_n
    key_mask = valid[:, None] & key_valid[None, :]
    value_mask = valid[:, None] & value_valid[None, :]
    q = tl.load(query + b * query_b + h * query_h + rows[:, None] * query_n + dims[None, :], mask=key_mask,
                other=0.).to(tl.float32) * scale
    g = tl.load(grad_out + b * grad_out_b + h * grad_out_h + rows[:, None] * grad_out_n + dims[None, :],
                mask=value_mask, other=0.).to(tl.float32)
    result = tl.load(out + b * out_b + h * out_h + rows[:, None] * out_n + dims[None, :], mask=value_mask,
                     other=0.).to(tl.float32)
    mean = tl.sum(g * result, 1)
    normaliser = tl.load(log_sum + pair.to(tl.int64) * height * width + n, mask=valid, other=0.)
    grad_q = tl.zeros([BLOCK, DIMS], tl.float32)
    for point in range(points):
        x, y, fx, fy, poison = _place(offsets, point, n % width, n // width, width, height, valid)
        s00, s01, s10, s11 = _products(key, key_n, x, y, width, height, valid, dims, key_valid, q)
        t00, t01, t10, t11 = _products(value, value_n, x, y, width, height, valid, dims, value_valid, g)
        logit = (1 - fy) * ((1 - fx) * s00 + fx * s01) + fy * ((1 - fx) * s10 + fx * s11) + poison
        product = (1 - fy) * ((1 - fx) * t00 + fx * t01) + fy * ((1 - fx) * t10 + fx * t11)
        attention = tl.exp(logit - normaliser)
        grad_logit = attention * (product - mean)
        grad_q += grad_logit[:, None] * _sample(key, key_n, x, y, fx, fy, width, height, valid, dims, key_valid)
        _add_sample(grad_key, grad_key_n, x, y, fx, fy, width, height, valid, dims, key_valid, grad_logit[:, None] * q)
        _add_sample(grad_value, grad_value_n, x, y, fx, fy, width, height, valid, dims, value_valid,
                    attention[:, None] * g)
        c00 = grad_logit * s00 + attention * t00  # gradients of the weights of the cells
        c01 = grad_logit * s01 + attention * t01
        c10 = grad_logit * s10 + attention * t10
        c11 = grad_logit * s11 + attention * t11
        tl.store(grad_offsets + 2 * point, (1 - fy) * (c01 - c00) + fy * (c11 - c10), mask=valid)
        tl.store(grad_offsets + 2 * point + 1, (1 - fx) * (c10 - c00) + fx * (c11 - c01), mask=valid)
    tl.store(grad_query + b * grad_query_b + h * grad_query_h + rows[:, None] * grad_query_n + dims[None, :],
             grad_q * scale, mask=key_mask)


def _launch(kernel, tensors: tuple[Tensor, ...], strided: tuple[Tensor, ...], points: int, height: int, width: int,
            scale: float) -> None:
    query, value = tensors[0], tensors[2]
    batch, heads, tokens, key_dims = query.shape
    if batch * heads * tokens == 0:
        return
    widths = _padded(key_dims), _padded(value.shape[-1])
    dims = triton.next_power_of_2(max(widths))
    block = max(1, BLOCK_VALUES // dims)
    strides = [stride for tensor in strided for stride in _strides(tensor)]
    with nullcontext() if INTERPRETED else torch.cuda.device(query.device):
        kernel[(triton.cdiv(tokens, block) * batch * heads,)](
            *tensors, *strides, heads, height, width, scale, points, *widths, BLOCK=block, DIMS=dims,
            num_warps=NUM_WARPS)


def _strides(tensor: Tensor) -> list[int]:
    """Strides of the first three axes; 0 where an axis has one place, whose stride may be anything."""
    return [0 if size == 1 else stride for size, stride in zip(tensor.shape[:3], tensor.stride(), strict=False)]


def _padded(width: int) -> int:
    return triton.cdiv(width, _GRANULE) * _GRANULE


def _aligned_rows(tensor: Tensor) -> Tensor:
    """(B, heads, N, d) as rows whose width and strides are multiples of 16, with zeros behind d; a copy if need be."""
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
    """A new (B, heads, N, width) that lies in memory as (B, N, heads, width)."""
    batch, heads, tokens = like.shape[:3]
    new = like.new_zeros if zero else like.new_empty
    return new(batch, tokens, heads, width, dtype=dtype).transpose(1, 2)


def _padded_rows_like(tensor: Tensor, dtype: torch.dtype, zero: bool = False) -> Tensor:
    return _rows_like(tensor, _padded(tensor.shape[-1]), dtype, zero)


def _unpadded(rows: Tensor, like: Tensor, dtype: torch.dtype) -> Tensor:
    return rows[..., :like.shape[-1]].to(dtype)


@torch.library.custom_op('mmhsi::ssa_triton', mutates_args=())
def ssa_triton(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, height: int, width: int,
               scale: float) -> tuple[Tensor, Tensor]:
    """Forward pass; returns the result and the logarithm of each query's sum of exponentials (B, heads, N)."""
    rows = tuple(map(_aligned_rows, (query, key, value)))
    out = _padded_rows_like(value, value.dtype)
    log_sum = query.new_empty(query.shape[:3], dtype=torch.float32)
    offset_rows = _offset_rows(offsets)
    _launch(_forward_kernel, (*rows, offset_rows, out, log_sum), (*rows, offset_rows, out), offsets.shape[3], height,
            width, scale)
    return _unpadded(out, value, value.dtype), log_sum


@torch.library.custom_op('mmhsi::ssa_triton_backward', mutates_args=())
def ssa_triton_backward(grad_out: Tensor, query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, out: Tensor,
                        log_sum: Tensor, height: int, width: int,
                        scale: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of query, key, value and offsets."""
    query_rows, key_rows, value_rows, out_rows, grad_rows = map(_aligned_rows, (query, key, value, out, grad_out))
    offset_rows = _offset_rows(offsets)
    grads = [_padded_rows_like(query, query.dtype), _padded_rows_like(key, torch.float32, zero=True),
             _padded_rows_like(value, torch.float32, zero=True), _rows_like(offsets, 2 * offsets.shape[3],
                                                                            offsets.dtype)]
    read = (query_rows, key_rows, value_rows, offset_rows, out_rows)
    _launch(_backward_kernel, (*read, log_sum, grad_rows, *grads), (*read, grad_rows, *grads), offsets.shape[3],
            height, width, scale)
    return (*(_unpadded(grad, tensor, tensor.dtype) for grad, tensor in zip(grads, (query, key, value), strict=False)),
            grads[3].unflatten(-1, (offsets.shape[3], 2)))


@ssa_triton.register_fake
def _triton_shapes(query, key, value, offsets, height, width, scale):
    return (_unpadded(_padded_rows_like(value, value.dtype), value, value.dtype),
            query.new_empty(query.shape[:3], dtype=torch.float32))


@ssa_triton_backward.register_fake
def _triton_backward_shapes(grad_out, query, key, value, offsets, out, log_sum, height, width, scale):
    grads = [_unpadded(_padded_rows_like(query, query.dtype), query, query.dtype)]
    grads += [_unpadded(_padded_rows_like(tensor, torch.float32), tensor, tensor.dtype) for tensor in (key, value)]
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


def attend_triton(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int],
                  scale: float) -> Tensor:
    """The Triton back end."""
    tensors = (query, key, value, offsets)
    if any(tensor.dtype not in DTYPES for tensor in tensors) or not (INTERPRETED or query.is_cuda):
        raise ValueError('the back end "triton" takes float32, bfloat16 and float16 on a CUDA device, found '
                         f'{sorted({str(tensor.dtype) for tensor in tensors})} on {query.device}')
    wants_grad = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    if wants_grad and torch.are_deterministic_algorithms_enabled() \
            and not torch.is_deterministic_algorithms_warn_only_enabled():
        raise RuntimeError('the back end "triton" adds gradients in no fixed order, and deterministic algorithms are '
                           'asked for: use the back end "separable", which "auto" chooses then')
    return ssa_triton(query, key, value, offsets, *spatial_shape, scale)[0]
