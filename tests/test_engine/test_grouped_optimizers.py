"""Optimisers of few groups against those of MMEngine and mmpretrain, which make a group of each parameter."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import DefaultOptimWrapperConstructor
from mmpretrain.engine.optimizers import LearningRateDecayOptimWrapperConstructor
from torch import nn

from mmhsi.engine import GroupedOptimWrapperConstructor, LayerDecayOptimWrapperConstructor
from mmhsi.models import SpatViT

SCHEDULES = Path(__file__).parents[2] / 'configs/_base_/schedules'
ARCH = dict(embed_dims=8, num_layers=3, num_heads=2, full_attn_interval=3)


class Model(nn.Module):
    """A small encoder that starts from the same weights each time, and a head."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.backbone = SpatViT(ARCH, img_size=4, patch_size=2, in_channels=3)
        self.head = nn.Linear(8, 2)

    def get_layer_depth(self, name):
        return self.backbone.get_layer_depth(name, 'backbone.')

    def set_gradients(self, seed):
        """The same for every optimiser: a loss would answer to their rounding."""
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)


def settings_of(schedule):
    cfg = Config.fromfile(SCHEDULES / f'{schedule}.py').optim_wrapper
    return dict(optimizer=cfg.optimizer), cfg.get('paramwise_cfg')


def by_name(model, optimizer):
    """Rate and decay of each parameter."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: (group['lr'], group['weight_decay'])
        for group in optimizer.param_groups
        for parameter in group['params']
    }


PAIRS = [
    ('finetune_100e', LayerDecayOptimWrapperConstructor, LearningRateDecayOptimWrapperConstructor),
    ('scratch_tiny', GroupedOptimWrapperConstructor, DefaultOptimWrapperConstructor),
    ('mae_1600e', GroupedOptimWrapperConstructor, DefaultOptimWrapperConstructor),
]


@pytest.mark.parametrize('schedule, ours, theirs', PAIRS)
def test_settings_are_those_of_the_library_in_as_few_groups_as_there_are_settings(schedule, ours, theirs):
    found_model, wanted_model = Model(), Model()
    found = ours(*settings_of(schedule))(found_model).optimizer
    wanted = theirs(*settings_of(schedule))(wanted_model).optimizer
    assert by_name(found_model, found) == by_name(wanted_model, wanted)
    assert len(found.param_groups) == len(set(by_name(found_model, found).values())) < len(wanted.param_groups)
    named = dict(found_model.named_parameters())
    for group in found.param_groups:
        assert all(
            named[name] is parameter for name, parameter in zip(group['param_names'], group['params'], strict=True)
        )


@pytest.mark.parametrize('schedule, ours, theirs', PAIRS)
@pytest.mark.parametrize('fused', [False, None])
def test_steps_are_those_of_the_library(schedule, ours, theirs, fused):
    """Grouping keeps every bit; the fused form differs by rounding."""
    weights = []
    for constructor in (ours, theirs):
        model = Model()
        wrapper_cfg, paramwise = settings_of(schedule)
        if fused is False:
            wrapper_cfg['optimizer']['fused'] = False
        wrapper = constructor(wrapper_cfg, paramwise)(model)
        for seed in range(3):
            model.set_gradients(seed)
            wrapper.step()
        weights.append(list(model.parameters()))
    if fused is False:
        assert all(map(torch.equal, *weights))
    torch.testing.assert_close(*weights, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    'options, fused',
    [
        (dict(type='AdamW'), True),
        (dict(type='Adam'), True),
        (dict(type='AdamW', fused=False), False),
        (dict(type='AdamW', foreach=True), None),
        (dict(type='RMSprop'), None),
    ],
)
def test_fused_where_torch_has_it_and_the_config_does_not_choose(options, fused):
    optimizer = GroupedOptimWrapperConstructor(dict(optimizer=dict(lr=0.1, **options)))(nn.Linear(2, 2)).optimizer
    assert optimizer.defaults.get('fused') is fused


def test_an_optimiser_without_a_fused_form_for_the_parameters_is_built_plainly():
    model = nn.Linear(2, 2, device='meta')
    optimizer = GroupedOptimWrapperConstructor(dict(optimizer=dict(type='AdamW', lr=0.1)))(model).optimizer
    assert not optimizer.defaults['fused']


def test_a_checkpoint_of_a_group_for_each_parameter_is_refused_by_name():
    model = Model()
    settings = settings_of('scratch_tiny')
    state = DefaultOptimWrapperConstructor(*settings)(model).state_dict()
    wrapper = GroupedOptimWrapperConstructor(*settings)(model)
    with pytest.raises(ValueError, match=f'{len(state["param_groups"])} groups of parameters, the optimiser has 2'):
        wrapper.load_state_dict(state)
    wrapper.load_state_dict(wrapper.state_dict())
