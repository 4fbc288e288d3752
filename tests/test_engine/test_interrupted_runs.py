"""Runs that are killed, pre-empted, or run out of disk space, and what resuming makes of them."""

import os
import random
import resource
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.fileio import LocalBackend
from toy_runs import assert_same, interrupt, start, wait, weights

from mmhsi.engine.distributed import close_process_group, init_cpu_process_group
from mmhsi.engine.hooks import safe_checkpoint_hook
from mmhsi.ops import ssa_fused
from mmhsi.weights.checkpoint_file import read_checkpoint

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason='a process with CUDA cannot be forked')
PAUSE = 'model.pause=0.01'


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()} - {'output', 'started', 'toy_restart.py'}


@pytest.fixture(scope='module')
def whole(tmp_path_factory) -> Path:
    """The folder of a run that nobody interrupts."""
    folder = tmp_path_factory.mktemp('whole')
    assert wait(start(folder)) == 0, (folder / 'output').read_text()
    return folder


def test_a_whole_run_keeps_its_last_and_best_checkpoint(whole):
    (best,) = (name for name in names(whole) if name.startswith('best') and name.endswith('.pth'))
    assert names(whole) == {'epoch_8.pth', best, 'last_checkpoint', 'best_checkpoint'}
    assert (whole / 'last_checkpoint').read_text() == str(whole / 'epoch_8.pth')


def test_a_run_killed_at_random_moments_ends_with_the_same_weights(tmp_path, whole):
    rng = random.Random(0)
    kills = 0
    while kills < 4:
        code = interrupt(start(tmp_path, PAUSE), rng.uniform(0, 0.5), tmp_path / 'started')
        if code == 0:
            break
        assert code == -signal.SIGKILL, (tmp_path / 'output').read_text()
        kills += 1
    assert kills >= 3 and wait(start(tmp_path, PAUSE)) == 0, (tmp_path / 'output').read_text()
    assert_same(weights(tmp_path), weights(whole))
    assert names(tmp_path) == names(whole)


