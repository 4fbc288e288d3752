"""Tests of tools/train.py and tools/test.py on a linear regression whose steps can be worked out by hand."""

import os
import pickle
import runpy
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

import mmhsi  # noqa: F401  lets the checkpoints be read
from mmhsi.weights.checkpoint_file import read_checkpoint

ROOT = Path(__file__).resolve().parents[2]
TOY = ROOT / 'tests' / 'data' / 'toy_experiment'
X = np.arange(8.0)
Y = 2 * X + 1


def regression_steps(count, lr=0.01):
    """Gradient descent on the mean squared error over all points, from zero."""
    weight = bias = 0.0
    for _ in range(count):
        residual = weight * X + bias - Y
        weight, bias = weight - lr * 2 * np.mean(residual * X), bias - lr * 2 * np.mean(residual)
    return weight, bias


def parameters(checkpoint):
    state = read_checkpoint(checkpoint)['state_dict']
    return state['linear.weight'].item(), state['linear.bias'].item()


@pytest.fixture
def run_tool(tmp_path, monkeypatch):
    """Run a tool in this process on the toy config, in its own work dir."""
    monkeypatch.syspath_prepend(str(TOY))
    monkeypatch.setenv('LOCAL_RANK', '0')
    runs = []

    def run(name, *argv):
        runs.append(name)
        names = ['--cfg-options', f'experiment_name={tmp_path.name}_{len(runs)}', *argv]
        main = runpy.run_path(str(ROOT / 'tools' / name))['main']
        if name == 'test.py':
            checkpoint, *names = names[2:] + names[:2]
            return main([str(TOY / 'toy_line.py'), checkpoint, '--work-dir', str(tmp_path), *names])
        return main([str(TOY / 'toy_line.py'), '--work-dir', str(tmp_path), *names])

    return run


def options_of(name, config, *argv):
    """The config after the options of a tool."""
    tool = runpy.run_path(str(ROOT / 'tools' / name))
    config = Config(config)
    tool['apply_options'](config, tool['parse_args'](['config.py', *argv]))
    return config


def test_train_resume_and_test(tmp_path, run_tool):
    run_tool('train.py')
    assert parameters(tmp_path / 'epoch_1.pth') == pytest.approx(regression_steps(1))

    run_tool('train.py', 'train_cfg.max_epochs=2', '--resume')
    assert parameters(tmp_path / 'epoch_2.pth') == pytest.approx(regression_steps(2))

    run_tool('train.py', 'train_cfg.max_epochs=3', '--resume', str(tmp_path / 'epoch_1.pth'), '--no-validate')
    assert parameters(tmp_path / 'epoch_3.pth') == pytest.approx(regression_steps(3))

    run_tool('test.py', str(tmp_path / 'epoch_1.pth'), '--out', str(tmp_path / 'predictions.pkl'))
    weight, bias = regression_steps(1)
    with open(tmp_path / 'predictions.pkl', 'rb') as file:
        predictions = pickle.load(file)
    np.testing.assert_allclose([item['output'].item() for item in predictions], weight * X + bias, rtol=1e-5)


