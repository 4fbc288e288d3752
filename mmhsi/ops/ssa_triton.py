"""The fused GPU back end of sparse sampling attention: Triton kernels as operators of torch.

Forward: a program takes a block of queries of one head, walks over their points with an online softmax and keeps the
samples in registers. Backward: samples and weights are computed again from the inputs, the result and one number per
query, the logarithm of the sum of exponentials; gradients of keys and values, to which several queries contribute, are
added by atomic operations in float32, so that their last bits vary from run to run. All sums are in float32, the
tensors may be float32, bfloat16 or float16, also mixed.

The kernels have been checked in Triton's interpreter only (``TRITON_INTERPRET=1``); they have not run on a GPU, and the
block size and number of warps are estimates, not tuned. Triton is optional: without it the other back ends do the work.
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
_BLOCK_VALUES = 2048  # queries times width of a block
_NUM_WARPS = 4


@triton.jit
def _place(offsets, point, column, row, valid):
    """First column and row of the cells of a point, its fractions, and NaN where an offset is not finite."""
    dx = tl.load(offsets + 2 * point, mask=valid, other=0.).to(tl.float32)
    dy = tl.load(offsets + 2 * point + 1, mask=valid, other=0.).to(tl.float32)
    left = tl.floor(dx)
    top = tl.floor(dy)
    # beyond +-1e6 all is outside, and NaN counts as outside
    x = column + tl.where(left > -1e6, tl.where(left < 1e6, left, 1e6), -1e6).to(tl.int32)
    y = row + tl.where(top > -1e6, tl.where(top < 1e6, top, 1e6), -1e6).to(tl.int32)
    return x, y, dx - left, dy - top, dx * 0. + dy * 0.


@triton.jit
def _corner(rows, stride, x, y, width, height, valid, dims, dims_valid):
    """The row of a tensor at cell (x, y), zero outside the grid, in float32."""
    inside = valid & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    index = tl.where(inside, y * width + x, 0).to(tl.int64)
    return tl.load(rows + index[:, None] * stride + dims[None, :], mask=inside[:, None] & dims_valid[None, :],
                   other=0.).to(tl.float32)


@triton.jit
def _add_corner(rows, stride, x, y, width, height, valid, dims, dims_valid, addend):
    inside = valid & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    index = tl.where(inside, y * width + x, 0).to(tl.int64)
    tl.atomic_add(rows + index[:, None] * stride + dims[None, :], addend, mask=inside[:, None] & dims_valid[None, :],
                  sem='relaxed')


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
    _add_corner(rows, stride, x, y, width, height, valid, dims, dims_valid, ((1 - fx) * (1 - fy))[:, None] * addend)
    _add_corner(rows, stride, x + 1, y, width, height, valid, dims, dims_valid, (fx * (1 - fy))[:, None] * addend)
    _add_corner(rows, stride, x, y + 1, width, height, valid, dims, dims_valid, ((1 - fx) * fy)[:, None] * addend)
    _add_corner(rows, stride, x + 1, y + 1, width, height, valid, dims, dims_valid, (fx * fy)[:, None] * addend)


@triton.jit
def _forward_kernel(query, key, value, offsets, out, log_sum, query_b, query_h, query_n, key_b, key_h, key_n, value_b,
                    value_h, value_n, offsets_b, offsets_h, offsets_n, out_b, out_h, out_n, heads, height, width,
                    points, key_dims, value_dims, scale, BLOCK: tl.constexpr, DIMS: tl.constexpr):
    pair = tl.program_id(1)
    b = (pair // heads).to(tl.int64)
    h = (pair % heads).to(tl.int64)
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
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
        x, y, fx, fy, poison = _place(offsets, point, n % width, n // width, valid)
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


@triton.jit
def _backward_kernel(query, key, value, offsets, out, log_sum, grad_out, grad_query, grad_key, grad_value,
                     grad_offsets, query_b, query_h, query_n, key_b, key_h, key_n, value_b, value_h, value_n,
                     offsets_b, offsets_h, offsets_n, out_b, out_h, out_n, grad_out_b, grad_out_h, grad_out_n,
                     grad_query_b, grad_query_h, grad_query_n, grad_key_b, grad_key_h, grad_key_n, grad_value_b,
                     grad_value_h, grad_value_n, grad_offsets_b, grad_offsets_h, grad_offsets_n, heads, height, width,
                     points, key_dims, value_dims, scale, BLOCK: tl.constexpr, DIMS: tl.constexpr):
    pair = tl.program_id(1)
    b = (pair // heads).to(tl.int64)
    h = (pair % heads).to(tl.int64)
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
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
        x, y, fx, fy, poison = _place(offsets, point, n % width, n // width, valid)
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
    if query.numel() == 0:
        return
    dims = max(16, triton.next_power_of_2(max(key_dims, value.shape[-1])))
    block = max(1, _BLOCK_VALUES // dims)
    strides = [stride for tensor in strided for stride in tensor.stride()[:3]]
    with nullcontext() if INTERPRETED else torch.cuda.device(query.device):
        kernel[triton.cdiv(tokens, block), batch * heads](
            *tensors, *strides, heads, height, width, points, key_dims, value.shape[-1], scale, BLOCK=block,
            DIMS=dims, num_warps=_NUM_WARPS)


def _with_whole_rows(tensor: Tensor) -> Tensor:
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def _offset_rows(offsets: Tensor) -> Tensor:
    return _with_whole_rows(offsets.flatten(3))


def _rows_like(like: Tensor, width: int, dtype: torch.dtype, zero: bool = False) -> Tensor:
    """A new (B, heads, N, width) that lies in memory as (B, N, heads, width)."""
    batch, heads, tokens = like.shape[:3]
    new = like.new_zeros if zero else like.new_empty
    return new(batch, tokens, heads, width, dtype=dtype).transpose(1, 2)


@torch.library.custom_op('mmhsi::ssa_triton', mutates_args=())
def ssa_triton(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, height: int, width: int,
               scale: float) -> tuple[Tensor, Tensor]:
    """Forward pass; returns the result and the logarithm of each query's sum of exponentials (B, heads, N)."""
    rows = tuple(map(_with_whole_rows, (query, key, value)))
    out = _rows_like(value, value.shape[-1], value.dtype)
    log_sum = query.new_empty(query.shape[:3], dtype=torch.float32)
    offset_rows = _offset_rows(offsets)
    _launch(_forward_kernel, (*rows, offset_rows, out, log_sum), (*rows, offset_rows, out), offsets.shape[3], height,
            width, scale)
    return out, log_sum


