"""Which state the hook keeps: that of a parameter on its way from 0 to 3, whose validation wants 1."""

from pathlib import Path

import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmhsi.engine.hooks import LowestLossHook, SafeCheckpointHook
from mmhsi.engine.run_checkpoints import named_checkpoint

RATE, BATCHES, EPOCHS = 0.01, 2, 9


class OneNumber(BaseModel):
    def __init__(self):
        super().__init__()
        self.number = nn.Parameter(torch.zeros(()))

    def forward(self, wanted, mode='tensor'):
        if mode == 'predict':
            return [self.number]
        return dict(loss=(self.number - wanted).square().mean())


class Nothing(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return dict(nothing=0)


def loader(wanted):
    return dict(
        batch_size=1,
        sampler=dict(type='DefaultSampler', shuffle=False),
        num_workers=0,
        collate_fn=dict(type='default_collate'),
        dataset=[dict(wanted=torch.tensor(wanted)) for _ in range(BATCHES)],
    )


def train(work_dir, hook, **options):
    runner = Runner(
        OneNumber(),
        str(work_dir),
        train_dataloader=loader(3.0),
        train_cfg=dict(by_epoch=True, max_epochs=EPOCHS),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=RATE)),
        experiment_name=Path(work_dir).name,
        default_hooks=dict(checkpoint=SafeCheckpointHook(interval=1)),
        custom_hooks=[hook],
        default_scope='mmhsi',
        log_level='WARNING',
        **options,
    )
    runner.train()
    return runner


def numbers():
    """The parameter after each step, by hand."""
    values = [0.0]
    for _ in range(EPOCHS * BATCHES):
        values.append(values[-1] - RATE * 2 * (values[-1] - 3))
    return values


def kept(work_dir):
    (path,) = Path(work_dir).glob('best_*.pth')
    return path.name, torch.load(path, weights_only=False)['state_dict']['number'].item()


def test_the_lowest_training_loss_is_the_last_that_is_looked_at(tmp_path):
    hook = LowestLossHook(interval=5)
    train(tmp_path, hook)
    name, number = kept(tmp_path)  # looked at after epochs 1 and 6
    assert name == 'best_loss_epoch_6.pth' and hook.best_ckpt_path == str(tmp_path / name)
    assert named_checkpoint('best', tmp_path) == str(tmp_path / name)
    assert number == pytest.approx(numbers()[6 * BATCHES], rel=1e-5)


def test_the_lowest_validation_loss_is_where_the_parameter_passes_by(tmp_path):
    wanted = numbers()[4 * BATCHES]
    validation = dict(val_dataloader=loader(wanted), val_cfg=dict(), val_evaluator=Evaluator(Nothing(prefix='')))
    train(tmp_path, LowestLossHook('val', interval=1), **validation)
    assert kept(tmp_path) == ('best_loss_epoch_4.pth', pytest.approx(wanted, rel=1e-5))


def test_a_resumed_run_remembers_the_lowest_loss(tmp_path):
    wanted = numbers()[2 * BATCHES]
    validation = dict(val_dataloader=loader(wanted), val_cfg=dict(), val_evaluator=Evaluator(Nothing(prefix='')))
    train(tmp_path / 'a', LowestLossHook('val', interval=1), **validation)
    hook = LowestLossHook('val', interval=1)
    train(tmp_path / 'b', hook, load_from=str(tmp_path / 'a/epoch_5.pth'), resume=True, **validation)
    assert not list((tmp_path / 'b').glob('best_*.pth'))  # the fifth epoch was past it
    assert hook.best_ckpt_path == str(tmp_path / 'a/best_loss_epoch_2.pth')


def test_errors_name_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match="'train' or 'val', interval at least 1, found 'test' and 10"):
        LowestLossHook('test')
    with pytest.raises(ValueError, match='needs val_dataloader, val_cfg and val_evaluator'):
        train(tmp_path, LowestLossHook('val'))
