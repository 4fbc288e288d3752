"""Tests of the table of official parameters."""

import math

import pytest
import torch
from official_checkpoints import hollow_state, tiny_state

from mmhsi.models.backbones.sampling_vit import ARCH_ZOO
from mmhsi.weights.official_layout import (
    PUBLISHED_SIZES,
    check_pretraining_shapes,
    official_vocabulary,
    pretraining_kind,
    pretraining_shapes,
)

ENTRIES = {'base': 253, 'large': 397, 'huge': 493}
PARAMETERS = {
    ('spat-mae', 'base'): 118_951_424,
    ('spat-mae', 'large'): 337_992_960,
    ('spat-mae', 'huge'): 667_148_288,
    ('spec-mae', 'base'): 116_046_080,
    ('spec-mae', 'large'): 334_507_008,
    ('spec-mae', 'huge'): 663_081_728,
}
SPAT_BASE = {
    'pos_embed': (1, 64, 768),
    'mask_token': (1, 1, 512),
    'decoder_pos_embed': (1, 64, 512),
    'patch_embed.proj.weight': (768, 100, 8, 8),
    'patch_embed.proj.bias': (768,),
    'blocks.11.norm1.weight': (768,),
    'blocks.0.attn.qkv.weight': (2304, 768),
    'blocks.0.attn.qkv.bias': (2304,),
    'blocks.4.attn.proj.weight': (768, 768),
    'blocks.11.mlp.fc1.weight': (3072, 768),
    'blocks.11.mlp.fc2.weight': (768, 3072),
    'norm.bias': (768,),
    'decoder_embed.weight': (512, 768),
    'decoder_blocks.7.attn.qkv.weight': (1536, 512),
    'decoder_blocks.0.mlp.fc1.weight': (2048, 512),
    'decoder_norm.weight': (512,),
    'decoder_pred.weight': (6400, 512),
    'decoder_pred.bias': (6400,),
}
SPEC_BASE = {
    'pos_embed': (1, 100, 768),
    'decoder_pos_embed': (1, 100, 512),
    'spat_map.weight': (768, 4096),
    'spat_map.bias': (768,),
    'decoder_pred.weight': (4096, 512),
    'decoder_pred.bias': (4096,),
}


@pytest.mark.parametrize('kind, size', PARAMETERS)
def test_published_tables_have_the_known_numbers_of_entries_and_parameters(kind, size):
    shapes = pretraining_shapes(kind, *PUBLISHED_SIZES[size])
    assert len(shapes) == ENTRIES[size]
    assert sum(map(math.prod, shapes.values())) == PARAMETERS[kind, size]


@pytest.mark.parametrize('kind, rows', [('spat-mae', SPAT_BASE), ('spec-mae', SPEC_BASE)])
def test_rows_of_the_base_tables(kind, rows):
    shapes = pretraining_shapes(kind, 768, 12)
    assert {name: shapes[name] for name in rows} == rows
    assert ('patch_embed.proj.weight' in shapes) == (kind == 'spat-mae')


def test_published_sizes_are_those_of_the_backbones():
    for size in ('base', 'large', 'huge'):
        assert PUBLISHED_SIZES[size] == (ARCH_ZOO[size]['embed_dims'], ARCH_ZOO[size]['num_layers'])


def test_kind_is_told_by_the_names():
    assert pretraining_kind(tiny_state('spat-mae')) == 'spat-mae'
    assert pretraining_kind(tiny_state('spec-mae')) == 'spec-mae'
    assert pretraining_kind(['patch_embed.proj.weight', 'classifier.0.weight']) is None


@pytest.mark.parametrize('kind', ['spat-mae', 'spec-mae'])
def test_sizes_that_agree_with_each_other_pass(kind):
    assert check_pretraining_shapes(tiny_state(kind), kind, 'a.pth') is None
    assert check_pretraining_shapes(hollow_state(kind, 'base'), kind, 'a.pth') == 'base'
    assert check_pretraining_shapes(hollow_state(kind, 'base'), kind, 'a.pth', size='base') == 'base'


def test_a_spectral_token_may_stand_for_several_bands():
    assert check_pretraining_shapes(tiny_state('spec-mae', target_dims=3 * 64), 'spec-mae', 'a.pth') is None


def test_a_parameter_of_another_shape_is_named():
    state = tiny_state('spat-mae')
    state['blocks.1.mlp.fc1.weight'] = torch.zeros(30, 8)
    with pytest.raises(ValueError, match=r"a.pth: expected 'blocks.1.mlp.fc1.weight' of shape \(32, 8\).*\(30, 8\)"):
        check_pretraining_shapes(state, 'spat-mae', 'a.pth')


def test_a_missing_parameter_is_named():
    state = hollow_state('spec-mae', 'base')
    for name in list(state):
        if name.startswith('blocks.11.'):
            del state[name]
    with pytest.raises(ValueError, match="expected 'blocks.11.norm1.weight' .* in a base spec-mae file, found no such"):
        check_pretraining_shapes(state, 'spec-mae', 'a.pth')
    del state['pos_embed']
    with pytest.raises(ValueError, match="expected 'pos_embed' in a spec-mae file, found only mask_token"):
        check_pretraining_shapes(state, 'spec-mae', 'a.pth')


def test_another_size_than_the_published_one_is_refused():
    with pytest.raises(ValueError, match=r'\(1, 64, 1024\) in a large spat-mae file, found \(1, 64, 768\)'):
        check_pretraining_shapes(hollow_state('spat-mae', 'base'), 'spat-mae', 'a.pth', size='large')


def test_vocabulary_has_each_name_once():
    inside, outside = official_vocabulary(3)
    assert len(inside) == len(set(inside)) and len(outside) == len(set(outside))
    assert set(tiny_state('spat-mae')) | set(tiny_state('spec-mae')) <= set(inside)
