import pytest
import torch
import torch.nn.functional as F

from mmhsi.models import LevelPyramid, SpectralEnhancement, TokenPooling, TopDownFusion


def test_pyramid_scales():
    levels = [torch.randn(2, 6, 8, 8) for _ in range(5)]
    outputs = LevelPyramid(6, scales=(4, 2, 1, 0.5, 0.25))(levels)
    assert [tuple(o.shape[2:]) for o in outputs] == [(32, 32), (16, 16), (8, 8), (4, 4), (2, 2)]
    assert outputs[2] is levels[2]
    assert torch.equal(outputs[4], F.max_pool2d(levels[4], 4))


def test_enlarging_by_four_normalises_with_the_official_epsilon():
    level = 1e-3 * torch.randn(2, 6, 3, 5)  # a variance that the epsilon is not small beside
    neck = LevelPyramid(6, scales=(4,))
    first, _, _, second = neck.resamplings[0]
    torch.nn.init.zeros_(first.bias)
    x = F.conv_transpose2d(level, first.weight, stride=2)
    x = (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(1, unbiased=False, keepdim=True) + 1e-6)
    wanted = F.conv_transpose2d(F.gelu(x), second.weight, second.bias, stride=2)
    torch.testing.assert_close(neck([level])[0], wanted, rtol=1e-4, atol=1e-5)


def test_pyramid_reduces_and_sums():
    levels = [torch.randn(2, 6, 4, 4) for _ in range(3)]
    neck = LevelPyramid(6, scales=(1, 1, 1), out_channels=5, sum_levels=True)
    (output,) = neck(levels)
    summed = sum(F.conv2d(level, conv.weight) for level, conv in zip(levels, neck.reductions, strict=True))
    torch.testing.assert_close(output, F.conv2d(summed, neck.mixing.weight))


def test_pyramid_names_wrong_levels_and_scales():
    with pytest.raises(ValueError, match='built for 4 levels, the backbone gives 2'):
        LevelPyramid(6)([torch.randn(1, 6, 2, 2)] * 2)
    with pytest.raises(ValueError, match='found 3'):
        LevelPyramid(6, scales=(3,))


def gate_by_hand(gate, vector):
    return 1 + torch.sigmoid(torch.relu(vector @ gate[0].weight.T) @ gate[2].weight.T)[:, :, None, None]


@pytest.fixture
def features():
    torch.manual_seed(0)
    spatial = tuple(torch.randn(2, 8, 4, 4) for _ in range(4))
    return spatial, (torch.randn(2, 9, 8), torch.randn(2, 9, 8))


def vector_by_hand(neck, spectral):
    return sum(t @ layer.weight.T for t, layer in zip(spectral, neck.spectral_reductions, strict=True)).mean(-1)


def test_reduction_then_one_gate_per_level(features):
    spatial, spectral = features
    neck = SpectralEnhancement(8, num_tokens=9, num_spectral_levels=2, mid_channels=7, out_channels=6)
    vector = vector_by_hand(neck, spectral)
    for output, level, conv, gate in zip(neck(features), spatial, neck.pyramid.reductions, neck.gates, strict=True):
        torch.testing.assert_close(output, gate_by_hand(gate, vector) * F.conv2d(level, conv.weight))


def test_gate_then_reduction(features):
    spatial, spectral = features
    neck = SpectralEnhancement(8, num_tokens=9, out_channels=6, gate_first=True)
    vector = vector_by_hand(neck, spectral[:1])
    for output, level, conv, gate in zip(
        neck((spatial, spectral[:1])), spatial, neck.pyramid.reductions, neck.gates, strict=True
    ):
        torch.testing.assert_close(output, F.conv2d(gate_by_hand(gate, vector) * level, conv.weight))


def test_a_shared_gate_on_unreduced_levels(features):
    spatial, spectral = features
    neck = SpectralEnhancement(8, num_tokens=9, out_channels=None, shared_gate=True)
    assert len(neck.gates) == 1
    weight = gate_by_hand(neck.gates[0], vector_by_hand(neck, spectral[:1]))
    for output, level in zip(neck((spatial, spectral[:1])), spatial, strict=True):
        torch.testing.assert_close(output, weight * level)


def test_summed_levels_have_one_gate(features):
    spatial, spectral = features
    neck = SpectralEnhancement(8, num_tokens=9, out_channels=6, sum_levels=True)
    (output,) = neck((spatial, spectral[:1]))
    weight = gate_by_hand(neck.gates[0], vector_by_hand(neck, spectral[:1]))
    torch.testing.assert_close(output, weight * neck.pyramid(spatial)[0])