@torch.library.custom_op('mmhsi::ssa_triton_backward', mutates_args=())
def ssa_triton_backward(grad_out: Tensor, query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, out: Tensor,
                        log_sum: Tensor, height: int, width: int,
                        scale: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of query, key, value and offsets."""
    query_rows, key_rows, value_rows, grad_rows = map(_with_whole_rows, (query, key, value, grad_out))
    offset_rows = _offset_rows(offsets)
    grads = [_rows_like(query, query.shape[-1], query.dtype), _rows_like(key, key.shape[-1], torch.float32, zero=True),
             _rows_like(value, value.shape[-1], torch.float32, zero=True),
             _rows_like(offsets, 2 * offsets.shape[3], offsets.dtype)]
    read = (query_rows, key_rows, value_rows, offset_rows, out)
    _launch(_backward_kernel, (*read, log_sum, grad_rows, *grads), (*read, grad_rows, *grads), offsets.shape[3],
            height, width, scale)
    return (grads[0], grads[1].to(key.dtype), grads[2].to(value.dtype),
            grads[3].unflatten(-1, (offsets.shape[3], 2)))


@ssa_triton.register_fake
def _triton_shapes(query, key, value, offsets, height, width, scale):
    return (_rows_like(value, value.shape[-1], value.dtype),
            query.new_empty(query.shape[:3], dtype=torch.float32))


@ssa_triton_backward.register_fake
def _triton_backward_shapes(grad_out, query, key, value, offsets, out, log_sum, height, width, scale):
    grads = [_rows_like(tensor, tensor.shape[-1], tensor.dtype) for tensor in (query, key, value)]
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