@pytest.mark.parametrize(
    'script, arguments, launcher, expected',
    [
        (
            'dist_train.sh',
            'config.py 4 --amp',
            'torchrun',
            '--nnodes=2 --node_rank=1 --master_addr=127.0.0.1 --master_port=29500 --nproc_per_node=4 '
            'train.py config.py --amp --launcher pytorch',
        ),
        (
            'dist_test.sh',
            'config.py epoch_1.pth 4 --tta',
            'torchrun',
            '--nnodes=2 --node_rank=1 --master_addr=127.0.0.1 --master_port=29500 --nproc_per_node=4 '
            'test.py config.py epoch_1.pth --tta --launcher pytorch',
        ),
        (
            'slurm_train.sh',
            'debug pavia config.py --amp',
            'srun',
            '--partition=debug --job-name=pavia --gres=gpu:4 --ntasks=4 --ntasks-per-node=4 --cpus-per-task=5 '
            '--kill-on-bad-exit=1 --quiet --exclusive python -u train.py config.py --amp --launcher slurm',
        ),
        (
            'slurm_test.sh',
            'debug pavia config.py epoch_1.pth',
            'srun',
            '--partition=debug --job-name=pavia --gres=gpu:4 --ntasks=4 --ntasks-per-node=4 --cpus-per-task=5 '
            '--kill-on-bad-exit=1 --quiet --exclusive python -u test.py config.py epoch_1.pth --launcher slurm',
        ),
    ],
)
def test_scripts_hand_their_arguments_to_the_launcher(tmp_path, script, arguments, launcher, expected):
    (tmp_path / launcher).write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / launcher).chmod(0o755)
    environment = {
        **os.environ,
        'PATH': f'{tmp_path}{os.pathsep}{os.environ["PATH"]}',
        'NNODES': '2',
        'NODE_RANK': '1',
        'GPUS': '4',
        'SRUN_ARGS': '--quiet --exclusive',
    }
    done = subprocess.run(
        ['bash', str(ROOT / 'tools' / script), *arguments.split()],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.replace(f'{ROOT / "tools"}/', '').strip() == expected


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh'])
def test_scripts_say_how_they_are_used(script):
    done = subprocess.run(['bash', str(ROOT / 'tools' / script)], capture_output=True, text=True)
    assert done.returncode == 2 and 'usage:' in done.stderr and 'CONFIG' in done.stderr


def test_resume_options(tmp_path):
    assert 'resume' not in options_of('train.py', {})
    pretrained = dict(load_from='pretrained.pth', work_dir=str(tmp_path))
    # a run that has not begun begins, from the weights that its config names
    assert options_of('train.py', pretrained, '--resume').to_dict() == dict(pretrained, resume=False)
    latest = tmp_path / 'epoch_1.pth'
    torch.save(dict(meta=dict(iter=1, epoch=1), state_dict={}, message_hub={}), latest)
    assert options_of('train.py', pretrained, '--resume').to_dict() == dict(
        pretrained, resume=True, load_from=str(latest)
    )
    assert options_of('train.py', {}, '--resume', 'epoch_3.pth').to_dict() == dict(resume=True, load_from='epoch_3.pth')


def test_amp_option():
    plain = dict(optim_wrapper=dict(type='OptimWrapper', clip_grad=dict(max_norm=1)))
    assert options_of('train.py', plain, '--amp').optim_wrapper == dict(
        type='AmpOptimWrapper', clip_grad=dict(max_norm=1), loss_scale='dynamic'
    )
    with pytest.raises(ValueError, match="config.py: --amp .* found 'ApexOptimWrapper'"):
        options_of('train.py', dict(optim_wrapper=dict(type='ApexOptimWrapper')), '--amp')


def test_auto_scale_lr_option():
    scaled = options_of('train.py', dict(auto_scale_lr=dict(base_batch_size=64)), '--auto-scale-lr')
    assert scaled.auto_scale_lr == dict(base_batch_size=64, enable=True)
    with pytest.raises(ValueError, match='config.py: --auto-scale-lr needs'):
        options_of('train.py', {}, '--auto-scale-lr')


def test_no_validate_option():
    cfg = options_of('train.py', dict(val_cfg={}, val_dataloader={}, val_evaluator={}, test_cfg={}), '--no-validate')
    assert cfg.to_dict() == dict(val_cfg=None, val_dataloader=None, val_evaluator=None, test_cfg={})


def test_show_dir_option(tmp_path):
    config = dict(default_hooks=dict(result=dict(type='SceneResultHook')))
    shown = options_of('test.py', config, 'epoch_1.pth', '--show-dir', str(tmp_path))
    assert shown.default_hooks.result == dict(type='SceneResultHook', out_dir=str(tmp_path))
    with pytest.raises(ValueError, match='config.py: --show-dir needs a hook default_hooks.result'):
        options_of('test.py', {}, 'epoch_1.pth', '--show-dir', 'pictures')


def test_tta_option():
    config = dict(
        model=dict(type='Net'),
        tta_model=dict(type='Averaged'),
        tta_pipeline=[dict(type='Flip')],
        test_dataloader=dict(dataset=dict(pipeline=[])),
    )
    cfg = options_of('test.py', config, 'epoch_1.pth', '--tta')
    assert cfg.model == dict(type='Averaged', module=dict(type='Net'))
    assert cfg.test_dataloader.dataset.pipeline == [dict(type='Flip')]
    with pytest.raises(ValueError, match='config.py: --tta needs tta_pipeline in the config'):
        options_of('test.py', dict(tta_model={}), 'epoch_1.pth', '--tta')


def test_out_has_to_be_a_pickle_file(capsys):
    with pytest.raises(SystemExit):
        options_of('test.py', {}, 'epoch_1.pth', '--out', 'predictions.json')
    assert '--out writes a pickle file (.pkl), not predictions.json' in capsys.readouterr().err
