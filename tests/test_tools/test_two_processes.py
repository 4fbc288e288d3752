"""A real config in one process and in two on two 'nodes': the same losses, weights, maps and scores."""

import json
import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.device import get_device
from toy_runs import wait

from mmhsi.weights.checkpoint_file import read_checkpoint

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(get_device() != 'cpu', reason='an accelerator is there, and two processes would need two'),
]
# Without random numbers that differ between the processes: no augmentation, dropout, drop path or mixing of samples.
# 301 test windows do not divide by two: one is evaluated twice and must be counted once.
CONFIG = """
_base_ = '{root}/configs/classification/hypersigma-tiny_cls_indian-pines.py'
model = dict(
    data_preprocessor=dict(batch_augments=None),
    backbone=dict(spatial=dict(drop_path_rate=0.), spectral=dict(drop_path_rate=0.)),
    head=dict(dropout_rate=0.))
train_pipeline = [_base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(indices=301))
param_scheduler = [dict(type='ConstantLR', factor=0.1, by_epoch=True, end=2)]
train_cfg = dict(max_epochs=2, val_begin=2, val_interval=2)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=2))
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(vis_backends=vis_backends)
"""


@pytest.fixture(scope='module')
def experiment(tmp_path_factory):
    """Config file, and the environment of its runs."""
    folder = tmp_path_factory.mktemp('experiment')
    converter = runpy.run_path(str(ROOT / 'tools/dataset_converters/indian_pines.py'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', ['indian_pines.py', '--out', str(folder / 'data/indian_pines')])
        converter['main']()
    (folder / 'plain.py').write_text(CONFIG.format(root=ROOT))
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ['PATH']])
    return folder / 'plain.py', {**os.environ, 'PATH': path, 'MMHSI_DATA': str(folder / 'data'), 'OMP_NUM_THREADS': '1'}


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def run_tool(environment, name, *argv):
    """Run a tool in a fork of this process; returns its id."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        os.environ.update(environment)
        runpy.run_path(str(ROOT / 'tools' / name))['main']([str(value) for value in argv])
        code = 0
    finally:
        os._exit(code)


@pytest.fixture(scope='module')
def trained(experiment):
    """Work dirs of a training in one process, and of one by dist_train.sh with one process on each of two nodes."""
    config, environment = experiment
    alone, both = config.parent / 'alone', config.parent / 'both'
    single = run_tool(environment, 'train.py', config, '--work-dir', alone, '--cfg-options', 'experiment_name=alone')
    port = str(free_port())
    nodes = [
        subprocess.Popen(
            [
                'bash',
                str(ROOT / 'tools/dist_train.sh'),
                str(config),
                '1',
                '--work-dir',
                str(both),
                '--cfg-options',
                'train_dataloader.batch_size=16',
            ],
            env={**environment, 'NNODES': '2', 'NODE_RANK': str(rank), 'PORT': port},
            cwd=config.parent,
        )
        for rank in (0, 1)
    ]
    assert [node.wait() for node in nodes] == [0, 0] and wait(single) == 0
    return alone, both


def scalars(work_dir):
    (file,) = work_dir.glob('*/vis_data/scalars.json')
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_losses_and_weights_agree(trained):
    alone, both = trained
    losses = [np.array([entry['loss'] for entry in scalars(folder) if 'loss' in entry]) for folder in trained]
    assert len(losses[0]) == len(losses[1]) == 10 and losses[0].std() > 0.01
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    states = [read_checkpoint(folder / 'epoch_2.pth')['state_dict'] for folder in trained]
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_two_processes_validate_and_test_like_one(experiment, trained):
    config, environment = experiment
    checkpoint = trained[0] / 'epoch_2.pth'
    results = []
    for count in (1, 2):
        folder = config.parent / f'test-{count}'
        arguments = [
            config,
            checkpoint,
            '--work-dir',
            folder,
            '--show-dir',
            folder / 'shown',
            '--cfg-options',
            f'experiment_name=test-{count}',
        ]
        launch = ['--launcher', 'pytorch'] if count == 2 else []
        port = free_port()
        runs = [
            run_tool(
                {
                    **environment,
                    'RANK': str(rank),
                    'LOCAL_RANK': str(rank),
                    'WORLD_SIZE': str(count),
                    'MASTER_ADDR': '127.0.0.1',
                    'MASTER_PORT': str(port),
                },
                'test.py',
                *arguments,
                *launch,
            )
            for rank in range(count)
        ]
        assert [wait(run) for run in runs] == [0] * count
        results.append(json.loads((folder / 'shown/metrics.json').read_text()))
    assert results[0] == results[1]
    number = results[0]['scenes']['indian-pines']
    assert results[0]['metrics']['OA'] > 0 and number
