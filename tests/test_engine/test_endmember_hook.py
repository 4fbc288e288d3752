"""Endmembers stay non-negative while they are learnt, and no worse than the initial ones."""

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmhsi.datasets import UnmixingScene
from mmhsi.engine import NonNegativeEndmemberHook
from mmhsi.models import EndmemberDecoder, Unmixer


class Shrinking(BaseModel):
    """Pushes every weight of its decoder below zero, and records what it starts a step with."""

    def __init__(self):
        super().__init__()
        self.decoder = EndmemberDecoder(2, 3)
        self.smallest = []

    def forward(self, inputs, data_samples=None, mode='loss'):
        self.smallest.append(self.decoder.conv.weight.min().item())
        return dict(loss=self.decoder.conv.weight.sum())


def train(model, folder, hooks, data=None):
    runner = Runner(
        model=model,
        work_dir=str(folder),
        experiment_name='endmembers',
        default_scope='mmhsi',
        default_hooks=dict(checkpoint=None, logger=None),
        train_dataloader=data or DataLoader([dict(inputs=torch.zeros(1))] * 3),
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


class Found(BaseModel):
    """Has found endmembers, which a training does not change."""

    set_endmembers = Unmixer.set_endmembers
    endmembers = Unmixer.endmembers

    def __init__(self, spectra):
        super().__init__()
        self.decoder = EndmemberDecoder(len(spectra), spectra.shape[1])
        self.decoder.set_endmembers(spectra.T.copy())
        self.register_buffer('even_light', torch.zeros(()))

    def forward(self, inputs, data_samples=None, mode='loss'):
        return dict(loss=0 * self.decoder.conv.weight.sum())


class OneScene(list):
    """A dataset of inputs of a scene."""

    def __init__(self, scene):
        super().__init__([dict(inputs=torch.zeros(1))])
        self.scene = scene


@pytest.mark.parametrize('lit', ['evenly', 'unevenly'])
@pytest.mark.parametrize('kept', [True, False])
def test_the_initial_endmembers_stay_unless_those_of_the_network_fit_better(tmp_path, lit, kept):
    rng = np.random.default_rng(0)
    true = rng.uniform(0.2, 1, (3, 8))
    shares = rng.dirichlet(np.ones(3), (12, 13))
    light = 1 if lit == 'evenly' else rng.uniform(0.4, 1.6, (12, 13, 1))
    mixed = 0.7 * true + 0.3 * true[[1, 2, 0]]
    found, initial = (true, mixed) if kept else (mixed, true)
    np.save(tmp_path / 'initial.npy', initial.T)
    scene = UnmixingScene(
        light * (shares @ true), initial_endmembers=str(tmp_path / 'initial.npy'), num_endmembers=3, preprocessing=[]
    )
    model = Found(found)
    train(model, tmp_path / 'run', [dict(type='EvenLightHook')], DataLoader(OneScene(scene)))
    assert bool(model.even_light) == (lit == 'evenly')
    angles = [
        np.degrees(np.arccos(min((ours * theirs).sum() / np.linalg.norm(ours) / np.linalg.norm(theirs), 1)))
        for ours, theirs in zip(model.endmembers.detach().numpy().T, true, strict=True)
    ]
    assert max(angles) < 0.05
