"""Kinds of attention against independent definitions: a library, or a loop over tokens."""

import math

import pytest
import torch
from mmpretrain.models.utils import ShiftWindowMSA
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import mmhsi.ops.flops  # noqa: F401  operators that the counter does not know
from mmhsi.models import SpatViT, SpecViT
from mmhsi.models.layers import (
    DeformableAttention,
    FullAttention,
    NeighbourhoodAttention,
    NonLocalSparseAttention,
    SparseSamplingAttention,
    VariedSizeWindowAttention,
    WindowAttention,
)
from mmhsi.models.selfsup import MaskedSpatViT

WIDTH, HEADS = 12, 3
KINDS = {
    'SSA': dict(type='mmhsi.SparseSamplingAttention', num_points=4),
    'full': dict(type='mmhsi.FullAttention'),
    'windows': dict(type='mmhsi.WindowAttention', window_size=4),
    'VSA': dict(type='mmhsi.VariedSizeWindowAttention', window_size=4),
    'RVSA': dict(type='mmhsi.VariedSizeWindowAttention', window_size=4, rotated=True),
    'DMHA': dict(type='mmhsi.DeformableAttention', num_groups=2),
    'NLSA': dict(type='mmhsi.NonLocalSparseAttention', chunk_size=8),
    'neighbourhood': dict(type='mmhsi.NeighbourhoodAttention', kernel_size=3),
}
GRIDS = [(8, 8), (7, 5), (3, 9), (1, 2)]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def cells(grid):
    return [(row, column) for row in range(grid[0]) for column in range(grid[1])]


def masked_attention(layer, x, bias):
    """torch's attention with a bias (heads, N, N), -inf where nothing is seen."""
    return layer.merge_heads(F.scaled_dot_product_attention(*layer.split_heads(x), attn_mask=bias))


def bilinear(values, row, column):
    """A sample of (H, W, d), zero outside."""
    top, left = math.floor(row), math.floor(column)
    total = torch.zeros(values.shape[-1])
    for r in (top, top + 1):
        for c in (left, left + 1):
            if 0 <= r < values.shape[0] and 0 <= c < values.shape[1]:
                total = total + (1 - abs(row - r)) * (1 - abs(column - c)) * values[r, c]
    return total


