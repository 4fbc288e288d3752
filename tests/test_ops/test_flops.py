"""Operations of sparse sampling attention: the formula, and what a counter of PyTorch finds."""

import pytest
import torch
from ssa_inputs import random_inputs
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from mmhsi.ops import BACKENDS, sparse_sampling_attention
from mmhsi.ops.bilinear import sample_tokens
from mmhsi.ops.flops import ssa_as_one_operator, ssa_flops
from mmhsi.ops.ssa_fused import why_unavailable

SHAPE, HEADS, POINTS, WIDTH = (7, 5), 2, 6, 12
# 4 corners to a key and a value, a product with the query and one with the weight: 5 products of a width with an
# addition each, for keys and for values
WANTED = 2 * 5 * HEADS * 35 * POINTS * (WIDTH + WIDTH)


@pytest.fixture
def inputs():
    return random_inputs(1, HEADS, SHAPE, WIDTH, POINTS, dtype=torch.float32)


def counted(run):
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def test_formula_against_products_that_a_counter_sees(inputs):
    query, key, value, offsets = inputs
    assert ssa_flops(query.shape, value.shape, offsets.shape) == WANTED
    keys, values = sample_tokens(key, offsets, SHAPE), sample_tokens(value, offsets, SHAPE)
    logits = (query.unsqueeze(-2) @ keys.transpose(-1, -2)).softmax(dim=-1)
    products = counted(lambda: (query.unsqueeze(-2) @ keys.transpose(-1, -2), logits @ values))
    assert products * 5 == WANTED  # and four more for the corners


@pytest.mark.parametrize('backend', ['torch', 'dense', 'separable'])
def test_every_back_end_counts_alike_and_gives_its_values(inputs, backend):
    wanted = sparse_sampling_attention(*inputs, SHAPE, backend=backend)
    found = []
    with ssa_as_one_operator():
        assert counted(lambda: found.append(sparse_sampling_attention(*inputs, SHAPE, backend=backend))) == WANTED
    torch.testing.assert_close(found[0], wanted)
    again = sparse_sampling_attention(*inputs, SHAPE, backend=backend)
    assert torch.equal(again, wanted) and len(set(BACKENDS.values())) == len(BACKENDS)


@pytest.mark.skipif(why_unavailable() is not None, reason=f'no fused kernel: {why_unavailable()}')
def test_the_fused_operators_are_known_to_any_counter(inputs):
    inputs = [tensor.requires_grad_() for tensor in inputs]
    forward = counted(lambda: sparse_sampling_attention(*inputs, SHAPE, backend='fused'))
    step = counted(lambda: sparse_sampling_attention(*inputs, SHAPE, backend='fused').sum().backward())
    assert (forward, step) == (WANTED, 3 * WANTED)


def test_full_attention_on_the_cpu_is_counted():
    query, key, value = torch.randn(3, 1, 2, 10, 8)
    wanted = 2 * (2 * 10 * 10 * 8) * 2  # heads, products of N x N x d, two of them
    assert counted(lambda: F.scaled_dot_product_attention(query, key, value)) == wanted
