"""The kernels of sparse sampling attention in Triton, which :mod:`mmhsi.ops.ssa_triton` launches.

Tensors are rows (B, heads, N, width) whose width is a multiple of 16, as are their strides, given as ``name_b``,
``name_h`` and ``name_n``; rows of offsets (x, y) of all points may have any stride. All sums are in float32.
"""

import inspect

import triton
import triton.language as tl

# Values that change from scene to scene are not compiled in.
_VARIABLE = ['heads', 'height', 'width']
_OFFSET_STRIDES = ['offsets_b', 'offsets_h', 'offsets_n']
_GRAD_OFFSET_STRIDES = ['grad_offsets_b', 'grad_offsets_h', 'grad_offsets_n']


def _kernel(**options):
    """``triton.jit`` with the options that this version of Triton has: Triton 3.0, of torch 2.4, lacks the alignment
    option."""
    known = inspect.signature(triton.jit).parameters
    return triton.jit(**{name: value for name, value in options.items() if name in known})


@triton.jit
def _program(height, width, BLOCK: tl.constexpr):
    """The pair of image and head of this program, and the first of its tokens. One axis: others end at 65535."""
    blocks = tl.cdiv(height * width, BLOCK)
    return tl.program_id(0) // blocks, tl.program_id(0) % blocks * BLOCK


@triton.jit
def _token(i, height, width):
    """Row and column of the i-th token: down the columns of bands of eight rows, so that a block is a compact tile."""
    i = tl.minimum(i, height * width - 1)
    band = i // (8 * width) * 8
    rows = tl.minimum(height - band, 8)
    place = i - band * width
    return band + place % rows, place // rows


@triton.jit
def _cell(place, offset, size):
    """The cell before a sample on an axis, and the distance from it, which is NaN where the offset is not finite.

    The cell is from -2 to ``size``; in both, where NaN is as well, it and the next one are outside.
    """
    whole = tl.floor(offset)
    steps = tl.where(whole > -1e9, tl.where(whole < 1e9, whole, 1e9), -1e9).to(tl.int32)
    return tl.minimum(tl.maximum(place + steps, -2), size), offset - whole


@triton.jit
def _corners(rows, stride, x, y, width, height, dims, row_dims, INDEX: tl.constexpr):
    """The rows of a tensor at the four cells from (x, y) on, zero outside the grid, in float32."""
    left = (x >= 0) & (x < width)
    right = (x >= -1) & (x < width - 1)
    top = ((y >= 0) & (y < height))[:, None] & (dims < row_dims)[None, :]
    bottom = ((y >= -1) & (y < height - 1))[:, None] & (dims < row_dims)[None, :]
    cell = rows + ((y * width + x).to(INDEX) * stride)[:, None] + dims[None, :]
    below = cell + tl.cast(width, INDEX) * stride
    return (
        tl.load(cell, mask=left[:, None] & top, other=0.0).to(tl.float32),
        tl.load(cell + stride, mask=right[:, None] & top, other=0.0).to(tl.float32),
        tl.load(below, mask=left[:, None] & bottom, other=0.0).to(tl.float32),
        tl.load(below + stride, mask=right[:, None] & bottom, other=0.0).to(tl.float32),
    )


