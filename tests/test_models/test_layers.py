import pytest
import torch
from torch import nn

from mmhsi.models.layers import (
    FullAttention,
    RefinementTransformer,
    SparseSamplingAttention,
    TransformerBlock,
    TransformerBlocks,
    conv_norm_relu,
    resize_spatial_position_embedding,
    square_grid,
)


def test_full_attention_is_torch_multihead_attention():
    torch.manual_seed(0)
    ours = FullAttention(embed_dims=12, num_heads=3)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True)
    theirs.load_state_dict(
        {
            'in_proj_weight': ours.qkv.weight,
            'in_proj_bias': ours.qkv.bias,
            'out_proj.weight': ours.proj.weight,
            'out_proj.bias': ours.proj.bias,
        }
    )
    x = torch.randn(2, 7, 12)
    torch.testing.assert_close(ours(x), theirs(x, x, x)[0], rtol=1e-5, atol=1e-6)


def test_sparse_attention_with_zero_offsets_returns_the_projected_values():
    attention = SparseSamplingAttention(embed_dims=12, num_heads=3, num_points=4)
    nn.init.zeros_(attention.sampling_offsets.weight)
    nn.init.zeros_(attention.sampling_offsets.bias)
    x = torch.randn(2, 6, 12)
    value = attention.qkv(x)[..., 24:]
    torch.testing.assert_close(attention(x, (2, 3)), attention.proj(value))


def test_head_width_need_not_divide_the_width():
    attention = SparseSamplingAttention(embed_dims=191, num_heads=12)
    assert attention.inner_dims == 180
    assert attention.qkv.weight.shape == (540, 191)
    assert attention.sampling_offsets.weight.shape == (12 * 8 * 2, 180)
    assert attention(torch.randn(1, 9, 191), (3, 3)).shape == (1, 9, 191)


def test_more_heads_than_channels_is_an_error():
    with pytest.raises(ValueError, match='between 1 and embed_dims = 4'):
        FullAttention(embed_dims=4, num_heads=5)


@pytest.mark.parametrize('interval, full', [(3, [2, 5]), (2, [1, 3, 5]), (1, [0, 1, 2, 3, 4, 5]), (0, [])])
def test_full_attention_interval(interval, full):
    blocks = TransformerBlocks(6, 8, interval, num_heads=2, feedforward_channels=16)
    assert [i for i, block in enumerate(blocks) if isinstance(block.attn, FullAttention)] == full


def test_drop_path_grows_linearly_over_the_ramp():
    blocks = TransformerBlocks(3, 8, 1, drop_path_rate=0.4, ramp_length=5, num_heads=2, feedforward_channels=16)
    rates = [getattr(block.drop_path, 'drop_prob', 0.0) for block in blocks]
    assert rates == pytest.approx([0.0, 0.1, 0.2])


def test_initial_weights():
    torch.manual_seed(0)
    blocks = TransformerBlocks(4, 64, 2, num_heads=4, feedforward_channels=256)
    blocks.reset_parameters()
    for i, block in enumerate(blocks):
        assert block.attn.qkv.weight.std().item() == pytest.approx(0.02, rel=0.05)
        assert block.mlp.fc2.weight.std().item() == pytest.approx(0.02 / (2 * (i + 1)) ** 0.5, rel=0.05)
        assert block.attn.proj.weight.std().item() == pytest.approx(0.02 / (2 * (i + 1)) ** 0.5, rel=0.05)
        assert torch.count_nonzero(block.attn.qkv.bias) == 0
    assert torch.count_nonzero(blocks[0].attn.sampling_offsets.bias) == 0


def test_recomputing_activations_changes_nothing():
    torch.manual_seed(0)
    blocks = TransformerBlocks(2, 8, 2, num_heads=2, feedforward_channels=16)
    x = torch.randn(2, 9, 8, requires_grad=True)
    gradients = []
    for with_cp in (False, True):
        blocks.with_cp = with_cp
        output = blocks(x, (3, 3), (1,))[0]
        gradients.append(torch.autograd.grad(output.square().sum(), [x, *blocks.parameters()]))
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_layer_scale_multiplies_the_branches():
    torch.manual_seed(0)
    block = TransformerBlock(8, 2, 16, layer_scale_init_value=0.0)
    x = torch.randn(1, 4, 8)
    assert torch.equal(block(x, (2, 2)), x)


def test_position_embedding_is_kept_on_its_grid_and_interpolated_elsewhere():
    table = torch.arange(12.0).reshape(1, 4, 3)
    assert resize_spatial_position_embedding(table, (2, 2), (2, 2)) is table
    constant = torch.ones(1, 4, 3)
    enlarged = resize_spatial_position_embedding(constant, (2, 2), (5, 3))
    torch.testing.assert_close(enlarged, torch.ones(1, 15, 3))


@pytest.mark.parametrize('num_tokens', [2, 99, 101])
def test_spectral_tokens_need_a_square_grid(num_tokens):
    with pytest.raises(ValueError, match=f'perfect square, found {num_tokens}'):
        square_grid(num_tokens)


def test_refinement_takes_maps_and_tokens():
    spatial = RefinementTransformer(14, in_channels=24, img_size=(5, 6), num_heads=4)
    assert spatial(torch.randn(2, 24, 5, 6)).shape == (2, 14, 5, 6)
    spectral = RefinementTransformer(20, num_heads=3)
    assert spectral(torch.randn(2, 16, 20)).shape == (2, 16, 20)


def test_convolution_norm_and_relu_keep_the_size():
    torch.manual_seed(0)
    layers = conv_norm_relu(3, 4, 3).eval()
    x = torch.randn(2, 3, 5, 6)
    wanted = nn.functional.conv2d(x, layers[0].weight, layers[0].bias, padding=1).div((1 + 1e-5) ** 0.5).relu()
    torch.testing.assert_close(layers(x), wanted)
    assert isinstance(conv_norm_relu(3, 4, 1, dict(type='GN', num_groups=2))[1], nn.GroupNorm)
    with pytest.raises(ValueError, match='must be odd, found 4'):
        conv_norm_relu(3, 4, 4)
