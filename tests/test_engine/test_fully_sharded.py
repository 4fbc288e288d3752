"""Networks sharded over processes: the losses and scores of one process, and runs that are killed."""

import copy
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed.fsdp
from config_runs import look_alikes
from mmengine.config import Config
from mmengine.device import get_device
from toy_runs import start, wait

from mmhsi.engine.distributed import build_runner
from mmhsi.engine.strategies.shards import shard_modules
from mmhsi.models.layers.transformer_block import TransformerBlocks
from mmhsi.weights.checkpoint_file import check_intact, read_checkpoint
from mmhsi.weights.sharded_checkpoint import is_sharded

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'tests/data/shared_network'
BATCH = 12
pytestmark = [
    pytest.mark.skipif(
        get_device() != 'cpu', reason='an accelerator is there, and several processes would need several'
    ),
    pytest.mark.skipif(
        not hasattr(torch.distributed.fsdp, 'fully_shard'), reason='torch before 2.6 cannot shard a network'
    ),
]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('shared')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MMHSI_DATA', str(look_alikes(folder / 'data', ['indian_pines'])))
        patch.syspath_prepend(str(CONFIGS))
        yield folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def train(
    name: str, processes: int, folder: Path, *options: str, arguments: tuple[str, ...] = (), tool: str = 'train.py'
) -> None:
    """Train a config in processes of one run; none of them: MMEngine's usual runner, with all of the network."""
    port = free_port()
    if processes:
        options += (f'train_dataloader.batch_size={BATCH // processes}',)
        arguments += ('--launcher', 'pytorch')
    else:
        options += ('runner_type=Runner',)

    def prepare(rank):
        return lambda: os.environ.update(
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE=str(processes),
            MASTER_ADDR='127.0.0.1',
            MASTER_PORT=str(port),
        )

    runs = [
        start(
            folder,
            *options,
            prepare=prepare(rank),
            config=str(CONFIGS / name),
            tool=tool,
            arguments=arguments,
            name=folder.name,
        )
        for rank in range(max(processes, 1))
    ]
    codes = [wait(run) for run in runs]
    assert not any(codes), (folder / 'output').read_text()[-4000:]


def logged(work_dir: Path, name: str) -> np.ndarray:
    """A scalar as the runs in a folder logged it, the earlier run first."""
    found = []
    for file in sorted(work_dir.glob('*/vis_data/scalars.json')):
        found += [entry[name] for entry in map(json.loads, file.read_text().splitlines()) if name in entry]
    return np.array(found)


def assert_same_course(work_dir: Path, expected: Path, last: int = 20) -> None:
    for name in ('loss', 'grad_norm'):
        wanted = logged(expected, name)
        assert len(wanted) == 20 and wanted.std() > 0.005
        np.testing.assert_allclose(logged(work_dir, name)[-last:], wanted[-last:], rtol=1e-5, err_msg=name)


@pytest.fixture(scope='module')
def alone(root):
    """Work dirs of runs in one process that share nothing out, by config."""
    for name in ('spat', 'spec', 'windows'):
        train(f'{name}.py', 0, root / f'{name}-alone')
        assert (logged(root / f'{name}-alone', 'grad_norm') > 0.2).any()  # gradients are clipped
    return {name: root / f'{name}-alone' for name in ('spat', 'spec', 'windows')}


def child_of(process: int, rank: int) -> int | None:
    """The process of a rank that torchrun started."""
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            parent = int((folder / 'stat').read_text().rpartition(')')[2].split()[1])
            if parent == process and f'RANK={rank}'.encode() in (folder / 'environ').read_bytes().split(b'\0'):
                return int(folder.name)
        except (OSError, IndexError):
            continue
    return None


def test_a_killed_run_goes_on_with_another_number_of_processes(root, alone):
    folder = root / 'killed'
    environment = {
        **os.environ,
        'PATH': os.pathsep.join([os.path.dirname(sys.executable), os.environ['PATH']]),
        'PYTHONPATH': str(CONFIGS),
        'PORT': str(free_port()),
        'OMP_NUM_THREADS': '1',
    }
    command = ['bash', str(ROOT / 'tools/dist_train.sh'), str(CONFIGS / 'spat.py'), '2', '--work-dir', str(folder)]
    command += ['--cfg-options', 'train_dataloader.batch_size=6', 'experiment_name=killed']
    launched = subprocess.Popen(
        command, env=environment, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    while launched.poll() is None and not (folder / 'last_checkpoint').exists():
        time.sleep(0.01)
    victim = child_of(launched.pid, 1)
    assert victim is not None, launched.communicate()[0][-4000:]
    os.kill(victim, signal.SIGKILL)
    killed = time.monotonic()
    output = launched.communicate(timeout=60)[0]
    assert launched.returncode and time.monotonic() - killed < 25
    assert 'RuntimeError: rank 0, at iteration 1' in output, output[-4000:]
    assert 'waited too long for other processes' in output and 'rank 1 gives no sign of life' in output

    first = folder / 'epoch_1.pth'
    assert (folder / 'last_checkpoint').read_text() == str(first) and not (folder / 'epoch_2.pth').exists()
    assert is_sharded(first) and check_intact(first)['meta']['iter'] == 10
    for file in folder.glob('*/vis_data/scalars.json'):  # steps behind the checkpoint are made again
        lines = [line for line in file.read_text().splitlines() if json.loads(line)['step'] <= 10]
        file.write_text(''.join(f'{line}\n' for line in lines))
    train('spat.py', 3, folder, arguments=('--resume',))
    assert_same_course(folder, alone['spat'])
    whole = read_checkpoint(folder / 'final.pth')
    expected = read_checkpoint(alone['spat'] / 'epoch_2.pth')['state_dict']
    assert whole['meta']['iter'] == 20 and whole['meta']['epoch'] == 2 and whole['state_dict'].keys() == expected.keys()
    for name, value in read_checkpoint(folder / 'epoch_2.pth')['state_dict'].items():
        assert torch.equal(value, whole['state_dict'][name]), name
        torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-4, msg=name)