@triton.jit
def _weights(fx, fy):
    return (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy


@_kernel(do_not_specialize=_VARIABLE + _OFFSET_STRIDES, do_not_specialize_on_alignment=['offsets'])
def forward_kernel(
    query,
    key,
    value,
    offsets,
    out,
    log_sum,
    query_b,
    query_h,
    query_n,
    key_b,
    key_h,
    key_n,
    value_b,
    value_h,
    value_n,
    offsets_b,
    offsets_h,
    offsets_n,
    out_b,
    out_h,
    out_n,
    heads,
    height,
    width,
    scale,
    points: tl.constexpr,
    key_dims: tl.constexpr,
    value_dims: tl.constexpr,
    BLOCK: tl.constexpr,
    DIMS: tl.constexpr,
    INDEX: tl.constexpr,
):
    pair, first = _program(height, width, BLOCK)
    b = (pair // heads).to(tl.int64)
    h = (pair % heads).to(tl.int64)
    i = first + tl.arange(0, BLOCK)
    valid = i < height * width
    row, column = _token(i, height, width)
    n = (row * width + column).to(tl.int64)
    dims = tl.arange(0, DIMS)
    key += b * key_b + h * key_h
    value += b * value_b + h * value_h
    offsets += b * offsets_b + h * offsets_h + n * offsets_n
    q = (
        tl.load(
            query + b * query_b + h * query_h + n[:, None] * query_n + dims[None, :],
            mask=valid[:, None] & (dims < key_dims)[None, :],
            other=0.0,
        ).to(tl.float32)
        * scale
    )
    largest = tl.full([BLOCK], -float('inf'), tl.float32)
    total = tl.zeros([BLOCK], tl.float32)
    weighted = tl.zeros([BLOCK, DIMS], tl.float32)
    for point in range(points):
        x, fx = _cell(column, tl.load(offsets + 2 * point, mask=valid, other=0.0).to(tl.float32), width)
        y, fy = _cell(row, tl.load(offsets + 2 * point + 1, mask=valid, other=0.0).to(tl.float32), height)
        w00, w01, w10, w11 = _weights(fx, fy)
        c00, c01, c10, c11 = _corners(key, key_n, x, y, width, height, dims, key_dims, INDEX)
        logit = tl.sum(q * (w00[:, None] * c00 + w01[:, None] * c01 + w10[:, None] * c10 + w11[:, None] * c11), 1)
        new_largest = tl.maximum(largest, logit)
        shrink = tl.exp(largest - new_largest)
        attention = tl.exp(logit - new_largest)
        c00, c01, c10, c11 = _corners(value, value_n, x, y, width, height, dims, value_dims, INDEX)
        weighted = (
            weighted * shrink[:, None]
            + (attention * w00)[:, None] * c00
            + (attention * w01)[:, None] * c01
            + (attention * w10)[:, None] * c10
            + (attention * w11)[:, None] * c11
        )
        total = total * shrink + attention
        largest = new_largest
    tl.store(
        out + b * out_b + h * out_h + n[:, None] * out_n + dims[None, :],
        weighted / total[:, None],
        mask=valid[:, None] & (dims < value_dims)[None, :],
    )
    tl.store(log_sum + pair.to(tl.int64) * height * width + n, largest + tl.log(total), mask=valid)


@_kernel(
    do_not_specialize=_VARIABLE + _OFFSET_STRIDES + _GRAD_OFFSET_STRIDES, do_not_specialize_on_alignment=['offsets']
)
def queries_kernel(
    query,
    key,
    value,
    offsets,
    out,
    grad_out,
    grad_query,
    grad_offsets,
    log_sum,
    shares,
    anchors,
    query_b,
    query_h,
    query_n,
    key_b,
    key_h,
    key_n,
    value_b,
    value_h,
    value_n,
    offsets_b,
    offsets_h,
    offsets_n,
    out_b,
    out_h,
    out_n,
    grad_out_b,
    grad_out_h,
    grad_out_n,
    grad_query_b,
    grad_query_h,
    grad_query_n,
    grad_offsets_b,
    grad_offsets_h,
    grad_offsets_n,
    heads,
    height,
    width,
    scale,
    points: tl.constexpr,
    key_dims: tl.constexpr,
    value_dims: tl.constexpr,
    BLOCK: tl.constexpr,
    DIMS: tl.constexpr,
    INDEX: tl.constexpr,
):
    pair, first = _program(height, width, BLOCK)
    b = (pair // heads).to(tl.int64)
    h = (pair % heads).to(tl.int64)
    i = first + tl.arange(0, BLOCK)
    valid = i < height * width
    row, column = _token(i, height, width)
    n = (row * width + column).to(tl.int64)
    dims = tl.arange(0, DIMS)
    key_mask = valid[:, None] & (dims < key_dims)[None, :]
    value_mask = valid[:, None] & (dims < value_dims)[None, :]
    key += b * key_b + h * key_h
    value += b * value_b + h * value_h
    offsets += b * offsets_b + h * offsets_h + n * offsets_n
    grad_offsets += b * grad_offsets_b + h * grad_offsets_h + n * grad_offsets_n
    token = pair.to(tl.int64) * height * width + n
    shares += token * 2 * points
    anchors += token * points
    first_anchor = pair.to(tl.int64) * ((height + 1) * (width + 1) + 1)
    q = (
        tl.load(query + b * query_b + h * query_h + n[:, None] * query_n + dims[None, :], mask=key_mask, other=0.0).to(
            tl.float32
        )
        * scale
    )
    g = tl.load(
        grad_out + b * grad_out_b + h * grad_out_h + n[:, None] * grad_out_n + dims[None, :], mask=value_mask, other=0.0
    ).to(tl.float32)
    result = tl.load(out + b * out_b + h * out_h + n[:, None] * out_n + dims[None, :], mask=value_mask, other=0.0).to(
        tl.float32
    )
    mean = tl.sum(g * result, 1)
    normaliser = tl.load(log_sum + token, mask=valid, other=0.0)
    grad_q = tl.zeros([BLOCK, DIMS], tl.float32)
    for point in range(points):
        x, fx = _cell(column, tl.load(offsets + 2 * point, mask=valid, other=0.0).to(tl.float32), width)
        y, fy = _cell(row, tl.load(offsets + 2 * point + 1, mask=valid, other=0.0).to(tl.float32), height)
        w00, w01, w10, w11 = _weights(fx, fy)
        c00, c01, c10, c11 = _corners(value, value_n, x, y, width, height, dims, value_dims, INDEX)
        t00, t01, t10, t11 = tl.sum(g * c00, 1), tl.sum(g * c01, 1), tl.sum(g * c10, 1), tl.sum(g * c11, 1)
        c00, c01, c10, c11 = _corners(key, key_n, x, y, width, height, dims, key_dims, INDEX)
        s00, s01, s10, s11 = tl.sum(q * c00, 1), tl.sum(q * c01, 1), tl.sum(q * c10, 1), tl.sum(q * c11, 1)
        attention = tl.exp(w00 * s00 + w01 * s01 + w10 * s10 + w11 * s11 - normaliser)
        grad_logit = attention * (w00 * t00 + w01 * t01 + w10 * t10 + w11 * t11 - mean)
        grad_q += (
            (grad_logit * w00)[:, None] * c00
            + (grad_logit * w01)[:, None] * c01
            + (grad_logit * w10)[:, None] * c10
            + (grad_logit * w11)[:, None] * c11
        )
        t00 = grad_logit * s00 + attention * t00  # gradients of the weights of the corners
        t01 = grad_logit * s01 + attention * t01
        t10 = grad_logit * s10 + attention * t10
        t11 = grad_logit * s11 + attention * t11
        tl.store(grad_offsets + 2 * point, (1 - fy) * (t01 - t00) + fy * (t11 - t10), mask=valid)
        tl.store(grad_offsets + 2 * point + 1, (1 - fx) * (t10 - t00) + fx * (t11 - t01), mask=valid)
        tl.store(shares + 2 * point, grad_logit * scale, mask=valid)
        tl.store(shares + 2 * point + 1, attention, mask=valid)
        touches = (x >= -1) & (x < width) & (y >= -1) & (y < height)
        anchor = tl.where(touches, (y + 1) * (width + 1) + x + 1, (height + 1) * (width + 1))
        tl.store(anchors + point, (first_anchor + anchor).to(anchors.dtype.element_ty), mask=valid)
    tl.store(
        grad_query + b * grad_query_b + h * grad_query_h + n[:, None] * grad_query_n + dims[None, :],
        grad_q * scale,
        mask=key_mask,
    )


@_kernel(do_not_specialize=[*_VARIABLE, *_OFFSET_STRIDES, 'rows'], do_not_specialize_on_alignment=['offsets'])
def cells_kernel(
    query,
    grad_out,
    offsets,
    grad_key,
    grad_value,
    shares,
    order,
    starts,
    query_b,
    query_h,
    query_n,
    grad_out_b,
    grad_out_h,
    grad_out_n,
    offsets_b,
    offsets_h,
    offsets_n,
    grad_key_b,
    grad_key_h,
    grad_key_n,
    grad_value_b,
    grad_value_h,
    grad_value_n,
    heads,
    height,
    width,
    scale,
    points: tl.constexpr,
    key_dims: tl.constexpr,
    value_dims: tl.constexpr,
    rows,
    BLOCK: tl.constexpr,
    DIMS: tl.constexpr,
    INDEX: tl.constexpr,
):
    strips = tl.cdiv(height, rows) * width
    pair = tl.program_id(0) // strips
    strip = tl.program_id(0) % strips
    column = strip % width
    first = strip // width * rows
    b = (pair // heads).to(tl.int64)
    h = (pair % heads).to(tl.int64)
    dims = tl.arange(0, DIMS)
    key_mask = dims < key_dims
    value_mask = dims < value_dims
    query += b * query_b + h * query_h
    grad_out += b * grad_out_b + h * grad_out_h
    offsets += b * offsets_b + h * offsets_h
    grad_key += b * grad_key_b + h * grad_key_h + tl.cast(column, INDEX) * grad_key_n
    grad_value += b * grad_value_b + h * grad_value_h + tl.cast(column, INDEX) * grad_value_n
    first_point = pair.to(tl.int64) * height * width * points
    shares += 2 * first_point
    starts += pair.to(tl.int64) * ((height + 1) * (width + 1) + 1) + column
    below_k = tl.zeros([BLOCK, DIMS], tl.float32)  # contributions of the points between two rows to the lower one
    below_v = tl.zeros([BLOCK, DIMS], tl.float32)
    for row in range(first - 1, tl.minimum(first + rows, height)):
        # the points between this row and the next: first those after the column to the left, then after this one
        run = starts + (row + 1) * (width + 1)
        start, own, end = tl.load(run), tl.load(run + 1), tl.load(run + 2)
        grad_k, grad_v = below_k, below_v
        below_k = tl.zeros([BLOCK, DIMS], tl.float32)
        below_v = tl.zeros([BLOCK, DIMS], tl.float32)
        for i in range(start, end, BLOCK):
            place = i + tl.arange(0, BLOCK)
            valid = place < end
            point = (tl.load(order + place, mask=valid, other=first_point) - first_point).to(INDEX)
            n = point // points
            offset = offsets + n * offsets_n + 2 * (point - n * points)
            dx = tl.load(offset, mask=valid, other=0.0).to(tl.float32)
            dy = tl.load(offset + 1, mask=valid, other=0.0).to(tl.float32)
            fx = dx - tl.floor(dx)
            fy = dy - tl.floor(dy)
            weight = tl.where(place < own, fx, 1 - fx)
            grad_logit = weight * tl.load(shares + 2 * point, mask=valid, other=0.0)
            attention = weight * tl.load(shares + 2 * point + 1, mask=valid, other=0.0)
            valid &= weight != 0
            q = tl.load(
                query + (n * query_n)[:, None] + dims[None, :], mask=valid[:, None] & key_mask[None, :], other=0.0
            ).to(tl.float32)
            grad_k += ((1 - fy) * grad_logit)[:, None] * q
            below_k += (fy * grad_logit)[:, None] * q
            g = tl.load(
                grad_out + (n * grad_out_n)[:, None] + dims[None, :],
                mask=valid[:, None] & value_mask[None, :],
                other=0.0,
            ).to(tl.float32)
            grad_v += ((1 - fy) * attention)[:, None] * g
            below_v += (fy * attention)[:, None] * g
        here = tl.cast(row, INDEX) * width
        inside = tl.zeros([DIMS], tl.int32) + row >= first  # a tensor: of two numbers, the interpreter makes no mask
        tl.store(grad_key + here * grad_key_n + dims, tl.sum(grad_k, 0), mask=key_mask & inside)
        tl.store(grad_value + here * grad_value_n + dims, tl.sum(grad_v, 0), mask=value_mask & inside)
