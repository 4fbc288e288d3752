"""Trainings of the toy experiment in processes of their own, which inherit all imports and can be killed."""

import itertools
import os
import runpy
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.logging import MMLogger

import mmhsi.engine  # noqa: F401  imported once, for all processes
from mmhsi.weights.checkpoint_file import read_checkpoint

ROOT = Path(__file__).resolve().parents[1]
TOY = ROOT / 'tests' / 'data' / 'toy_experiment'
_numbers = itertools.count()


def start(
    work_dir: Path,
    *options: str,
    prepare: Callable[[], None] | None = None,
    config: str = 'toy_restart.py',
    tool: str = 'train.py',
    arguments: tuple[str, ...] = ('--resume',),
    name: str | None = None,
) -> int:
    """Fork a process that runs tools/train.py, or another tool, on a toy config or any other; returns its id.

    What it prints goes to ``output`` in the work dir. ``prepare`` is called in it before the training. Processes of one
    distributed run have one ``name``.
    """
    number = next(_numbers)  # keeps apart the logs of runs of one second
    (work_dir / 'started').unlink(missing_ok=True)
    process = os.fork()
    if process:
        return process
    code = 1
    torch.set_num_threads(1)  # OpenMP's threads stay behind in the parent, and waiting for them has no end
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        sys.stdout = sys.stderr = open(work_dir / 'output', 'a', buffering=1, encoding='utf-8')  # noqa: SIM115
        os.dup2(sys.stdout.fileno(), 1)
        os.dup2(sys.stdout.fileno(), 2)
        MMLogger._instance_dict.clear()  # those of earlier runs print where these printed
        os.environ['TOY_STARTED'] = str(work_dir / 'started')
        sys.path.insert(0, str(TOY))
        if prepare is not None:
            prepare()
        runpy.run_path(str(ROOT / 'tools' / tool))['main'](
            [
                str(TOY / config),
                '--work-dir',
                str(work_dir),
                *arguments,
                '--cfg-options',
                f'experiment_name={name or f"{work_dir.name}_{number}"}',
                *options,
            ]
        )
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(process: int) -> int:
    """The exit code of a process; negative for the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def interrupt(
    process: int, after: float, mark: Path, number: int = signal.SIGKILL, send: Callable[[], object] | None = None
) -> int:
    """Send a signal some seconds after a file appears ('started' in the work dir: the first iteration begins), or do
    something else then, and wait; returns the exit code."""
    until = None
    while until is None or time.monotonic() < until:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if until is None and mark.exists():
            until = time.monotonic() + after
        time.sleep(0.002)
    if send is None:
        os.kill(process, number)
    else:
        send()
    return wait(process)


def weights(work_dir: Path, name: str = 'epoch_8.pth') -> dict[str, torch.Tensor]:
    """Parameters and state of the optimiser of a checkpoint, by name."""
    checkpoint = read_checkpoint(work_dir / name)
    state = {
        f'optimizer {index} {key}': torch.as_tensor(value)
        for index, values in checkpoint['optimizer']['state'].items()
        for key, value in values.items()
    }
    return {**checkpoint['state_dict'], **state}


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    """The same bits in both."""
    assert found.keys() == expected.keys()
    different = [name for name in found if not torch.equal(found[name], expected[name])]
    assert not different, different
