"""Tests of the conversion to official names: it undoes the conversion from them."""

import pytest
import torch
from narrow_models import build, narrow_model
from official_checkpoints import hollow_state, tiny_state

from mmhsi.utils import convert_hypersigma_state_dict
from mmhsi.weights.convert_back import names_in_mmhsi, official_names, revert_hypersigma_state_dict
from mmhsi.weights.official_layout import official_vocabulary

E, LEVELS = 8, range(1, 5)


def random_state(shapes):
    generator = torch.Generator().manual_seed(3)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def encoder_shapes(prefix, embedding):
    shapes = {'pos_embed': (1, 9, E), **embedding}
    for i in range(2):
        for name, rows, columns in (
            ('attn.qkv', 3 * E, E),
            ('attn.proj', E, E),
            ('attn.sampling_offsets', 16, E),
            ('mlp.fc1', 4 * E, E),
            ('mlp.fc2', E, 4 * E),
        ):
            shapes.update({f'blocks.{i}.{name}.weight': (rows, columns), f'blocks.{i}.{name}.bias': (rows,)})
        for name in ('norm1', 'norm2'):
            shapes.update({f'blocks.{i}.{name}.weight': (E,), f'blocks.{i}.{name}.bias': (E,)})
    return {prefix + name: shape for name, shape in shapes.items()}


def linear(name, rows, *columns):
    return {f'{name}.weight': (rows, *columns), f'{name}.bias': (rows,)}


SPATIAL = linear('patch_embed.proj', E, 5, 2, 2)
PYRAMID = linear('fpn1.0', E, E, 2, 2)
BRANCHES = {
    **encoder_shapes('spat_encoder.', {**SPATIAL, **PYRAMID}),
    **encoder_shapes('spec_encoder.', {**linear('spat_map', E, 16), 'l1.weight': (6, E)}),
    **{f'DR{k}.weight': (4, E, 1, 1) for k in LEVELS},
    **{f'fc_spec{k}.0.weight': (5, 9) for k in LEVELS},
    **{f'fc_spec{k}.2.weight': (4, 5) for k in LEVELS},
}
CLASSIFICATION = {
    'spatsigma-cls': {
        **encoder_shapes('', SPATIAL),
        **linear('classifier.0', 12, 4 * E),
        **linear('classifier.1', 6, 12),
        **linear('classifier.2', 3, 6),
    },
    'spatsigma-seg': {
        **encoder_shapes('', {**SPATIAL, **PYRAMID}),
        **linear('classifier.0', 12, 4 * E),
        **linear('classifier.1', 6, 12),
        **linear('classifier.2', 3, 6),
    },
    'hypersigma-cls': {
        **BRANCHES,
        **linear('classifier.0', 7, 16),
        **linear('classifier.2', 5, 7),
        **linear('classifier.4', 3, 5),
    },
    'hypersigma-seg': {**BRANCHES, **linear('conv', 4, 16, 1, 1), **linear('cls', 3, 4, 1, 1)},
}


# the published code has no spatial model of multispectral change detection
TASK_KINDS = [
    'hypersigma-htd',
    'spatsigma-htd',
    'hypersigma-had',
    'spatsigma-had',
    'hypersigma-hcd',
    'spatsigma-hcd',
    'hypersigma-mscd',
]


def assert_same(found, wanted):
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        assert found[name].shape == value.shape and torch.equal(found[name], value), name


@pytest.mark.parametrize('size', ['base', 'large', 'huge'])
@pytest.mark.parametrize('kind', ['spat-mae', 'spec-mae'])
def test_published_pretraining_files_come_back(kind, size):
    official = hollow_state(kind, size)
    converted = convert_hypersigma_state_dict(official, kind)
    assert len(converted) == len(official)
    assert_same(revert_hypersigma_state_dict(converted, kind), official)


