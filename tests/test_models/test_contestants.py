"""Networks of other papers: the sizes that are quoted for them, and what their definitions say."""

import pytest
import torch
from mmpretrain.models import ResNet
from torch import nn
from torch.nn import functional as F

from mmhsi.models import (
    QRNN3D,
    SSFTT,
    A2S2KResNet,
    BitemporalTransformer,
    CNNAEUEncoder,
    DeepTransEncoder,
    EndmemberDecoder,
    MambaHSI,
    MCNet,
    SiameseBackbone,
    SmoothedSoftmaxHead,
    SoftmaxAbundanceHead,
    SpectralFormer,
)
from mmhsi.models.layers import Mamba, selective_scan


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def size(*modules):
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def assert_all_learn(network, *inputs):
    """Every parameter gets a gradient from a loss of the result."""
    result = network(*inputs)
    while isinstance(result, tuple):
        result = result[-1]
    (result * torch.randn_like(result)).sum().backward()
    idle = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert not idle
    return result


def test_ssftt_has_its_quoted_size_and_tokens():
    """148 488 parameters for Indian Pines by torchsummary, which does not count free ones: those of tokens are four."""
    network = SSFTT()
    free = [network.token_weights, network.token_values, network.class_token, network.positions]
    assert size(network) + size(nn.Linear(64, 16)) - sum(value.numel() for value in free) == 148_488
    x = torch.randn(3, 30, 13, 13)
    assert assert_all_learn(network, x).shape == (3, 64)
    network.eval()
    maps = network.spectral_spatial(x[:, None]).reshape(3, 8 * 28, 11, 11)
    features = network.spatial(maps)[1].reshape(64, 81)
    weights = (network.token_weights.T @ features).softmax(1)
    wanted = torch.stack([(weights[i] * (network.token_values.T @ features)).sum(1) for i in range(4)])
    torch.testing.assert_close(network.tokens(x)[1], wanted, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match='built for 30 bands and at least 5 x 5 pixels, the input has 30 bands and 4'):
        network(torch.zeros(1, 30, 4, 9))


def test_a2s2k_has_its_quoted_size():
    """370.7 thousand for Indian Pines, where one layer makes both inputs of the softmax; another one is here."""
    network = A2S2KResNet()
    second = size(network.selections[1])
    assert size(network) + size(nn.Linear(24, 16)) - second == pytest.approx(370_700, abs=200)
    small = A2S2KResNet(in_channels=21, channels=3, reduced_channels=4)
    assert assert_all_learn(small, torch.randn(5, 21, 9, 9)).shape == (5, 3)
    assert small(torch.randn(2, 21, 5, 7))[0].shape == (2, 3)


def test_kernels_of_a2s2k_are_weighed_by_a_softmax_over_their_two_sizes():
    network = A2S2KResNet(in_channels=21, channels=3, reduced_channels=4).eval()
    x = torch.randn(2, 21, 5, 5)
    one, three = (kernel(x[:, None]) for kernel in network.kernels)
    squeezed = network.squeeze((one + three).mean((2, 3, 4)))
    share = (network.selections[0](squeezed) - network.selections[1](squeezed)).sigmoid()[..., None, None, None]
    torch.testing.assert_close(network.select_kernels(x), share * one + (1 - share) * three)


def test_spectral_former_joins_bands_with_their_neighbours_and_layers_with_earlier_ones():
    network = SpectralFormer(in_channels=12, img_size=3, embed_dims=8, num_heads=2, head_dims=4).eval()
    x = torch.randn(2, 12, 3, 3)
    groups = network.groups(x)
    torch.testing.assert_close(groups[:, 4], torch.cat([x[:, 3], x[:, 4], x[:, 5]], 1).flatten(1))
    torch.testing.assert_close(groups[:, 0], torch.cat([x[:, 11], x[:, 0], x[:, 1]], 1).flatten(1))
    inputs = [torch.cat([network.class_token.expand(2, -1, -1), network.embedding(groups)], 1) + network.positions]
    tokens = inputs[0]
    for number, block in enumerate(network.blocks):
        if number:
            inputs.append(tokens)
        if number > 1:
            fusion = network.fusions[number - 2]
            pair = torch.stack([tokens, inputs[number - 2]])
            tokens = torch.einsum('oit,tbie->boe', fusion.weight[:, :, 0], pair) + fusion.bias[:, None]
        tokens = block(tokens)
    torch.testing.assert_close(network(x)[0], network.norm(tokens[:, 0]))
    assert_all_learn(network, x)


def test_bit_has_its_quoted_size():
    """3.55 million with a ResNet-18 without its last stage and two convolutions behind the difference."""
    encoder = ResNet(18, in_channels=3, num_stages=3, out_indices=(2,), strides=(1, 2, 1), dilations=(1, 1, 2))
    head = [nn.Conv2d(32, 32, 3, bias=False), nn.BatchNorm2d(32), nn.Conv2d(32, 2, 3)]
    assert size(encoder, BitemporalTransformer(256), *head) / 1e6 == pytest.approx(3.55, abs=0.06)


