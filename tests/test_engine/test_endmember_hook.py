"""Endmembers stay non-negative while they are learnt."""

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmhsi.engine import NonNegativeEndmemberHook
from mmhsi.models import EndmemberDecoder


class Shrinking(BaseModel):
    """Pushes every weight of its decoder below zero, and records what it starts a step with."""

    def __init__(self):
        super().__init__()
        self.decoder = EndmemberDecoder(2, 3)
        self.smallest = []

    def forward(self, inputs, data_samples=None, mode='loss'):
        self.smallest.append(self.decoder.conv.weight.min().item())
        return dict(loss=self.decoder.conv.weight.sum())


def train(model, folder, hooks):
    runner = Runner(
        model=model,
        work_dir=str(folder),
        experiment_name='endmembers',
        default_scope='mmhsi',
        default_hooks=dict(checkpoint=None, logger=None),
        train_dataloader=DataLoader([dict(inputs=torch.zeros(1))] * 3),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=10.0)),
        custom_hooks=hooks,
        log_level='WARNING',
    )
    runner.train()
    return model


def test_negative_values_are_set_to_zero_before_and_after_each_step(tmp_path):
    torch.manual_seed(0)
    model = train(Shrinking(), tmp_path, [dict(type='NonNegativeEndmemberHook')])
    assert model.smallest == [0, 0, 0] and model.decoder.conv.weight.min() == 0


def test_without_the_hook_a_step_sees_negative_endmembers(tmp_path):
    torch.manual_seed(0)
    model = train(Shrinking(), tmp_path, [])
    assert all(value < 0 for value in model.smallest)


def test_another_model_is_named(tmp_path):
    model = Shrinking()
    model.decoder = torch.nn.Conv2d(2, 3, 1)
    model.decoder.conv = model.decoder
    with pytest.raises(ValueError, match='found Shrinking with Conv2d'):
        NonNegativeEndmemberHook().before_train(type('Run', (), dict(model=model))())
