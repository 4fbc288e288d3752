import pytest
import torch
import torch.nn.functional as F

from mmhsi.models import HyperSIGMA, SpatViT, SpecViT

ARCH = dict(embed_dims=16, num_layers=4, num_heads=4, full_attn_interval=3, out_indices=(0, 1, 3))

# Encoder parameters of the pre-training models, which have full attention in every block (reference, section 1).
REFERENCE_PARAMETERS = {
    'base': (90_021_120, 88_279_296),
    'large': (308_931_584, 306_609_152),
    'huge': (637_955_840, 635_052_800),
}


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize('arch', REFERENCE_PARAMETERS)
def test_parameter_counts(arch):
    """The reference counts a final norm of 2 E parameters that it never applies downstream; it is not built here."""
    with torch.device('meta'):
        spatial, spectral = SpatViT(arch, full_attn_interval=1), SpecViT(arch, full_attn_interval=1)
    norm = 2 * spatial.embed_dims
    assert (count(spatial) + norm, count(spectral) + norm) == REFERENCE_PARAMETERS[arch]


@pytest.mark.parametrize(
    'arch, full_blocks', [('base', [2, 5, 8, 11]), ('large', [5, 11, 17, 23]), ('huge', [7, 15, 23, 31])]
)
def test_full_attention_blocks(arch, full_blocks):
    with torch.device('meta'):
        blocks = SpatViT(arch).blocks
    assert [i for i, b in enumerate(blocks) if type(b.attn).__name__ == 'FullAttention'] == full_blocks


def test_spatial_features_are_maps_shallow_to_deep():
    model = SpatViT(ARCH, img_size=(17, 12), patch_size=4, in_channels=5).eval()
    x = torch.randn(2, 5, 17, 12)
    features = model(x)
    assert [tuple(f.shape) for f in features] == [(2, 16, 4, 3)] * 3
    torch.testing.assert_close(features[2], SpatViTView(model, (3,))(x)[0])


class SpatViTView:
    """The same network asked for other outputs."""

    def __init__(self, model, out_indices):
        self.model, self.out_indices = model, out_indices

    def __call__(self, x):
        kept, self.model.out_indices = self.model.out_indices, self.out_indices
        try:
            return self.model(x)
        finally:
            self.model.out_indices = kept


def test_rows_that_fill_no_patch_are_dropped():
    model = SpatViT(ARCH, img_size=9, patch_size=4, in_channels=3).eval()
    x = torch.randn(1, 3, 9, 9)
    changed = x.clone()
    changed[:, :, 8] += 5
    changed[:, :, :, 8] -= 5
    torch.testing.assert_close(model(x)[-1], model(changed)[-1])


def test_blocks_behind_the_last_output_are_not_built():
    assert len(SpecViT(ARCH, out_indices=(1,)).blocks) == 2


def test_another_size_interpolates_the_positions():
    model = SpatViT(ARCH, img_size=8, patch_size=2, in_channels=3)
    assert model(torch.randn(1, 3, 12, 10))[0].shape == (1, 16, 6, 5)


@pytest.mark.parametrize('bands', [7, 16, 40])
def test_spectral_tokens_average_their_bands(bands):
    model = SpecViT(ARCH, img_size=(3, 4), num_tokens=16)
    x = torch.randn(2, bands, 3, 4)
    tokens = model.spat_map(x)
    pooled = torch.stack(
        [x[:, t * bands // 16 : -(-(t + 1) * bands // 16)].mean(1).flatten(1) for t in range(16)], dim=1
    )
    wanted = F.linear(pooled, model.spat_map.projection.weight, model.spat_map.projection.bias)
    torch.testing.assert_close(tokens, wanted, rtol=1e-5, atol=1e-6)
    assert [tuple(f.shape) for f in model(x)] == [(2, 16, 16)] * 3


def test_wrong_inputs_are_named():
    with pytest.raises(ValueError, match='built for 5 bands, the input has 4'):
        SpatViT(ARCH, img_size=8, patch_size=2, in_channels=5)(torch.randn(1, 4, 8, 8))
    with pytest.raises(ValueError, match='built for 8x8 pixels, found 9x8'):
        SpecViT(ARCH, img_size=8, num_tokens=16)(torch.randn(1, 4, 9, 8))
    with pytest.raises(ValueError, match='ascending block numbers below 4'):
        SpatViT(ARCH, out_indices=(3, 1))
    with pytest.raises(ValueError, match="unknown arch 'gigantic'"):
        SpatViT('gigantic')
    with pytest.raises(ValueError, match='larger than img_size'):
        SpatViT(ARCH, img_size=4, patch_size=8)


def test_two_branches_and_their_layer_depths():
    model = HyperSIGMA(
        spatial=dict(type='mmhsi.SpatViT', arch=ARCH, img_size=8, patch_size=2, in_channels=5),
        spectral=dict(type='mmhsi.SpecViT', arch=ARCH, img_size=8, num_tokens=16, out_indices=(1,)),
    )
    spatial, spectral = model(torch.randn(2, 5, 8, 8))
    assert len(spatial) == 3 and len(spectral) == 1
    depth = {name: model.get_layer_depth('backbone.' + name, 'backbone.') for name, _ in model.named_parameters()}
    assert depth['spatial.patch_embed.projection.weight'] == (0, 6)
    assert depth['spectral.pos_embed'] == (0, 6)
    assert depth['spatial.blocks.3.mlp.fc1.weight'] == (4, 6)
    assert depth['spectral.blocks.1.attn.qkv.bias'] == (2, 6)
    assert depth['spectral.spat_map.projection.weight'] == (5, 6)
    assert model.get_layer_depth('head.fc.weight', 'backbone.') == (5, 6)


def test_every_parameter_gets_a_gradient():
    model = HyperSIGMA(
        spatial=dict(type='mmhsi.SpatViT', arch=ARCH, img_size=8, patch_size=2, in_channels=5),
        spectral=dict(type='mmhsi.SpecViT', arch=ARCH, img_size=8, num_tokens=16, out_indices=(1,)),
    )
    model.init_weights()
    spatial, spectral = model(torch.randn(2, 5, 8, 8))
    sum(f.square().sum() for f in (*spatial, *spectral)).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_bfloat16_is_close_to_float32():
    torch.manual_seed(0)
    model = SpatViT(ARCH, img_size=8, patch_size=2, in_channels=5).eval()
    model.init_weights()
    x = torch.randn(2, 5, 8, 8)
    with torch.autocast('cpu', torch.bfloat16):
        half = model(x)[-1]
    torch.testing.assert_close(half.float(), model(x)[-1], rtol=0.05, atol=0.02)
