"""What a checkpoint may bring into a run that resumes from it: nothing that no training writes."""

import copy
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from toy_runs import TOY, start, wait

from mmhsi.engine.distributed import build_runner
from mmhsi.engine.resumed_state import ResumeError

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason='a process with CUDA cannot be forked')


@pytest.fixture(scope='module')
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('run')
    assert wait(start(folder, 'train_cfg.max_epochs=1')) == 0, (folder / 'output').read_text()
    return folder


@pytest.fixture(scope='module')
def runner(tmp_path_factory):
    """A runner of the same config that has not begun."""
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(TOY)
    cfg = Config.fromfile(TOY / 'toy_restart.py')
    cfg.work_dir, cfg.experiment_name = str(tmp_path_factory.mktemp('resumed')), 'resumed_state'
    runner = build_runner(cfg)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner._resume = True
    yield runner
    patch.undo()


def changed(run: Path, folder: Path, change) -> str:
    """A changed checkpoint of the run, as the only one in a folder."""
    checkpoint = copy.deepcopy(torch.load(run / 'epoch_1.pth', weights_only=False))
    change(checkpoint)
    folder.mkdir(exist_ok=True)
    torch.save(checkpoint, folder / 'epoch_1.pth')
    return str(folder / 'epoch_1.pth')


def note(name, value):
    return lambda checkpoint: checkpoint['message_hub']['runtime_info'].update({name: value})


def many_notes(checkpoint):
    checkpoint['message_hub']['runtime_info'].update({f'note {number}': 1 for number in range(10_000)})


def schedule(**values):
    return lambda checkpoint: checkpoint['param_schedulers'][0].update(values)


def group(**values):
    return lambda checkpoint: checkpoint['optimizer']['param_groups'][0].update(values)


def weight(value):
    return lambda checkpoint: checkpoint['state_dict'].update({'linear.weight': value})


def moment(name, value):
    return lambda checkpoint: checkpoint['optimizer']['state'][0].update({name: value})


def position(**values):
    return lambda checkpoint: checkpoint['mmhsi_position'].update(values)


def test_the_state_of_a_training_is_taken(run, runner):
    runner.resume(str(run / 'epoch_1.pth'))
    assert (runner.epoch, runner.iter) == (1, 4)


@pytest.mark.parametrize(
    'change, finding',
    [
        (note('keep_ckpt_ids', ['../../x']), r"'keep_ckpt_ids' in its message hub is ['../../x'], no list of epochs"),
        (note('best_ckpt', '/etc/passwd'), "'best_ckpt' in its message hub is '/etc/passwd', no best state"),
        (note('best_score', 'x'), "'best_score' in its message hub is 'x', no score"),
        (lambda checkpoint: checkpoint.update(message_hub=3), 'AttributeError: '),
        (schedule(_get_value='x'), "CosineAnnealingLR keeps '_get_value' in no checkpoint"),
        (schedule(optimizer=3), "CosineAnnealingLR keeps 'optimizer' in no checkpoint"),
        (schedule(T_max=0), 'CosineAnnealingLR gives no value: '),
        (schedule(param_name='params'), "'param_name' of CosineAnnealingLR is 'params'"),
        (lambda checkpoint: checkpoint['param_schedulers'].clear(), 'it holds 0 schedules instead of 1'),
        (weight(torch.ones(5, 5)), "the parameter 'linear.weight' is of the shape (5, 5), expected the shape (1, 1)"),
        (weight(3), "the parameter 'linear.weight' is 3, expected the shape (1, 1)"),
        (weight(torch.ones(1, 1, device='meta')), "the parameter 'linear.weight' is of the shape (1, 1)"),
        (lambda checkpoint: checkpoint['state_dict'].pop('linear.bias'), "the parameter 'linear.bias' is None"),
        (note('best_score', float('nan')), "'best_score' in its message hub is nan, no score"),
        (group(params=[5, 6]), 'its optimizer holds the state of a parameter 0 that it does not list'),
        (group(betas=3), "'betas' of its optimizer is 3"),
        (moment('exp_avg', torch.ones(7)), "'exp_avg' of a parameter in its optimizer is of the shape (7,), expected "),
        (moment('step', torch.tensor(-5.0)), "'step' of a parameter in its optimizer is negative"),
        (schedule(T_max='x'), "'T_max' of CosineAnnealingLR is 'x'"),
        (schedule(base_values=[float('nan')]), "'base_values' of CosineAnnealingLR is [nan]"),
        (group(lr=float('nan')), "'lr' of its optimizer is nan"),
        (group(lr='x'), "'lr' of its optimizer is 'x'"),
        (lambda checkpoint: checkpoint['optimizer']['state'][0]['exp_avg'].fill_(np.inf), 'is not finite'),
        (lambda checkpoint: checkpoint['meta'].update(epoch=1.5), "'epoch' in its meta is 1.5, no count"),
        (note('former_best', ['precious.txt']), "'former_best' in its message hub is ['precious.txt'], no list of"),
        (position(batches=10**9), '1000000000 batches of an epoch of 4 are done'),
        (position(now=[dict(python=3)]), 'its random state cannot be used'),
        (many_notes, 'its message hub holds 10'),  # the last one: the runner keeps them
    ],
)
def test_state_that_no_training_writes_is_refused(run, runner, tmp_path, change, finding):
    expected = 'epoch_1.pth: the run cannot be resumed from this checkpoint: expected the state of a training with this'
    with pytest.raises(ResumeError, match=rf'{expected} config, found that .*{re.escape(finding)}'):
        runner.resume(changed(run, tmp_path, change))


def test_nothing_but_best_states_is_deleted(run, tmp_path):
    (tmp_path / 'precious.txt').write_text('precious')
    folder = tmp_path / 'run'
    changed(run, folder, note('former_best', ['..']))
    assert wait(start(folder, 'train_cfg.max_epochs=2')) != 0
    assert "'former_best' in its message hub is ['..'], no list of best states" in (folder / 'output').read_text()
    assert (tmp_path / 'precious.txt').exists() and (folder / 'epoch_1.pth').exists()
