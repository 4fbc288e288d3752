"""What a checkpoint may bring into a run that resumes from it: nothing that no training writes."""

import copy
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_runs import start, wait

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason='a process with CUDA cannot be forked')


@pytest.fixture(scope='module')
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('run')
    assert wait(start(folder, 'train_cfg.max_epochs=1')) == 0, (folder / 'output').read_text()
    return folder


def resumed(run: Path, folder: Path, change) -> tuple[int, str]:
    """Exit status and output of a run that resumes from a changed checkpoint."""
    shutil.copytree(run, folder)
    (folder / 'output').unlink()
    checkpoint = copy.deepcopy(torch.load(run / 'epoch_1.pth', weights_only=False))
    change(checkpoint)
    torch.save(checkpoint, folder / 'epoch_1.pth')
    code = wait(start(folder, 'train_cfg.max_epochs=2'))
    return code, (folder / 'output').read_text()


def note(name, value):
    return lambda checkpoint: checkpoint['message_hub']['runtime_info'].update({name: value})


def schedule(**values):
    return lambda checkpoint: checkpoint['param_schedulers'][0].update(values)


def group(**values):
    return lambda checkpoint: checkpoint['optimizer']['param_groups'][0].update(values)


def position(**values):
    return lambda checkpoint: checkpoint['mmhsi_position'].update(values)


@pytest.mark.parametrize(
    'change, finding',
    [
        (note('keep_ckpt_ids', ['../../x']), r"'keep_ckpt_ids' in its message hub is ['../../x'], no list of epochs"),
        (note('best_ckpt', '/etc/passwd'), "'best_ckpt' in its message hub is '/etc/passwd', no best state"),
        (note('best_score', 'x'), "'best_score' in its message hub is 'x', no score"),
        (lambda checkpoint: checkpoint.update(message_hub=3), 'AttributeError: '),
        (schedule(_get_value='x'), "CosineAnnealingLR has a function '_get_value'"),
        (schedule(T_max='x'), "'T_max' of CosineAnnealingLR is 'x'"),
        (schedule(base_values=[float('nan')]), "'base_values' of CosineAnnealingLR is [nan]"),
        (group(lr=float('nan')), "'lr' of its optimizer is nan"),
        (group(lr='x'), "'lr' of its optimizer is 'x'"),
        (lambda checkpoint: checkpoint['optimizer']['state'][0]['exp_avg'].fill_(np.inf), 'is not finite'),
        (lambda checkpoint: checkpoint['meta'].update(epoch=1.5), "'epoch' in its meta is 1.5, no count"),
        (position(batches=10**9), '1000000000 batches of an epoch of 4 are done'),
        (position(now=[dict(python=3)]), 'its random state cannot be used'),
    ],
)
def test_state_that_no_training_writes_is_refused_in_a_sentence(run, tmp_path, change, finding):
    code, said = resumed(run, tmp_path / 'run', change)
    assert code == 2 and 'Traceback' not in said
    assert 'epoch_1.pth: the run cannot be resumed from this checkpoint: expected the state of a training with' in said
    assert finding in said


@pytest.mark.parametrize('name', ['..', '.', 'precious.txt', '../precious.txt'])
def test_nothing_but_best_states_is_deleted(run, tmp_path, name):
    (tmp_path / 'precious.txt').write_text('precious')
    code, said = resumed(run, tmp_path / 'run', note('former_best', [name]))
    assert code == 2 and f"'former_best' in its message hub is ['{name}'], no list of best states" in said
    assert (tmp_path / 'precious.txt').exists() and (tmp_path / 'run/epoch_1.pth').exists()