def test_the_dates_of_bit_see_each_others_tokens():
    interaction = dict(type='mmhsi.BitemporalTransformer', in_channels=6, embed_dims=8, decoder_depth=2)
    encoder = dict(type='Conv2d', in_channels=5, out_channels=6, kernel_size=3, padding=1)
    network = SiameseBackbone(encoder, interaction=interaction)
    plain = network.interaction
    first, second = torch.randn(2, 2, 6, 4, 5)
    changed = second.clone()
    changed[0, :, 0, 0] += 3
    (before,), _ = plain((first,), (second,))
    (after,), _ = plain((first,), (changed,))
    assert not torch.allclose(before[0], after[0]) and torch.equal(before[1], after[1])
    features = plain.reduction(first.repeat_interleave(2, 2).repeat_interleave(2, 3))
    weights = torch.einsum('te,behw->bthw', plain.token_weights.weight[:, :, 0, 0], features).flatten(2).softmax(2)
    torch.testing.assert_close(plain.tokens(features), torch.einsum('btn,ben->bte', weights, features.flatten(2)))
    (fused,) = network(torch.randn(2, 10, 4, 5))
    assert fused.shape == (2, 8, 8, 10) and (fused >= 0).all()
    same = torch.randn(1, 5, 4, 5)
    network.interaction.positions.data.zero_()  # else the dates are told apart
    torch.testing.assert_close(network(torch.cat([same, same], 1))[0], torch.zeros(1, 8, 8, 10), atol=1e-5, rtol=0)


def test_cnnaeu_has_two_convolutions_a_softmax_and_a_decoder_of_13_pixels():
    bands, endmembers = 20, 4
    parts = (
        CNNAEUEncoder(bands),
        SoftmaxAbundanceHead(num_endmembers=endmembers),
        EndmemberDecoder(endmembers, bands, 13),
    )
    wanted = (9 * bands * 48 + 48 + 2 * 48) + (48 * endmembers + endmembers + 2 * endmembers) + 169 * endmembers * bands
    assert size(*parts) == wanted
    encoder, head, decoder = (part.eval() for part in parts)
    x = torch.rand(2, bands, 9, 8)
    abundances = head(encoder(x), (9, 8))
    torch.testing.assert_close(abundances.sum(1), torch.ones(2, 9, 8))
    logits = head.block(encoder(x)[0])
    torch.testing.assert_close(abundances[:, 0] / abundances[:, 1], (3 * (logits[:, 0] - logits[:, 1])).exp())
    assert_all_learn(nn.Sequential(encoder, _At(head, (9, 8)), decoder), x)


class _At(nn.Module):
    def __init__(self, head, size):
        super().__init__()
        self.head, self.size = head, size

    def forward(self, levels):
        return self.head(levels, self.size)


def test_mcnet_has_its_quoted_size():
    """2.17 million at scale 4, where weight norm keeps a length for each map of a convolution."""
    assert size(MCNet(scale=4)) / 1e6 == pytest.approx(2.17, abs=0.02)
    network = MCNet(scale=2, channels=8, num_modules=2)
    x = torch.rand(2, 5, 4, 6)
    assert assert_all_learn(network, x).shape == (2, 5, 8, 12)
    assert network(torch.rand(1, 9, 4, 4)).shape == (1, 9, 8, 8)


def test_qrnn3d_has_its_quoted_size():
    assert size(QRNN3D()) / 1e6 == pytest.approx(0.86, abs=0.01)


def test_qrnn3d_pools_along_the_bands_in_alternating_directions():
    network = QRNN3D(channels=2, num_units=3, halving=(1,)).eval()
    x = torch.randn(1, 6, 4, 4)
    assert assert_all_learn(network, x).shape == x.shape
    unit, volume = network.encoder[0], torch.randn(1, 2, 6, 4, 4)
    candidate, gate = F.conv3d(unit.norm(volume), unit.conv.weight, padding=1).chunk(2, 1)
    keep, state, states = gate.sigmoid(), 0, []
    for band in reversed(range(6)):
        start = (1 - keep[:, :, band]) * candidate[:, :, band].tanh()
        state = start + (keep[:, :, band] * state if states else 0)
        states.insert(0, state)
    torch.testing.assert_close(unit(volume, backward=True), torch.stack(states, 2))
    # a unit whose first band changes passes that on forward only
    changed = volume.clone()
    changed[:, :, 5] += 1
    assert torch.equal(unit(volume)[:, :, :4], unit(changed)[:, :, :4])
    assert not torch.allclose(unit(volume, backward=True)[:, :, 0], unit(changed, backward=True)[:, :, 0])
    with pytest.raises(ValueError, match='must be multiples of 2, found 5 x 4'):
        network(torch.zeros(1, 6, 5, 4))