@pytest.mark.parametrize('layer_number', [0, 1])
def test_windows_are_those_of_a_library(layer_number):
    ours = WindowAttention(WIDTH, HEADS, window_size=4, layer=layer_number)
    theirs = ShiftWindowMSA(WIDTH, HEADS, window_size=4, shift_size=2 * layer_number)
    bias = ours.relative_bias.table.flatten(1).T
    theirs.w_msa.load_state_dict(
        {
            'relative_position_bias_table': bias,
            'relative_position_index': theirs.w_msa.relative_position_index,
            **{name: value for name, value in ours.state_dict().items() if name.startswith(('qkv', 'proj'))},
        }
    )
    x = torch.randn(2, 96, WIDTH)
    torch.testing.assert_close(ours(x, (8, 12)), theirs(x, (8, 12)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('grid', GRIDS)
@pytest.mark.parametrize('layer_number', [0, 1])
def test_windows_that_do_not_divide_the_grid_hold_the_tokens_that_there_are(grid, layer_number):
    layer = WindowAttention(WIDTH, HEADS, window_size=4, layer=layer_number)

    def window(cell):
        steps = [min(4, side) for side in grid]
        shifts = [step // 2 if layer_number and side > step else 0 for step, side in zip(steps, grid, strict=True)]
        return [(place - shift) // step for place, shift, step in zip(cell, shifts, steps, strict=True)]

    bias = torch.full((HEADS, len(cells(grid)), len(cells(grid))), -math.inf)
    for n, (row, column) in enumerate(cells(grid)):
        for m, (other, across) in enumerate(cells(grid)):
            if window((row, column)) == window((other, across)):
                bias[:, n, m] = layer.relative_bias.table[:, row - other + 3, column - across + 3]
    x = torch.randn(2, len(cells(grid)), WIDTH)
    torch.testing.assert_close(layer(x, grid), masked_attention(layer, x, bias), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('grid', GRIDS)
def test_a_neighbourhood_is_moved_inside_at_the_border(grid):
    layer = NeighbourhoodAttention(WIDTH, HEADS, kernel_size=3)

    def near(place, size):
        return range(size) if size < 3 else range(first := min(max(place - 1, 0), size - 3), first + 3)

    bias = torch.full((HEADS, len(cells(grid)), len(cells(grid))), -math.inf)
    for n, (row, column) in enumerate(cells(grid)):
        for m, (other, across) in enumerate(cells(grid)):
            if other in near(row, grid[0]) and across in near(column, grid[1]):
                bias[:, n, m] = layer.relative_bias.table[:, row - other + 2, column - across + 2]
    x = torch.randn(2, len(cells(grid)), WIDTH)
    torch.testing.assert_close(layer(x, grid), masked_attention(layer, x, bias), rtol=1e-5, atol=1e-6)


def test_varied_windows_that_neither_move_nor_grow_are_windows():
    layer = VariedSizeWindowAttention(WIDTH, HEADS, window_size=4, rotated=True)
    for predictor in (layer.window_offsets, layer.window_scales, layer.window_angles):
        nn.init.zeros_(predictor.weight)
        nn.init.zeros_(predictor.bias)
    plain = WindowAttention(WIDTH, HEADS, window_size=4)
    plain.load_state_dict({name: value for name, value in layer.state_dict().items() if 'window_' not in name})
    x = torch.randn(2, 32, WIDTH)
    torch.testing.assert_close(layer(x, (8, 4)), plain(x, (8, 4)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('rotated', [False, True])
def test_varied_windows_sample_where_their_definition_says(rotated):
    grid, side = (5, 7), 4
    layer = VariedSizeWindowAttention(WIDTH, HEADS, window_size=side, rotated=rotated)
    x = torch.randn(1, 35, WIDTH)
    query, key, value = (part[0].detach() for part in layer.split_heads(x))
    padded = F.pad(x[0].unflatten(0, grid), (0, 0, 0, 1, 0, 3))
    wanted = torch.zeros(HEADS, *grid, WIDTH // HEADS)
    for top in range(0, 8, side):
        for left in range(0, 8, side):
            mean = F.leaky_relu(padded[top : top + side, left : left + side].mean((0, 1)))
            for head in range(HEADS):
                offset = layer.window_offsets(mean).view(HEADS, 2)[head]
                scale = layer.window_scales(mean).view(HEADS, 2)[head]
                angle = layer.window_angles(mean)[head] if rotated else torch.zeros(())
                keys, values = [], []
                for row, column in cells((side, side)):
                    u = (1 + scale) * torch.tensor([column - 1.5, row - 1.5])
                    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).view(2, 2)
                    x_place, y_place = turn @ u + torch.tensor([left + 1.5, top + 1.5]) + offset * side / 2
                    keys.append(bilinear(key[head].unflatten(0, grid), y_place.item(), x_place.item()))
                    values.append(bilinear(value[head].unflatten(0, grid), y_place.item(), x_place.item()))
                keys, values = torch.stack(keys), torch.stack(values)
                for row, column in cells((side, side)):
                    if top + row < grid[0] and left + column < grid[1]:
                        q = query[head].unflatten(0, grid)[top + row, left + column]
                        table = layer.relative_bias.table[head]
                        bias = torch.stack([table[row - r + 3, column - c + 3] for r, c in cells((side, side))])
                        weights = (keys @ q * (WIDTH // HEADS) ** -0.5 + bias).softmax(0)
                        wanted[head, top + row, left + column] = weights @ values
    wanted = layer.merge_heads(wanted.flatten(1, 2)[None])
    torch.testing.assert_close(layer(x, grid), wanted, rtol=1e-4, atol=1e-5)


def test_deformable_attention_samples_where_its_definition_says():
    grid = (5, 6)
    layer = DeformableAttention(WIDTH, HEADS, num_groups=3, stride=2, kernel_size=3, bias_reach=3)
    nn.init.normal_(layer.point_offsets.weight)
    nn.init.normal_(layer.bias_table)
    x = torch.randn(1, 30, WIDTH)
    query = layer.split_heads(x)[0]
    columns, rows = (part[0].detach() for part in layer.points(query, grid))
    assert rows.shape == (3, 9)
    centres = torch.tensor([-0.5 + 5 / 3 * (i + 0.5) for i in range(3)])
    assert ((rows[0].view(3, 3) - centres[:, None]).abs() <= 2).all()  # by 2 half strides at most
    maps = x[0].detach().unflatten(0, grid)
    features = torch.stack(
        [
            torch.cat(
                [bilinear(maps[..., 4 * g : 4 * g + 4], rows[g, m].item(), columns[g, m].item()) for g in range(3)]
            )
            for m in range(9)
        ]
    )
    key, value = (layer.qkv(features)[:, i * WIDTH : (i + 1) * WIDTH].view(9, HEADS, 4) for i in (1, 2))
    wanted = torch.zeros(1, HEADS, 30, 4)
    for head in range(HEADS):
        for n, (row, column) in enumerate(cells(grid)):
            bias = [
                bilinear(
                    layer.bias_table[head, ..., None],
                    2 + 2 * (row - rows[head, m].item()) / 4,
                    2 + 2 * (column - columns[head, m].item()) / 5,
                )
                for m in range(9)
            ]
            weights = (key[:, head] @ query[0, head, n] / 2 + torch.cat(bias)).softmax(0)
            wanted[0, head, n] = weights @ value[:, head]
    torch.testing.assert_close(layer(x, grid), layer.merge_heads(wanted), rtol=1e-4, atol=1e-5)


def test_non_local_sparse_attention_with_one_chunk_sees_all_tokens():
    layer = NonLocalSparseAttention(WIDTH, HEADS, chunk_size=40)
    x = torch.randn(2, 35, WIDTH)
    embedding, value = layer.qkv(x).unflatten(2, (2, HEADS, -1)).permute(2, 0, 3, 1, 4)
    wanted = F.scaled_dot_product_attention(embedding, F.normalize(embedding, dim=-1), value, scale=1.0)
    torch.testing.assert_close(layer(x), layer.merge_heads(wanted), rtol=1e-5, atol=1e-6)


def test_non_local_sparse_attention_in_given_orders():
    layer = NonLocalSparseAttention(WIDTH, 1, chunk_size=4, num_hashes=2)
    embedding, value = torch.randn(2, 1, 1, 18, WIDTH)
    order = torch.stack([torch.randperm(18) for _ in range(2)])
    found = layer.attend(embedding, value, order[None, None])
    outputs, masses = [], []
    for round_order in order:
        place = round_order.argsort()
        chunk = place // 4
        apart = (chunk[:, None] - chunk).abs()
        seen = (apart <= 1) | (apart == 4)  # of five chunks the first and the last are neighbours
        logits = (embedding[0, 0] @ F.normalize(embedding[0, 0], dim=-1).T).masked_fill(~seen, -math.inf)
        outputs.append(logits.softmax(-1) @ value[0, 0])
        masses.append(logits.logsumexp(-1))
    share = torch.stack(masses).softmax(0)
    torch.testing.assert_close(found[0, 0], (share[..., None] * torch.stack(outputs)).sum(0), rtol=1e-5, atol=1e-6)


def test_hashing_puts_like_tokens_into_one_bucket_and_repeats_itself_in_evaluation():
    layer = NonLocalSparseAttention(WIDTH, HEADS, chunk_size=4)
    kinds = 5 * torch.randn(4, WIDTH // HEADS)
    embedding = kinds.repeat(10, 1).expand(1, HEADS, 40, -1)
    layer.eval()
    codes = layer.hash_codes(embedding)
    assert codes.shape == (1, HEADS, 4, 40) and (codes == codes[..., :4].repeat(1, 1, 1, 10)).all()
    assert torch.equal(codes, layer.hash_codes(embedding)) and len(codes.unique()) > 2
    layer.train()
    many = torch.randn(1, HEADS, 40, WIDTH // HEADS)
    assert not torch.equal(layer.hash_codes(many), layer.hash_codes(many))


@pytest.mark.parametrize('name', KINDS)
def test_a_backbone_with_any_attention_trains_on_any_grid(name):
    settings = dict(
        arch=dict(embed_dims=WIDTH, num_layers=3, num_heads=2, full_attn_interval=3),
        attn_cfg=KINDS[name],
        drop_path_rate=0.0,
    )
    spatial = SpatViT(img_size=8, patch_size=1, in_channels=3, out_indices=(2,), **settings)
    spectral = SpecViT(img_size=4, num_tokens=25, out_indices=(2,), **settings)
    spatial.init_weights()
    spectral.init_weights()
    kind = KINDS[name]['type'].split('.')[1]
    assert [type(block.attn).__name__ for block in spatial.blocks] == [kind, kind, 'FullAttention']
    for height, width in GRIDS:
        x = torch.randn(2, 3, height, width, requires_grad=True)
        (out,) = spatial(x)
        assert out.shape == (2, WIDTH, height, width)
        out.square().sum().backward()
        assert x.grad.isfinite().all() and x.grad.abs().sum() > 0
    spectral(torch.randn(2, 40, 4, 4))[0].square().sum().backward()
    for branch in (spatial, spectral):
        idle = [
            key for key, value in branch.named_parameters() if value.grad is None or not value.grad.isfinite().all()
        ]
        assert not idle
    with torch.no_grad():
        alone = spatial.eval()(x[:1])[0]
        torch.testing.assert_close(alone, spatial(x)[0][:1], rtol=1e-4, atol=1e-5)


def test_every_second_layer_of_windows_is_shifted_full_ones_left_out():
    arch = dict(embed_dims=WIDTH, num_layers=6, num_heads=2, full_attn_interval=3)
    backbone = SpatViT(arch=arch, img_size=8, patch_size=1, in_channels=3, attn_cfg=KINDS['windows'])
    shifted = [block.attn.shifted for block in backbone.blocks if isinstance(block.attn, WindowAttention)]
    assert shifted == [False, True, False, True]


@pytest.mark.parametrize('name', KINDS)
def test_all_kinds_take_the_projections_of_pretrained_full_attention(name):
    settings = dict(img_size=8, patch_size=2, in_channels=3)
    arch = dict(embed_dims=WIDTH, num_layers=2, num_heads=2, full_attn_interval=2)
    full = SpatViT(arch=dict(arch, full_attn_interval=1), **settings)
    other = SpatViT(arch=arch, attn_cfg=KINDS[name], **settings)
    other.load_state_dict(full.state_dict(), strict=False)
    found, wanted = other.blocks[0].attn, full.blocks[0].attn
    rows = [0, 1, 2] if name != 'NLSA' else [0, 2]
    for given, taken in zip(rows, found.qkv.weight.chunk(len(rows)), strict=True):
        assert torch.equal(taken, wanted.qkv.weight.chunk(3)[given])
    assert torch.equal(found.proj.weight, wanted.proj.weight)


@pytest.mark.parametrize(
    'layer, products',
    [
        (WindowAttention(8, 2, window_size=4), 64 * 16 * 8 * 2),
        (NeighbourhoodAttention(8, 2, kernel_size=3), 64 * 9 * 8 * 2),
        (FullAttention(8, 2), 64 * 64 * 8 * 2),
        # 64 samples of a key and a value, four corners each, beside the windows; three predictions of 4 windows
        (VariedSizeWindowAttention(8, 2, window_size=4), 64 * 16 * 8 * 2 + 64 * 4 * 16 + 2 * 4 * 8 * 4),
        # its hashing, one pair of directions for each of 4 rounds, and 4 rounds of two chunks that see each other
        (NonLocalSparseAttention(8, 2, chunk_size=32), 64 * 8 * 4 + 4 * 64 * 64 * 8 * 2 - 64 * 8 * 8),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else '',
)
def test_the_products_of_every_kind_are_counted(layer, products):
    projections = 64 * 8 * 8 * 4
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        layer(torch.randn(1, 64, 8), (8, 8))
    assert counter.get_total_flops() == 2 * (projections + products)


def test_settings_that_make_no_sense():
    with pytest.raises(ValueError, match='window_size must be at least 1'):
        WindowAttention(8, 2, window_size=0)
    with pytest.raises(ValueError, match='must be odd'):
        NeighbourhoodAttention(8, 2, kernel_size=4)
    with pytest.raises(ValueError, match='must divide the 3 heads'):
        DeformableAttention(9, 3, num_groups=2)
    with pytest.raises(ValueError, match='chunk_size and num_hashes'):
        NonLocalSparseAttention(8, 2, chunk_size=0)
    with pytest.raises(ValueError, match='WindowAttention needs the whole grid of tokens'):
        MaskedSpatViT(
            arch=dict(embed_dims=8, num_layers=2, num_heads=2, full_attn_interval=2),
            full_attn_interval=2,
            img_size=8,
            patch_size=2,
            in_channels=3,
            attn_cfg=KINDS['windows'],
        )
    assert SparseSamplingAttention(8, 2).layer == 0
