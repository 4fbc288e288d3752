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
    state = {'classifier.4.weight': torch.arange(6.).reshape(3, 2), 'classifier.4.bias': torch.arange(3.)}
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


@pytest.mark.parametrize('scales, official', [
    ((4, 2, 1, 0.5), ['fpn1.0', 'fpn1.1.ln', 'fpn1.3', 'fpn2.0']),  # patch 16
    ((2, 1, 0.5, 0.25), ['fpn1.0']),  # patch 1 or 2
])
def test_pyramids_of_all_patch_sizes_are_converted(scales, official):
    state = {f'{name}.{kind}': torch.zeros(1) for name in official for kind in ('weight', 'bias')}
    converted = convert_hypersigma_state_dict(state, 'ImageClassification/model/SpatViT_fusion_patch.py:SpatViT')
    assert set(converted) == {f'neck.{name}' for name in LevelPyramid(4, scales).state_dict()}
