"""What a run says about a data worker that dies."""

import os
import signal

import pytest
from tiny_experiment import tiny_config

from mmhsi.engine.distributed import build_runner
from mmhsi.engine.failures import explained_failures
from mmhsi.registry import TRANSFORMS
from mmhsi.utils.worker_samples import last_sample, note_sample


@TRANSFORMS.register_module()
class DieAtPixel:
    """Kill the process that loads the window around a pixel, as the kernel does when memory runs out."""

    def __init__(self, row, col):
        self.pixel = row, col

    def __call__(self, results):
        if (results['row'], results['col']) == self.pixel:
            os.kill(os.getpid(), signal.SIGKILL)
        return results


def test_the_sample_of_a_dead_worker_is_named(tmp_path):
    (tmp_path / 'data').mkdir()
    cfg = tiny_config(tmp_path / 'data', tmp_path, max_epochs=1)
    cfg.train_dataloader.num_workers = 2
    dataset = build_runner(cfg).train_dataloader.dataset
    row, col = (int(value) for value in (dataset.get_data_info(17)['row'], dataset.get_data_info(17)['col']))
    cfg.experiment_name += '-dying'
    cfg.train_dataloader.dataset.pipeline.insert(0, dict(type='DieAtPixel', row=row, col=col))
    runner = build_runner(cfg)
    # how PyTorch puts it depends on whether it hears of the end by the signal or by the silence
    sentence = (
        rf'a data worker died \(.*(Killed|exited unexpectedly)\): worker \d+ was at sample 17 \(train: '
        rf'.*row {row}, col {col}.*num_workers=0 need less'
    )
    with pytest.raises(RuntimeError, match=sentence), explained_failures(runner):
        runner.train()


def test_other_errors_pass_unchanged():
    with pytest.raises(RuntimeError, match='^shapes differ$'), explained_failures(None):
        raise RuntimeError('shapes differ')


def test_samples_are_noted_by_process():
    note_sample(123)
    assert last_sample(os.getpid()) == 123 and last_sample(os.getpid() + 4096) is None
