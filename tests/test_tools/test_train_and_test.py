"""Tests of tools/train.py and tools/test.py on a linear regression whose steps can be worked out by hand."""

import os
import pickle
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.device import get_device

import mmhsi  # noqa: F401  lets the checkpoints be read

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
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    return state['linear.weight'].item(), state['linear.bias'].item()


@pytest.fixture
def run_tool(tmp_path, monkeypatch):
    """Run a tool in this process on the toy config, in a work dir of its own."""
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


@pytest.mark.slow
@pytest.mark.skipif(get_device() != 'cpu', reason='an accelerator is there, and two processes would need two')
def test_two_processes_train_like_one(tmp_path):
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, 'PYTHONPATH': str(TOY), 'PORT': str(port), 'OMP_NUM_THREADS': '1'}
    environment['PATH'] = os.pathsep.join([os.path.dirname(sys.executable), environment['PATH']])

    def run(script, *argv):
        subprocess.run(['bash', str(ROOT / 'tools' / script), str(TOY / 'toy_line.py'), *argv,
                        '--work-dir', str(tmp_path)], env=environment, cwd=tmp_path, check=True)

    run('dist_train.sh', '2', '--cfg-options', 'train_dataloader.batch_size=4')
    assert parameters(tmp_path / 'epoch_1.pth') == pytest.approx(regression_steps(1))
    run('dist_test.sh', str(tmp_path / 'epoch_1.pth'), '2', '--out', str(tmp_path / 'predictions.pkl'))
    with open(tmp_path / 'predictions.pkl', 'rb') as file:
        assert [item['target'].item() for item in pickle.load(file)] == Y.tolist()


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh'])
def test_scripts_say_how_they_are_used(script):
    done = subprocess.run(['bash', str(ROOT / 'tools' / script)], capture_output=True, text=True)
    assert done.returncode == 2 and 'usage:' in done.stderr and 'CONFIG' in done.stderr


def test_resume_options():
    assert 'resume' not in options_of('train.py', {})
    assert options_of('train.py', dict(load_from='pretrained.pth'), '--resume').to_dict() == dict(
        resume=True, load_from=None)
    assert options_of('train.py', {}, '--resume', 'epoch_3.pth').to_dict() == dict(
        resume=True, load_from='epoch_3.pth')


def test_amp_option():
    plain = dict(optim_wrapper=dict(type='OptimWrapper', clip_grad=dict(max_norm=1)))
    assert options_of('train.py', plain, '--amp').optim_wrapper == dict(
        type='AmpOptimWrapper', clip_grad=dict(max_norm=1), loss_scale='dynamic')
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
    config = dict(default_hooks=dict(visualization=dict(type='SceneResultHook')))
    shown = options_of('test.py', config, 'epoch_1.pth', '--show-dir', str(tmp_path))
    assert shown.default_hooks.visualization == dict(type='SceneResultHook', out_dir=str(tmp_path))
    with pytest.raises(ValueError, match='config.py: --show-dir needs a hook default_hooks.visualization'):
        options_of('test.py', {}, 'epoch_1.pth', '--show-dir', 'pictures')


def test_tta_option():
    config = dict(model=dict(type='Net'), tta_model=dict(type='Averaged'), tta_pipeline=[dict(type='Flip')],
                  test_dataloader=dict(dataset=dict(pipeline=[])))
    cfg = options_of('test.py', config, 'epoch_1.pth', '--tta')
    assert cfg.model == dict(type='Averaged', module=dict(type='Net'))
    assert cfg.test_dataloader.dataset.pipeline == [dict(type='Flip')]
    with pytest.raises(ValueError, match='config.py: --tta needs tta_pipeline in the config'):
        options_of('test.py', dict(tta_model={}), 'epoch_1.pth', '--tta')


def test_out_has_to_be_a_pickle_file(capsys):
    with pytest.raises(SystemExit):
        options_of('test.py', {}, 'epoch_1.pth', '--out', 'predictions.json')
    assert '--out writes a pickle file (.pkl), not predictions.json' in capsys.readouterr().err