def die_in(place: str, epoch: int):
    """Let a process kill itself at a place in the save of an epoch."""

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    wanted = f'epoch_{epoch}.pth.part'
    put, put_in_place, write_text = LocalBackend.put, safe_checkpoint_hook.put_in_place, safe_checkpoint_hook.write_text
    delete = safe_checkpoint_hook.SafeCheckpointHook._delete

    def half_put(self, content, path):
        if place == 'writing' and Path(path).name == wanted:
            put(self, content[: len(content) // 2], path)
            die()
        put(self, content, path)

    def dying_put_in_place(part, path):
        if place == 'before renaming' and part.name == wanted:
            die()
        put_in_place(part, path)
        if place == 'after renaming' and part.name == wanted:
            die()

    def dying_write_text(path, text):
        if place == 'last_checkpoint' and text.endswith(wanted.removesuffix('.part')):
            Path(f'{path}.part').write_text(text[:5])
            die()
        write_text(path, text)

    def dying_delete(self, paths):
        former = (
            f'best_toy_error_epoch_{epoch - 1}.pth' if place == 'deleting the former best' else f'epoch_{epoch - 1}.pth'
        )
        if place.startswith('deleting') and any(Path(path).name == former for path in paths):
            die()
        delete(self, paths)

    def prepare():
        LocalBackend.put = half_put
        safe_checkpoint_hook.put_in_place = dying_put_in_place
        safe_checkpoint_hook.write_text = dying_write_text
        safe_checkpoint_hook.SafeCheckpointHook._delete = dying_delete

    return prepare


@pytest.mark.parametrize(
    'place', ['writing', 'before renaming', 'after renaming', 'last_checkpoint', 'deleting', 'deleting the former best']
)
def test_a_run_killed_while_it_saves_ends_with_the_same_weights(tmp_path, whole, place):
    assert wait(start(tmp_path, prepare=die_in(place, 3))) == -signal.SIGKILL, (tmp_path / 'output').read_text()
    whole_one = 'epoch_3.pth' if place == 'deleting the former best' else 'epoch_2.pth'
    assert {whole_one, 'last_checkpoint'} <= names(tmp_path)
    assert wait(start(tmp_path)) == 0, (tmp_path / 'output').read_text()
    assert_same(weights(tmp_path), weights(whole))
    assert names(tmp_path) - {'last_checkpoint.part'} == names(whole)


def test_a_copied_run_goes_on_without_the_original(tmp_path, whole):
    original, copy = tmp_path / 'original', tmp_path / 'copy'
    assert wait(start(original, 'train_cfg.max_epochs=3')) == 0, (original / 'output').read_text()
    held = names(original)
    shutil.copytree(original, copy)
    assert wait(start(copy)) == 0, (copy / 'output').read_text()
    assert names(original) == held and names(copy) == names(whole)
    assert (copy / 'best_checkpoint').read_text() == str(copy / Path((whole / 'best_checkpoint').read_text()).name)


@pytest.mark.parametrize('workers', [0, 2])
def test_sigterm_saves_inside_an_epoch_and_resuming_goes_on_there(tmp_path, whole, workers):
    options = [f'train_dataloader.num_workers={workers}']
    reference = whole
    if workers:
        reference = tmp_path / 'whole'
        assert wait(start(reference, *options)) == 0
    folder = tmp_path / 'parts'
    process = start(folder, 'model.pause=0.05', *options)
    code = interrupt(process, 0.1, folder / 'epoch_2.pth', signal.SIGTERM)
    assert code == 0, (folder / 'output').read_text()
    interrupted = read_checkpoint(folder / 'interrupted.pth')
    assert interrupted['meta']['iter'] == 4 * interrupted['meta']['epoch'] + interrupted['mmhsi_position']['batches']
    assert (folder / 'last_checkpoint').read_text() == str(folder / 'interrupted.pth')
    assert 'continue from' in (folder / 'output').read_text()
    assert wait(start(folder, *options)) == 0, (folder / 'output').read_text()
    assert_same(weights(folder), weights(reference))
    assert names(folder) == names(reference)


def test_ctrl_c_saves_and_ends_as_sigterm_does(tmp_path):
    options = ['train_dataloader.num_workers=2']
    whole, folder = tmp_path / 'whole', tmp_path / 'parts'
    assert wait(start(whole, *options)) == 0
    process = start(folder, 'model.pause=0.05', *options, prepare=os.setpgrp)
    # as the terminal and a launcher do: all processes get it, more than once
    code = interrupt(
        process,
        0.1,
        folder / 'epoch_2.pth',
        signal.SIGINT,
        send=lambda: [os.killpg(process, signal.SIGINT) for _ in range(2)],
    )
    output = (folder / 'output').read_text()
    assert code == 0 and 'Ctrl-C: the run ends after iteration' in output, output
    assert (folder / 'last_checkpoint').read_text() == str(folder / 'interrupted.pth')
    assert wait(start(folder, *options)) == 0, (folder / 'output').read_text()
    assert_same(weights(folder), weights(whole))


def test_a_second_ctrl_c_ends_at_once(tmp_path):
    folder = tmp_path / 'parts'
    process = start(folder, 'model.pause=6')  # no iteration ends in time

    def twice():
        os.kill(process, signal.SIGINT)
        time.sleep(2.5)
        os.kill(process, signal.SIGINT)

    assert interrupt(process, 0.1, folder / 'started', send=twice) == 1
    assert 'KeyboardInterrupt' in (folder / 'output').read_text() and not (folder / 'interrupted.pth').exists()


def test_resuming_with_persistent_workers_says_that_it_is_not_exact(tmp_path):
    options = ['train_dataloader.num_workers=1', 'train_dataloader.persistent_workers=True']
    assert wait(start(tmp_path, *options, 'train_cfg.max_epochs=1')) == 0, (tmp_path / 'output').read_text()
    assert 'persistent_workers is set' not in (tmp_path / 'output').read_text()
    assert wait(start(tmp_path, *options, 'train_cfg.max_epochs=2')) == 0
    assert 'is not what they would have drawn without the interruption' in (tmp_path / 'output').read_text()


def test_the_flexible_runner_resumes_exactly_too(tmp_path):
    options = ['runner_type=FlexibleRunner', 'env_cfg.cudnn_benchmark=False']  # what FSDP runs with
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    assert wait(start(whole, *options)) == 0, (whole / 'output').read_text()
    code = interrupt(start(parts, 'model.pause=0.05', *options), 0.1, parts / 'epoch_2.pth', signal.SIGTERM)
    assert code == 0 and (parts / 'interrupted.pth').exists(), (parts / 'output').read_text()
    assert wait(start(parts, *options)) == 0, (parts / 'output').read_text()
    assert_same(weights(parts), weights(whole))


def start_two(folder: Path, *options: str) -> list[int]:
    """Two processes of one training; returns their ids."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]

    def prepare(rank: int) -> Callable[[], None]:
        return lambda: os.environ.update(
            RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port)
        )

    return [
        start(
            folder,
            'train_dataloader.batch_size=1',
            *options,
            prepare=prepare(rank),
            name=folder.name,
            arguments=('--resume', '--launcher', 'pytorch'),
        )
        for rank in (0, 1)
    ]


def test_two_processes_stop_together_and_resume_exactly(tmp_path):
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    assert [wait(process) for process in start_two(whole)] == [0, 0], (whole / 'output').read_text()
    first, second = start_two(parts, 'model.pause=0.05')
    # the signal reaches one of them alone
    assert interrupt(second, 0.1, parts / 'epoch_2.pth', signal.SIGTERM) == 0, (parts / 'output').read_text()
    assert wait(first) == 0
    position = read_checkpoint(parts / 'interrupted.pth')['mmhsi_position']
    assert position['processes'] == len(position['now']) == 2
    assert [wait(process) for process in start_two(parts)] == [0, 0], (parts / 'output').read_text()
    assert_same(weights(parts), weights(whole))


@pytest.mark.parametrize('stopped', [0, 1])
def test_a_process_that_hangs_is_named(tmp_path, monkeypatch, stopped):
    monkeypatch.setattr('mmhsi.engine.heartbeat._SECONDS', 0.3)
    processes = start_two(tmp_path, 'model.pause=0.05', 'env_cfg.dist_cfg.timeout=5')
    try:

        def stop():
            os.kill(processes[stopped], signal.SIGSTOP)

        assert interrupt(processes[1 - stopped], 0.2, tmp_path / 'epoch_2.pth', send=stop) == 1
    finally:
        os.kill(processes[stopped], signal.SIGKILL)
        assert wait(processes[stopped]) == -signal.SIGKILL
    output = (tmp_path / 'output').read_text()
    assert f'RuntimeError: rank {1 - stopped}, at iteration ' in output, output[-2000:]
    found = output.split('waited too long for other processes (limit 0:00:05, env_cfg.dist_cfg.timeout): ')[1]
    assert found.startswith(f'rank {stopped}') and 'no sign of life' in found.splitlines()[0]


def test_processes_attend_with_one_back_end(tmp_path):
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    children = []
    for rank in range(2):
        child = os.fork()
        if not child:
            code = 1
            try:
                os.environ.update(RANK=str(rank), WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
                ssa_fused._load = lambda: 'OSError: no compiler' if rank else object()  # noqa: B023
                init_cpu_process_group(Config(dict(launcher='pytorch')))
                told = ssa_fused.why_unavailable()
                code = 0 if told == 'rank 1 cannot use it: OSError: no compiler' else 2
                close_process_group()
            finally:
                os._exit(code)
        children.append(child)
    assert [wait(child) for child in children] == [0, 0]


def test_iteration_based_runs_resume_exactly(tmp_path):
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    assert wait(start(whole, config='toy_restart_iter.py')) == 0, (whole / 'output').read_text()
    assert wait(start(parts, 'train_cfg.max_iters=5', config='toy_restart_iter.py')) == 0
    assert wait(start(parts, config='toy_restart_iter.py')) == 0, (parts / 'output').read_text()
    assert_same(weights(parts, 'iter_12.pth'), weights(whole, 'iter_12.pth'))


def test_a_damaged_checkpoint_is_passed_over(tmp_path, whole):
    keep = 'default_hooks.checkpoint.max_keep_ckpts=3'
    assert wait(start(tmp_path, keep, 'train_cfg.max_epochs=4')) == 0
    last = tmp_path / 'epoch_4.pth'
    content = last.read_bytes()
    middle = len(content) // 2
    last.write_bytes(content[:middle] + b'?' * 64 + content[middle + 64 :])
    assert wait(start(tmp_path, keep)) == 0, (tmp_path / 'output').read_text()
    output = (tmp_path / 'output').read_text()
    assert f'{last} is' in output and 'looking for an older checkpoint' in output
    assert_same(weights(tmp_path), weights(whole))


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path, whole):
    def no_large_files():
        put = LocalBackend.put

        def limited(self, content, path):
            if Path(path).name.startswith('epoch_3'):
                resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) // 2, resource.RLIM_INFINITY))
            put(self, content, path)

        LocalBackend.put = limited

    assert wait(start(tmp_path, prepare=no_large_files)) == 1
    output = (tmp_path / 'output').read_text()
    assert f'{tmp_path / "epoch_3.pth"}: the checkpoint cannot be written: File too large' in output
    assert f'the last good checkpoint is {tmp_path / "epoch_2.pth"}: make room and continue with --resume' in output
    assert not list(tmp_path.glob('*.part')) and (tmp_path / 'epoch_2.pth').exists()
    assert wait(start(tmp_path)) == 0
    assert_same(weights(tmp_path), weights(whole))
