"""Names of the official models of unmixing, denoising and super-resolution."""

import pytest
import torch
from narrow_low_level import NAMES, narrow_low_level
from narrow_models import build

from mmhsi.utils import convert_hypersigma_state_dict
from mmhsi.weights.convert_back import names_in_mmhsi, revert_hypersigma_state_dict
from mmhsi.weights.official_classes import short_kinds
from mmhsi.weights.official_layout import official_vocabulary

KINDS = {name.replace('-base_', '-'): name for name in NAMES}
PREFIXES = ('', 'encoder.', 'spat_encoder.', 'spec_encoder.', 'adapter.', 'adapter_spec.')

SPATIAL = 'generator.neck.refinement.'
HYPER = 'generator.neck.spatial_refinement.'
EXPECTED = {
    'spatsigma-hiu': {
        'encoder.patch_embed.proj.weight': 'backbone.patch_embed.projection.weight',
        'encoder.norm.bias': None,
        'conv_features2.weight': 'neck.reductions.1.weight',
        'conv4.0.weight': 'head.branches.0.0.weight',
        'conv1.2.running_var': 'head.branches.3.2.running_var',
        'conv5.2.bias': 'head.projection.2.bias',
        'smooth.bias': 'head.smooth.0.bias',
        'decoder.decoder.weight': 'decoder.conv.weight',
    },
    'hypersigma-hiu': {
        'spec_encoder.l4.weight': 'neck.spectral_reductions.0.weight',
        'spec_encoder.l1.weight': None,
        'fc_spec2.0.weight': 'neck.gates.1.0.weight',
        'conv_features4.weight': 'neck.pyramid.reductions.3.weight',
        'smooth.4.weight': 'head.smooth.4.weight',
        'conv2_.0.weight': None,
        'conv4_.2.num_batches_tracked': None,
    },
    'spatsigma-hid': {
        'pos_embed': 'generator.backbone.pos_embed',
        'pos_embed_add': f'{SPATIAL}pos_embed',
        'patch_embed_add.proj.bias': f'{SPATIAL}patch_embed.bias',
        'up1.weight': 'generator.neck.resamplings.0.0.weight',
        'blocks_add.3.attn.qkv.weight': f'{SPATIAL}blocks.3.attn.qkv.weight',
        'conv2_reconstruct.weight': 'generator.head.reduction.1.weight',
        'conv_head.bias': None,
    },
    'hypersigma-hid': {
        'spat_encoder.up1.bias': 'generator.neck.pyramid.resamplings.0.0.bias',
        'spat_encoder.conv_tail.weight': None,
        'spat_encoder.pos_embed_add': None,
        'spat_encoder.blocks_add.0.norm1.bias': None,
        'adapter.blocks_add.0.norm1.bias': f'{HYPER}blocks.0.norm1.bias',
        'adapter.up1.weight': None,
        'adapter.pos_embed': None,
        'adapter.conv2_reconstruct.bias': None,
        'adapter_spec.blocks.1.mlp.fc1.bias': 'generator.neck.spectral_refinement.blocks.1.mlp.fc1.bias',
        'adapter_spec.conv_q.0.weight': None,
        'fc_spec.2.weight': 'generator.neck.gates.0.2.weight',
        'conv3_reconstruct.bias': 'generator.head.fusion.bias',
        'conv_tail.bias': 'generator.head.tail.bias',
    },
    'spatsigma-hsr': {
        'up1.weight': None,
        'upsample.4.bias': 'generator.head.upsample.4.bias',
        'skip_conv.weight': 'generator.head.skip.weight',
    },
    'hypersigma-hsr': {
        'spat_encoder.up1.bias': None,
        'adapter.patch_embed_add.proj.weight': f'{HYPER}patch_embed.weight',
        'spec_encoder.spat_map.bias': 'generator.backbone.spectral.spat_map.projection.bias',
        'module.upsample.0.weight': 'generator.head.upsample.0.weight',
    },
}


@pytest.mark.parametrize('kind', EXPECTED)
def test_names(kind):
    assert kind in short_kinds()
    for official, ours in EXPECTED[kind].items():
        assert list(convert_hypersigma_state_dict({official: torch.zeros(1)}, kind)) == ([] if ours is None else [ours])
    with pytest.raises(ValueError, match=f"1 keys are not known for '{kind}': surprise"):
        convert_hypersigma_state_dict({'surprise': torch.zeros(1)}, kind)


@pytest.mark.parametrize('kind', KINDS)
def test_models_go_there_and_back_bit_by_bit(kind):
    cfg = narrow_low_level(KINDS[kind])
    if not kind.endswith('hiu'):
        cfg = dict(type='RestorationNet', **{name: cfg.generator[name] for name in ('backbone', 'neck', 'head')})
    generator = torch.Generator().manual_seed(3)
    prefix = '' if kind.endswith('hiu') else 'generator.'
    ours = {
        f'{prefix}{name}': torch.randn(value.shape, generator=generator)
        for name, value in build(cfg).state_dict().items()
        if name not in ('decoder.scale', 'even_light')
    }
    official = revert_hypersigma_state_dict(ours, kind)
    assert len(official) == len(ours) and not any(
        name.startswith(('backbone', 'neck', 'head', 'generator')) for name in official
    )
    back = convert_hypersigma_state_dict(official, kind)
    assert set(back) == set(ours) and all(torch.equal(back[name], value) for name, value in ours.items())


@pytest.mark.parametrize('kind', [kind for kind in KINDS if kind.endswith('hiu')])
def test_the_scale_of_the_decoder_goes_into_its_weights(kind):
    state = {'decoder.conv.weight': torch.rand(5, 3, 1, 1), 'decoder.scale': torch.tensor(4000.0)}
    official = revert_hypersigma_state_dict(state, kind)
    assert list(official) == ['decoder.decoder.0.weight'] or list(official) == ['decoder.decoder.weight']
    torch.testing.assert_close(next(iter(official.values())), 4000 * state['decoder.conv.weight'])


@pytest.mark.parametrize('kind', KINDS)
def test_no_two_official_names_become_one(kind):
    inside, outside = official_vocabulary(2)
    official = [*outside, *(prefix + name for prefix in PREFIXES for name in inside)]
    ours = [name for name in names_in_mmhsi(official, kind)[0].values() if name is not None]
    assert len(ours) == len(set(ours)) > 0