def test_the_selective_scan_is_the_recurrence_of_its_definition():
    step = torch.rand(2, 37, 3, dtype=torch.float64)
    x, into, out_of = (torch.randn(2, 37, width, dtype=torch.float64) for width in (3, 4, 4))
    rate = -torch.rand(3, 4, dtype=torch.float64)
    state, wanted = torch.zeros(2, 3, 4, dtype=torch.float64), []
    for t in range(37):
        kept = torch.exp(torch.einsum('bd,dn->bdn', step[:, t], rate))
        state = kept * state + torch.einsum('bd,bn->bdn', step[:, t] * x[:, t], into[:, t])
        wanted.append(torch.einsum('bdn,bn->bd', state, out_of[:, t]))
    for length in (1, 16, 17, 36, 37):  # in one go, and in chunks that are full or not
        parts = (part[:, :length] for part in (x, step))
        found = selective_scan(*parts, rate, into[:, :length], out_of[:, :length])
        torch.testing.assert_close(found, torch.stack(wanted[:length], 1))


def test_mamba_looks_back_only():
    network = Mamba(8)
    x = torch.randn(1, 30, 8)
    changed = x.clone()
    changed[:, 20] += 1
    before, after = network(x), network(changed)
    torch.testing.assert_close(before[:, :20], after[:, :20])
    assert not torch.allclose(before[:, 25], after[:, 25])
    assert_all_learn(network, x)


def mamba_size(width, states=16, kernel=4):
    """Layers one by one: both projections, convolution, selection, steps, rates and skip."""
    inner, rank = 2 * width, -(-width // 16)
    return (
        3 * inner * width
        + (kernel + 1) * inner
        + inner * (rank + 2 * states)
        + (rank + 1) * inner
        + inner * (states + 1)
    )


def test_mamba_hsi_has_the_size_of_its_definition():
    """For the 103 bands and 9 classes of Pavia University, with the width of 128 of its training script."""
    block = mamba_size(128) + mamba_size(32) + 2 * 2 * 128 + 2
    wanted = 103 * 128 + 3 * 128 + 3 * block + (128 + 3) * 128 + 129 * 9
    network = MambaHSI(103)
    assert size(network) + size(nn.Conv2d(128, 9, 1)) == wanted == 412_239
    small = MambaHSI(7, channels=8, num_blocks=2, num_tokens=3, num_groups=1, out_channels=5)  # the groups need padding
    x = torch.randn(2, 7, 9, 6)
    assert assert_all_learn(small, x).shape == (2, 5, 4, 3)
    torch.testing.assert_close(small(x)[0][1:], small(x[1:])[0])  # images do not see each other


def test_deep_trans_has_the_size_of_its_definition():
    """Samson: 156 bands, 3 endmembers, 95 x 95 pixels; without the norm that the paper's code builds and never uses."""
    width, patches = 600, 19**2
    convs = 157 * 128 + 2 * 128 + 129 * 64 + 2 * 64 + 65 * 24 + 2 * 24
    layer = 2 * width + 4 * width**2 + width + 2 * width + 2 * 12 * width + 12 + width
    wanted = convs + (patches + 2) * width + 2 * width + 2 * layer + 201 * 95**2
    assert size(DeepTransEncoder(156, 3, 95)) == wanted
    assert size(SmoothedSoftmaxHead(3)) == 27 * 3 + 3


def test_the_class_token_of_deep_trans_draws_a_map_for_each_endmember():
    encoder = DeepTransEncoder(6, 2, (4, 6), patch_size=2, dims=4, channels=(8, 8), num_heads=2).eval()
    x = torch.rand(3, 6, 4, 6)
    reduced = encoder.convs(x)
    assert torch.equal(encoder.patches(reduced)[1, 4], reduced[1, :, 2:, 2:4].permute(1, 2, 0).flatten())
    tokens = torch.cat([encoder.class_token.expand(3, -1, -1), encoder.patches(reduced)], 1) + encoder.positions
    for layer in encoder.layers:
        normed, attention = layer.norm1(tokens), layer.attention
        heads = nn.MultiheadAttention(8, 2, bias=False, batch_first=True)
        heads.in_proj_weight.data = torch.cat([attention.query.weight, attention.key.weight, attention.value.weight])
        heads.out_proj.weight.data = attention.proj.weight
        seen = heads(normed[:, :1], normed, normed)[0] + attention.proj.bias
        tokens = torch.cat([normed[:, :1] + seen, encoder.norm(tokens[:, 1:])], 1)
        tokens = tokens + layer.mlp(tokens)
    wanted = torch.stack([tokens[:, 0, :4], tokens[:, 0, 4:]], 1) @ encoder.upscale.weight.T + encoder.upscale.bias
    torch.testing.assert_close(encoder(x)[0].flatten(2), wanted)
    head = SmoothedSoftmaxHead(2)
    torch.testing.assert_close(head(encoder(x), (4, 6)).sum(1), torch.ones(3, 4, 6))
    assert_all_learn(nn.Sequential(encoder, _At(head, (4, 6))), x)
    with pytest.raises(ValueError, match='built for images of 4 x 6 pixels, found 4 x 4'):
        encoder(x[..., :4])
    with pytest.raises(
        ValueError, match='the 8 numbers of a token must be a multiple of their 4 pixels and of 3 heads'
    ):
        DeepTransEncoder(6, 2, 4, patch_size=2, dims=4, num_heads=3)