def test_refinements_stand_before_the_gate(features):
    spatial, spectral = features
    refinement = dict(type='mmhsi.RefinementTransformer', num_heads=2, num_layers=2)
    neck = SpectralEnhancement(
        8,
        num_tokens=9,
        spectral_channels=12,
        out_channels=None,
        scales=(1,),
        spatial_refinement=dict(refinement, embed_dims=5, in_channels=8),
        spectral_refinement=dict(refinement, embed_dims=12),
    ).eval()
    (output,) = neck((spatial[-1:], spectral[:1]))
    tokens = neck.spectral_refinement(spectral[0] @ neck.spectral_reductions[0].weight.T)
    wanted = gate_by_hand(neck.gates[0], tokens.mean(-1)) * neck.spatial_refinement(spatial[-1])
    torch.testing.assert_close(output, wanted)


def test_wrong_spectral_levels_are_named(features):
    with pytest.raises(ValueError, match='built for 1 spectral levels, the backbone gives 2'):
        SpectralEnhancement(8, num_tokens=9)(features)


def test_top_down_fusion_by_hand():
    torch.manual_seed(0)
    levels = [torch.randn(2, 6, 8, 9), torch.randn(2, 4, 4, 4), torch.randn(2, 5, 4, 4), torch.randn(2, 6, 1, 2)]
    neck = TopDownFusion((6, 4, 5, 6), out_channels=3).eval()
    for lateral in neck.laterals:
        torch.nn.init.normal_(lateral[1].running_mean)
    wanted = []
    for lateral, level in zip(neck.laterals, levels, strict=True):
        mixed = torch.einsum('oc,bchw->bohw', lateral[0].weight[:, :, 0, 0], level)
        mean = lateral[1].running_mean
        wanted.append((mixed + (lateral[0].bias - mean)[:, None, None]).div((1 + 1e-5) ** 0.5).relu())
    for i in (2, 1, 0):
        wanted[i] = wanted[i] + F.interpolate(wanted[i + 1], wanted[i].shape[2:], mode='bilinear', align_corners=False)
    for found, level in zip(neck(levels), wanted, strict=True):
        torch.testing.assert_close(found, level)


def test_the_finest_level_gives_every_parameter_of_top_down_fusion_a_gradient():
    neck = TopDownFusion((6, 4), out_channels=3)
    neck([torch.randn(2, 6, 4, 4), torch.randn(2, 4, 2, 2)])[0].square().sum().backward()
    assert all(p.grad.any() for name, p in neck.named_parameters() if not name.endswith('0.bias'))
    with pytest.raises(ValueError, match='built for 2 levels, the backbone gives 1'):
        neck([torch.randn(2, 6, 4, 4)])


@pytest.mark.parametrize('fusion', ['sum', 'concat', 'none'])
def test_other_ways_to_join_the_branches(features, fusion):
    spatial, spectral = features
    neck = SpectralEnhancement(8, num_tokens=9, out_channels=6, fusion=fusion)
    vector = vector_by_hand(neck, spectral[:1])
    levels = neck.pyramid(spatial)
    for number, (output, level) in enumerate(zip(neck((spatial, spectral[:1])), levels, strict=True)):
        if fusion == 'none':
            assert torch.equal(output, level)
            continue
        linears = [m.weight for m in neck.gates[number].modules() if isinstance(m, torch.nn.Linear)]
        numbers = ((vector @ linears[0].T).relu() @ linears[1].T)[:, :, None, None]
        wanted = level + numbers
        if fusion == 'concat':
            mixing = neck.gates[number].mixing
            weight, added = mixing.weight[:, :, 0, 0], numbers.expand_as(level)
            wanted = torch.einsum('oc,bchw->bohw', weight, torch.cat([level, added], 1)) + mixing.bias[:, None, None]
        torch.testing.assert_close(output, wanted)


def test_an_unknown_way_to_join_the_branches_is_named():
    with pytest.raises(ValueError, match=r"fusion must be one of \['sem', 'sum', 'concat', 'none'\], found 'mean'"):
        SpectralEnhancement(8, num_tokens=9, fusion='mean')


def test_tokens_are_pooled_to_a_map_of_one_pixel(features):
    _, spectral = features
    pooled = TokenPooling(8, num_levels=2)(spectral)
    for found, tokens in zip(pooled, spectral, strict=True):
        torch.testing.assert_close(found[:, :, 0, 0], tokens.mean(1))
    neck = TokenPooling(8, out_channels=3, num_levels=2)
    torch.testing.assert_close(neck(spectral)[1][:, :, 0, 0], spectral[1].mean(1) @ neck.reductions[1].weight.T)
    with pytest.raises(ValueError, match='built for 1 levels, the backbone gives 2'):
        TokenPooling(8)(spectral)
