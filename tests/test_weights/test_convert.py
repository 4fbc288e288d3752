import pytest
import torch

from mmhsi.models import LevelPyramid
from mmhsi.utils import convert_hypersigma_state_dict


def test_unknown_kind_and_keys_are_named():
    with pytest.raises(ValueError, match="unknown kind 'SomethingElse'"):
        convert_hypersigma_state_dict({}, 'SomethingElse')
    with pytest.raises(ValueError, match="1 keys are not known for 'spatsigma-cls': surprise.weight"):
        convert_hypersigma_state_dict({'surprise.weight': torch.zeros(1)}, 'spatsigma-cls')


def test_the_background_row_of_window_classifiers_is_dropped():
    state = {'classifier.4.weight': torch.arange(6.0).reshape(3, 2), 'classifier.4.bias': torch.arange(3.0)}
    converted = convert_hypersigma_state_dict(state, 'hypersigma-cls')
    assert converted['head.fc.weight'].tolist() == [[2, 3], [4, 5]]
    assert converted['head.fc.bias'].tolist() == [1, 2]
    kept = convert_hypersigma_state_dict(state, 'hypersigma-cls', drop_background=False)
    assert kept['head.fc.bias'].tolist() == [0, 1, 2]


def test_levels_are_renumbered_shallow_to_deep():
    state = {f'DR{k}.weight': torch.full((1, 1, 1, 1), float(k)) for k in range(1, 5)}
    converted = convert_hypersigma_state_dict(state, 'hypersigma-seg')
    assert [converted[f'neck.pyramid.reductions.{i}.weight'].item() for i in range(4)] == [4, 3, 2, 1]


def test_unused_parameters_and_the_module_prefix_are_dropped():
    state = {'module.norm.weight': torch.ones(2), 'module.pos_embed': torch.zeros(1, 4, 2)}
    assert list(convert_hypersigma_state_dict(state, 'spatsigma-seg')) == ['backbone.pos_embed']


@pytest.mark.parametrize(
    'scales, official',
    [
        ((4, 2, 1, 0.5), ['fpn1.0', 'fpn1.1.ln', 'fpn1.3', 'fpn2.0']),  # patch 16
        ((2, 1, 0.5, 0.25), ['fpn1.0']),  # patch 1 or 2
    ],
)
def test_pyramids_of_all_patch_sizes_are_converted(scales, official):
    state = {f'{name}.{kind}': torch.zeros(1) for name in official for kind in ('weight', 'bias')}
    converted = convert_hypersigma_state_dict(state, 'ImageClassification/model/SpatViT_fusion_patch.py:SpatViT')
    assert set(converted) == {f'neck.{name}' for name in LevelPyramid(4, scales).state_dict()}


@pytest.mark.parametrize('last', [4, 6])  # window 5, window 15
def test_the_classes_of_window_change_detection_are_unchanged_then_changed(last):
    state = {
        'BCD_classifier.0.weight': torch.arange(4.0).repeat_interleave(2).reshape(1, 8, 1, 1).repeat(3, 1, 3, 3),
        f'BCD_classifier.{last}.weight': torch.tensor([[1.0], [0.0]]).reshape(2, 1, 1, 1),
        f'BCD_classifier.{last}.bias': torch.tensor([1.0, 0.0]),
    }
    for kind in ('spatsigma-hcd', 'hypersigma-hcd'):
        converted = convert_hypersigma_state_dict(state, kind)
        assert converted[f'head.classifier.{last}.weight'].flatten().tolist() == [0, 1]
        assert converted[f'head.classifier.{last}.bias'].tolist() == [0, 1]
        # the levels are concatenated shallow to deep
        first = converted['head.classifier.0.weight']
        assert first.shape == (3, 8, 3, 3) and first[0, :, 1, 1].tolist() == [3, 3, 2, 2, 1, 1, 0, 0]


def test_blocks_of_window_change_detection_run_shallow_to_deep():
    state = {
        f'conv{k}.double_conv.{layer}': torch.full((1,), float(k))
        for k in range(1, 5)
        for layer in ('0.bias', '1.running_mean', '4.weight')
    }
    converted = convert_hypersigma_state_dict(state, 'spatsigma-hcd')
    for layer in ('0.bias', '1.running_mean', '4.weight'):
        assert [converted[f'head.blocks.{i}.{layer}'].item() for i in range(4)] == [4, 3, 2, 1]


def test_pairs_share_an_encoder_below_the_siamese_backbone():
    names = {
        'spat_encoder.blocks.0.norm1.weight': 'backbone.encoder.spatial.blocks.0.norm1.weight',
        'spec_encoder.spat_map.bias': 'backbone.encoder.spectral.spat_map.projection.bias',
        'spec_encoder.l1.weight': 'backbone.neck.spectral_reductions.0.weight',
    }
    hcd = {
        **names,
        'conv_features2.weight': 'backbone.neck.pyramid.reductions.1.weight',
        'fc_spec4.2.weight': 'backbone.neck.gates.3.2.weight',
        'spec_encoder.l3.weight': 'backbone.neck.spectral_reductions.2.weight',
    }
    mscd = {
        **names,
        'dim_red.weight': 'backbone.projection.weight',
        'fc_spec.0.weight': 'backbone.neck.gates.0.0.weight',
        'spat_encoder.fpn1.0.bias': 'backbone.neck.pyramid.resamplings.0.0.bias',
        'fuse_layer_1.1.running_var': 'neck.laterals.0.1.running_var',
        'main_clf_1.bias': 'decode_head.conv_seg.bias',
        'spec_encoder.l2.weight': None,
        'smooth_layer_2.bias': None,
        'conv_features.weight': None,
    }
    spatial = {
        'encoder.patch_embed.proj.weight': 'backbone.encoder.patch_embed.projection.weight',
        'conv_features4.weight': 'backbone.neck.reductions.3.weight',
        'encoder.norm.bias': None,
    }
    for kind, wanted in (('hypersigma-hcd', hcd), ('hypersigma-mscd', mscd), ('spatsigma-hcd', spatial)):
        for official, ours in wanted.items():
            converted = convert_hypersigma_state_dict({official: torch.zeros(4, 4)}, kind)
            assert list(converted) == ([] if ours is None else [ours])


def test_target_branch_and_reductions_of_detection():
    layers = {
        'conv_ts.0.weight': torch.ones(3, 5),
        'conv_ts.1.bias': torch.ones(3),
        'conv_ts.3.weight': torch.ones(3, 3),
    }
    places = {'spatsigma-htd': ('neck', 'encoder'), 'hypersigma-htd': ('neck.pyramid', 'spat_encoder')}
    for kind, (neck, encoder) in places.items():
        state = {
            **layers,
            'conv_features.weight': torch.ones(3, 3, 1, 1),
            f'{encoder}.fpn2.weight': torch.ones(3, 4, 1, 1),
        }
        converted = convert_hypersigma_state_dict(state, kind)
        assert converted['decode_head.target_branch.0.weight'].shape == (3, 5)
        assert set(converted) == {
            *(name.replace('conv_ts', 'decode_head.target_branch') for name in layers),
            f'{neck}.mixing.weight',
            f'{neck}.reductions.1.weight',
        }
