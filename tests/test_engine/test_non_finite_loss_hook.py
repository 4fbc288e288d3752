"""What a run does about losses and weights that are not finite."""

from pathlib import Path

import pytest
import torch
from mmengine.structures import BaseDataElement
from toy_runs import start, wait, weights

from mmhsi.engine.hooks.non_finite_loss_hook import NonFiniteLossHook, describe_samples

forks = pytest.mark.skipif(torch.cuda.is_available(), reason='a process with CUDA cannot be forked')


@forks
def test_nan_stops_the_run_before_it_reaches_the_weights(tmp_path):
    assert wait(start(tmp_path, 'model.bad_from=10', 'train_cfg.max_epochs=3')) == 1
    output = (tmp_path / 'output').read_text()
    assert (
        'FloatingPointError: iteration 10: the loss is nan; the batch holds sample 0, sample 1; '
        f'the last good checkpoint is {tmp_path / "epoch_2.pth"}' in output
    )
    assert all(torch.isfinite(value).all() for value in weights(tmp_path, 'epoch_2.pth').values())


@forks
@pytest.mark.parametrize('allowed, code', [(2, 0), (1, 1)])
def test_batches_are_skipped_as_often_as_allowed(tmp_path, allowed, code):
    options = [
        'model.bad_from=3',
        'model.bad_count=2',
        'train_cfg.max_epochs=2',
        f'default_hooks.loss.max_skipped={allowed}',
    ]
    assert wait(start(tmp_path, *options)) == code
    output = (tmp_path / 'output').read_text()
    assert 'iteration 3: the loss is nan' in output and f'it is skipped (1 in a row, {allowed} are allowed)' in output
    if code:
        assert 'FloatingPointError: iteration 4: the loss is nan' in output
    else:
        state = weights(tmp_path, 'epoch_2.pth')
        assert state['optimizer 0 step'] == 6  # of eight batches
        assert all(torch.isfinite(value).all() for value in state.values())


def run_of(model, work_dir):
    return type('Run', (), dict(model=model, work_dir=str(work_dir)))()


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    model = torch.nn.BatchNorm1d(2)
    runner, hook = run_of(model, tmp_path), NonFiniteLossHook()
    model.running_mean[0] = torch.inf  # a buffer may be
    hook.before_save_checkpoint(runner, dict(meta=dict(iter=7), state_dict=model.state_dict()))
    model.weight.data[1] = torch.nan
    (tmp_path / 'last_checkpoint').write_text('epoch_1.pth')
    with pytest.raises(
        FloatingPointError,
        match='iteration 7: the parameter weight holds NaN or infinity and is not '
        'saved; the last good checkpoint is epoch_1.pth',
    ):
        hook.before_save_checkpoint(runner, dict(meta=dict(iter=7), state_dict=model.state_dict()))


def test_samples_are_named_those_with_bad_inputs_first():
    samples = [
        BaseDataElement(metainfo=dict(scene_name='pavia', row=row, col=3, scene_shape=(9, 9))) for row in range(10)
    ]
    inputs = [torch.zeros(2, 3, 3) for _ in range(10)]
    inputs[4][1, 2, 2] = torch.inf
    text = describe_samples(dict(inputs=inputs, data_samples=samples))
    assert text.startswith('sample 4 with NaN or infinity in its input (col 3, row 4, scene_name pavia), sample 0 (col')
    assert text.endswith('and 2 more') and text.count('row') == 8
    assert describe_samples(dict(inputs=[[inputs[0]], [inputs[4]]])).startswith('sample 1 with NaN')
    assert describe_samples(None) == 'samples without names'


def test_the_tiny_experiment_names_its_windows(tmp_path):
    from tiny_experiment import tiny_config

    from mmhsi.engine.distributed import build_runner

    (tmp_path / 'data').mkdir()
    cfg = tiny_config(tmp_path / 'data', tmp_path, max_epochs=1)
    cfg.default_hooks.loss = dict(type='NonFiniteLossHook')
    runner = build_runner(cfg)
    with torch.no_grad():
        next(runner.model.head.parameters()).fill_(torch.nan)
    with pytest.raises(
        FloatingPointError,
        match=r'iteration 1: the loss is nan; the batch holds sample 0 '
        r'\(.*row \d+, .*scene_name stripes.*no checkpoint was saved before',
    ):
        runner.train()
    assert not list(Path(tmp_path).glob('*.pth'))
