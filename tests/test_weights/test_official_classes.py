"""The official classes that the converter knows."""

import pytest
import torch

from mmhsi.utils import convert_hypersigma_state_dict
from mmhsi.weights.convert import normalise_kind
from mmhsi.weights.convert_kinds import KINDS
from mmhsi.weights.official_classes import ALIASES, short_kinds

ENCODERS = {
    'patch_embed.proj.weight': [
        'ImageClassification/model/SpatViT_fusion.py:SpatViT',
        'ImageClassification/model/SpatViT_fusion_patch.py:SpatViT',
        'ImageClassification/model/SpatViT_seg.py:SpatViT',
        'ImageClassification/model/SpatViT_cls.py:SpatViT',
        'ChangeDetection/models/SpatVit.py:SpatViT',
        'HyperspectralUnmixing/models/SpatVit.py:SpatViT',
        'HyperspectralDetection/Anomaly_Detection/models/SpatViT.py:SpatialVisionTransformer',
        'HyperspectralDetection/Target_Detection/models/SpatViT.py:SpatialVisionTransformer',
        'MultispectralCD/deep_networks/SpatViT.py:ALter_SpatViT',
        'MultispectralCD/deep_networks/SpatViT.py:SpatViT',
        'ImageDenoising/models/hypersigma/Spatial.py:SpatialVisionTransformer',
        'ImageSuperResolution/models/HyperSIGMA/Spatial.py:SpatialVisionTransformer',
    ],
    'spat_map.weight': [
        'ImageClassification/model/SpecViT_fusion.py:SpectralVisionTransformer',
        'ChangeDetection/models/SpecVit.py:SpecViT',
        'HyperspectralUnmixing/models/SpecVit.py:SpecViT',
        'HyperspectralDetection/Anomaly_Detection/models/SpecViT.py:SpectralVisionTransformer',
        'HyperspectralDetection/Target_Detection/models/SpecViT.py:SpectralVisionTransformer',
        'MultispectralCD/deep_networks/SpecViT_new.py:altered_SpecViT_0428',
        'ImageDenoising/models/hypersigma/Spectral.py:SpectralVisionTransformer',
        'ImageSuperResolution/models/HyperSIGMA/Spectral.py:SpectralVisionTransformer',
    ],
}
OURS = {
    'patch_embed.proj.weight': 'backbone.patch_embed.projection.weight',
    'spat_map.weight': 'backbone.spat_map.projection.weight',
}


@pytest.mark.parametrize('embedding, kind', [(name, kind) for name, kinds in ENCODERS.items() for kind in kinds])
@pytest.mark.parametrize('method', ['', '.init_weights', '.forward_features', '.anything'])
def test_every_encoder_is_known(embedding, kind, method):
    names = {
        embedding: OURS[embedding],
        'blocks.1.attn.qkv.bias': 'backbone.blocks.1.attn.qkv.bias',
        'norm.weight': None,
    }
    for official, ours in names.items():
        converted = convert_hypersigma_state_dict({official: torch.zeros(2, 2)}, kind.replace(':', ': ') + method)
        assert list(converted) == ([] if ours is None else [ours])


def test_the_enlargement_of_the_denoising_encoder_is_kept_where_it_is_called():
    state = {name: torch.zeros(1) for name in ('up1.bias', 'conv1_reconstruct.weight', 'blocks_add.0.norm1.bias')}
    denoising, other = ENCODERS['patch_embed.proj.weight'][-2:]
    assert list(convert_hypersigma_state_dict(state, denoising)) == ['neck.resamplings.0.0.bias']
    assert not convert_hypersigma_state_dict(state, other)


@pytest.mark.parametrize(
    'file',
    [
        'ImageClassification/model/SpatViT_cls.py',
        'HyperspectralUnmixing/models/SpecVit.py',
        'ImageDenoising/models/spatsigma.py',
        'ImageSuperResolution/models/HyperSIGMA/Spatial_route.py',
        'MultispectralCD/deep_networks/SpatViT.py',
        'Pretrain/models_mae_Spat.py',
    ],
)
def test_the_layers_of_every_file_are_known(file):
    assert list(convert_hypersigma_state_dict({'qkv.weight': torch.zeros(1)}, f'{file}:Attention')) == ['qkv.weight']
    assert list(convert_hypersigma_state_dict({'ln.bias': torch.zeros(1)}, f'{file}:Norm2d')) == ['bias']


def test_copies_and_short_names_lead_to_a_kind():
    assert set(ALIASES.values()) <= set(KINDS) and not set(ALIASES) & set(KINDS)
    assert {normalise_kind(name) for name in short_kinds()} <= set(KINDS)
    assert len(short_kinds()) == 19
