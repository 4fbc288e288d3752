import math

import pytest
import torch
from ssa_inputs import random_inputs

from mmhsi.ops import sparse_sampling_attention
from mmhsi.ops.sparse_sampling_attention import choose_backend

EXACT = ['torch', 'dense', 'separable']  # those that take float64


def attend_by_hand(query, key, value, offsets, spatial_shape, scale):
    """The definition, one sample at a time, in plain Python."""
    height, width = spatial_shape
    batch, heads, num_tokens, _ = query.shape
    output = torch.zeros_like(value)

    def sample(tokens, x, y):
        total = torch.zeros_like(tokens[0])
        for row in (math.floor(y), math.floor(y) + 1):
            for column in (math.floor(x), math.floor(x) + 1):
                if 0 <= row < height and 0 <= column < width:
                    total = total + (1 - abs(x - column)) * (1 - abs(y - row)) * tokens[row * width + column]
        return total

    for b in range(batch):
        for h in range(heads):
            for n in range(num_tokens):
                positions = [(n % width + float(dx), n // width + float(dy)) for dx, dy in offsets[b, h, n]]
                logits = torch.stack([scale * query[b, h, n] @ sample(key[b, h], x, y) for x, y in positions])
                values = torch.stack([sample(value[b, h], x, y) for x, y in positions])
                output[b, h, n] = logits.softmax(0) @ values
    return output


@pytest.mark.parametrize('backend', EXACT)
@pytest.mark.parametrize(
    'spatial_shape, dims, num_points', [((4, 4), 8, 4), ((3, 5), 15, 1), ((1, 1), 10, 3), ((6, 2), 16, 8)]
)
def test_matches_the_definition(backend, spatial_shape, dims, num_points):
    inputs = random_inputs(2, 3, spatial_shape, dims, num_points)
    wanted = attend_by_hand(*inputs, spatial_shape, dims**-0.5)
    found = sparse_sampling_attention(*inputs, spatial_shape, backend=backend)
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize('backend', EXACT)
def test_a_scale_is_applied_to_the_logits(backend):
    inputs = random_inputs(1, 2, (3, 3), 4, 3)
    found = sparse_sampling_attention(*inputs, (3, 3), scale=1.7, backend=backend)
    torch.testing.assert_close(found, attend_by_hand(*inputs, (3, 3), 1.7), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize('backend', EXACT)
def test_points_far_outside_give_zero(backend):
    query, key, value, offsets = random_inputs(1, 2, (4, 4), 6, 5)
    found = sparse_sampling_attention(query, key, value, offsets + 100, (4, 4), backend=backend)
    assert torch.count_nonzero(found) == 0


@pytest.mark.parametrize('backend', EXACT)
def test_one_point_on_a_cell_copies_its_value(backend):
    query, key, value, _ = random_inputs(1, 1, (4, 5), 6, 1)
    offsets = torch.zeros(1, 1, 20, 1, 2, dtype=torch.float64)
    offsets[..., 0] = 1  # x: the cell to the right
    found = sparse_sampling_attention(query, key, value, offsets, (4, 5), backend=backend).reshape(4, 5, 6)
    wanted = value.reshape(4, 5, 6)
    torch.testing.assert_close(found[:, :-1], wanted[:, 1:])
    assert found[:, -1].abs().max() < 1e-12


@pytest.mark.parametrize('backend', EXACT)
def test_gradients(backend):
    inputs = [t.requires_grad_() for t in random_inputs(2, 2, (3, 4), 3, 2, spread=1.3, seed=3)]
    assert torch.autograd.gradcheck(lambda *t: sparse_sampling_attention(*t, (3, 4), backend=backend), inputs)


@pytest.mark.parametrize('backend', EXACT)
def test_empty_batch(backend):
    inputs = random_inputs(0, 2, (3, 3), 4, 2)
    assert sparse_sampling_attention(*inputs, (3, 3), backend=backend).shape == (0, 2, 9, 4)


def test_the_environment_chooses_the_back_end(monkeypatch):
    inputs = random_inputs(1, 1, (2, 2), 4, 2)
    monkeypatch.setenv('MMHSI_SSA_BACKEND', 'nonsense')
    with pytest.raises(ValueError, match="unknown back end 'nonsense'"):
        sparse_sampling_attention(*inputs, (2, 2))
    explicit = sparse_sampling_attention(*inputs, (2, 2), backend='torch')
    monkeypatch.setenv('MMHSI_SSA_BACKEND', 'torch')
    assert torch.equal(sparse_sampling_attention(*inputs, (2, 2)), explicit)


@pytest.mark.parametrize('backend', EXACT)
def test_half_precision_is_computed_in_float32(backend):
    inputs = [t.bfloat16() for t in random_inputs(1, 2, (3, 50), 8, 4)]
    wanted = sparse_sampling_attention(*(t.float() for t in inputs), (3, 50), backend=backend).bfloat16()
    with torch.autocast('cpu', torch.bfloat16):
        found = sparse_sampling_attention(*inputs, (3, 50), backend=backend)
    assert found.dtype == torch.bfloat16 and torch.equal(found, wanted)


@pytest.mark.parametrize('backend', ['dense', 'separable'])
def test_derivative_on_a_cell_is_that_from_the_right(backend):
    query, key, value, _ = random_inputs(1, 1, (3, 4), 5, 2)
    offsets = torch.randint(-2, 3, (1, 1, 12, 2, 2), generator=torch.Generator().manual_seed(1)).double()

    def loss(shifted):
        return sparse_sampling_attention(query, key, value, shifted, (3, 4), backend='torch').square().sum()

    gradient = torch.autograd.grad(
        sparse_sampling_attention(query, key, value, offsets.requires_grad_(), (3, 4), backend=backend).square().sum(),
        offsets,
    )[0]
    step = 1e-6
    for n, p, axis in [(0, 0, 0), (5, 1, 1), (11, 0, 1), (6, 1, 0)]:
        shift = torch.zeros_like(offsets)
        shift[0, 0, n, p, axis] = step
        # forward differences of second order stay on the right of the cell
        slope = (4 * loss(offsets + shift) - loss(offsets + 2 * shift) - 3 * loss(offsets)) / (2 * step)
        torch.testing.assert_close(gradient[0, 0, n, p, axis], slope.detach(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    'device, tokens, fused, triton, deterministic, wanted',
    [
        ('cpu', 10, True, False, True, 'fused'),
        ('cpu', 400, False, False, False, 'dense'),
        ('cpu', 401, False, False, False, 'torch'),
        ('cuda', 4096, False, True, False, 'triton'),
        ('cuda', 4096, False, True, True, 'triton'),
        ('cuda', 4096, False, False, True, 'separable'),
        ('cuda', 64, False, False, False, 'dense'),
        ('mps', 4096, False, False, False, 'torch'),
    ],
)
def test_automatic_choice(device, tokens, fused, triton, deterministic, wanted):
    assert choose_backend(device, tokens, fused, triton, deterministic) == wanted


def test_shapes_are_checked():
    query, key, value, offsets = random_inputs(1, 2, (3, 3), 4, 2)
    with pytest.raises(ValueError, match='means 12 tokens, the query has 9'):
        sparse_sampling_attention(query, key, value, offsets, (3, 4))
    with pytest.raises(ValueError, match='offsets must be'):
        sparse_sampling_attention(query, key, value, offsets[:, :1], (3, 3))
    with pytest.raises(ValueError, match='at least 1 point'):
        sparse_sampling_attention(query, key, value, offsets[:, :, :, :0], (3, 3))
    with pytest.raises(ValueError, match='at least 1 wide'):
        sparse_sampling_attention(query[..., :0], key[..., :0], value, offsets, (3, 3))
    with pytest.raises(ValueError, match='query, key and value'):
        sparse_sampling_attention(query, key[..., :2], value, offsets, (3, 3))