def test_three_processes_go_on_from_the_file_of_one(root, alone):
    folder = root / 'spec-three'
    train('spec.py', 3, folder, arguments=('--resume', str(alone['spec'] / 'epoch_1.pth')))
    assert_same_course(folder, alone['spec'], last=10)


def test_two_processes_tune_and_score_like_one(root, alone):
    folder = root / 'windows-two'
    train('windows.py', 2, folder)
    assert_same_course(folder, alone['windows'])
    for name in ('OA', 'AA', 'kappa'):
        scores = logged(folder, name)
        assert len(scores) == 2 and scores.min() > 0
        np.testing.assert_array_equal(scores, logged(alone['windows'], name))
    best = (folder / 'best_checkpoint').read_text()
    assert Path(best).is_file() and read_checkpoint(best)['state_dict'].keys()
    metrics = []
    # one process tests the file of one, and a file and a folder that two wrote; two test the folder
    tests = ((alone['windows'] / 'epoch_2.pth', 0), (folder / 'final.pth', 0), (folder / 'epoch_2.pth', 0))
    for checkpoint, processes in (*tests, (folder / 'epoch_2.pth', 2)):
        shown = root / f'shown-{len(metrics)}'
        arguments = (str(checkpoint), '--show-dir', str(shown))
        if processes:
            train('windows.py', processes, root / 'test-two', arguments=arguments, tool='test.py')
        else:
            runpy.run_path(str(ROOT / 'tools/test.py'))['main'](
                [str(CONFIGS / 'windows.py'), *arguments, '--work-dir', str(root / 'test')]
            )
        metrics.append(json.loads((shown / 'metrics.json').read_text()))
    assert metrics[0]['metrics']['OA'] > 0 and all(found == metrics[0] for found in metrics)


def test_a_training_needs_a_launcher(root, tmp_path):
    cfg = Config.fromfile(CONFIGS / 'spat.py')
    cfg.work_dir = str(tmp_path)
    with pytest.raises(RuntimeError, match=r'start the training with tools/dist_train.sh CONFIG PROCESSES'):
        build_runner(cfg).train()


def test_an_old_torch_is_named(monkeypatch):
    monkeypatch.delattr(torch.distributed.fsdp, 'fully_shard')
    with pytest.raises(ImportError, match=r'needs torch 2.6 or later, found .*: install a later one, or leave'):
        shard_modules(torch.nn.Linear(1, 1), (), None, True, 'cpu')


@pytest.fixture
def group(monkeypatch):
    """A process group of only this process."""
    for name, value in dict(RANK=0, WORLD_SIZE=1, MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port()).items():
        monkeypatch.setenv(name, str(value))
    torch.distributed.init_process_group('gloo')
    yield
    torch.distributed.destroy_process_group()


class Encoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Linear(3, 8)
        self.blocks = TransformerBlocks(2, 8, 1, num_heads=2, feedforward_channels=16, with_cp=True)

    def forward(self, x):
        return self.blocks(self.embed(x), (2, 2), (1,))[0]


def test_units_compute_in_bfloat16_and_all_else_in_float32(group):
    torch.manual_seed(0)
    model = Encoder()
    x = torch.rand(5, 4, 3)
    wanted = model(x)
    wanted.square().sum().backward()
    gradients = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    shard_modules(model, ('TransformerBlock',), torch.bfloat16, True, 'cpu')
    seen = []
    linear = model.blocks[0].mlp.fc1
    linear.register_forward_hook(lambda module, inputs, output: seen.append((module.weight.dtype, output.dtype)))
    found = model(x)
    found.square().sum().backward()
    assert seen == 2 * [(torch.bfloat16, torch.bfloat16)] and found.dtype == torch.float32  # twice: recomputed
    torch.testing.assert_close(found, wanted, rtol=0.05, atol=0.05)
    for name, parameter in model.named_parameters():
        assert parameter.dtype == parameter.grad.dtype == torch.float32
        gradient = parameter.grad.full_tensor()
        assert (gradient - gradients[name]).norm() < 0.05 * gradients[name].norm() + 1e-3, name


def test_what_cannot_be_shared_out_is_told(group):
    with pytest.raises(ValueError, match=r'Linear holds no module of the classes Swin, which strategy.units names'):
        shard_modules(torch.nn.Linear(1, 1), ('Swin',), None, True, 'cpu')
    model = Encoder()
    shard_modules(model, ('TransformerBlock',), None, True, 'cpu')
    with pytest.raises(
        NotImplementedError, match=r'is sharded over processes and cannot be copied as a whole, as EMAHook'
    ):
        copy.deepcopy(model)