@pytest.mark.parametrize('kind', ['spat-mae', 'spec-mae'])
def test_pretraining_files_come_back_bit_by_bit(kind):
    official = tiny_state(kind)
    converted = convert_hypersigma_state_dict(official, kind)
    assert 'backbone.blocks.2.mlp.fc2.bias' in converted and 'neck.decoder_pred.weight' in converted
    assert_same(revert_hypersigma_state_dict(converted, kind), official)


@pytest.mark.parametrize('kind', CLASSIFICATION)
def test_classification_files_come_back_bit_by_bit(kind):
    official = random_state(CLASSIFICATION[kind])
    converted = convert_hypersigma_state_dict(official, kind, drop_background=False)
    assert len(converted) == len(official)
    assert_same(revert_hypersigma_state_dict(converted, kind, add_background=False), official)


@pytest.mark.parametrize('kind', TASK_KINDS)
def test_models_of_detection_and_change_go_there_and_back_bit_by_bit(kind):
    model = build(narrow_model(kind.replace('-', '-base_')))
    ours = random_state({name: tuple(value.shape) for name, value in model.state_dict().items()})
    official = revert_hypersigma_state_dict(ours, kind)
    assert len(official) == len(ours)
    assert not any(name.startswith(('backbone', 'neck', 'head', 'decode_head')) for name in official)
    assert_same(convert_hypersigma_state_dict(official, kind), ours)


def test_the_background_comes_back_as_a_class_that_never_wins():
    official = random_state(CLASSIFICATION['hypersigma-cls'])
    reverted = revert_hypersigma_state_dict(convert_hypersigma_state_dict(official, 'hypersigma-cls'), 'hypersigma-cls')
    weight, bias = reverted['classifier.4.weight'], reverted['classifier.4.bias']
    assert torch.equal(weight[1:], official['classifier.4.weight'][1:])
    assert torch.equal(bias[1:], official['classifier.4.bias'][1:])
    logits = torch.randn(50, 5, generator=torch.Generator().manual_seed(0)) @ weight.T + bias
    assert not (logits.argmax(1) == 0).any()


def test_what_the_conversion_leaves_out_does_not_come_back():
    official = random_state({**CLASSIFICATION['spatsigma-cls'], 'norm.weight': (E,), 'norm.bias': (E,)})
    reverted = revert_hypersigma_state_dict(convert_hypersigma_state_dict(official, 'spatsigma-cls'), 'spatsigma-cls')
    assert set(official) - set(reverted) == {'norm.weight', 'norm.bias'}


def test_names_without_an_official_one_are_told():
    names, unknown = official_names(['backbone.pos_embed', 'head.surprise'], 'spat-mae')
    assert names == {'backbone.pos_embed': 'pos_embed'} and unknown == ['head.surprise']
    with pytest.raises(ValueError, match="1 parameters have no official name in 'spat-mae': head.surprise"):
        revert_hypersigma_state_dict({'head.surprise': torch.zeros(1)}, 'spat-mae')
    with pytest.raises(ValueError, match="unknown kind 'nothing'"):
        official_names([], 'nothing')


def test_names_left_out_and_unknown_are_told_apart():
    names, unknown = names_in_mmhsi(['norm.weight', 'pos_embed', 'surprise'], 'spatsigma-seg')
    assert names == {'norm.weight': None, 'pos_embed': 'backbone.pos_embed'} and unknown == ['surprise']


@pytest.mark.parametrize('kind', ['spat-mae', 'spec-mae', *CLASSIFICATION, *TASK_KINDS])
def test_no_two_official_names_become_one(kind):
    inside, outside = official_vocabulary(2)
    prefixes = ('', 'encoder.', 'spat_encoder.', 'spec_encoder.')
    official = [*outside, *(prefix + name for prefix in prefixes for name in inside)]
    ours = [name for name in names_in_mmhsi(official, kind)[0].values() if name is not None]
    assert len(ours) == len(set(ours)) > 0
