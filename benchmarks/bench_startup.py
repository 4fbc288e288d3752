"""Processor time of commands up to their first result, in seconds and as a multiple of ``import torch``.

    python benchmarks/bench_startup.py --repeats 3

Each command runs in a process of its own, in a folder with a scene of 24 x 24 pixels and a network of two blocks; the
least processor time (user and system) of the repeats is reported. Training ends after its first iteration, testing and
predicting after the one map, so that what remains is the start.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PREPARE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tiny_experiment import tiny_config
tiny_config(Path.cwd(), Path('run'), max_epochs=1).dump('tiny.py')
cfg = tiny_config(Path.cwd(), Path('first'))
cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=1, val_interval=10)
cfg.default_hooks.checkpoint = dict(type='CheckpointHook', by_epoch=False, interval=10, save_last=False)
cfg.param_scheduler = None
cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
cfg.dump('first.py')
"""
_EXAMPLE = 'mmhsi::classification/hypersigma-tiny_cls_indian-pines.py'
COMMANDS = (
    ('train, to the first iteration', 'train first.py'),
    ('test, to the map', 'test tiny.py run/epoch_1.pth --work-dir tested'),
    ('predict, to the map', 'predict cube.npy -w run/epoch_1.pth -o out --device cpu --overwrite'),
    ('data (verify a config)', 'data tiny.py'),
    ('baseline svm', 'baseline tiny.py svm --work-dir classical'),
    ('info', 'info'),
    ('models', 'models'),
    ('--help', '--help'),
    ('train --help', 'train --help'),
    ('a wrong argument', f'train {_EXAMPLE} --speed high'),
    ('a missing config', 'train none.py'),
    ('a missing checkpoint', f'test {_EXAMPLE} none.pth'),
    ('a missing scene', 'predict none.tif -w run/epoch_1.pth -o out'),
)


def processor_time(command: list[str], folder: Path, repeats: int, status: int = 0) -> float:
    """Least processor time of a command, which must end with this status."""
    times = []
    for _ in range(repeats):
        before = os.times()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        after = os.times()
        if done.returncode != status:
            raise RuntimeError(f'{command} ended with {done.returncode}: {done.stderr[-2000:]}')
        times.append(after.children_user - before.children_user + after.children_system - before.children_system)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--repeats', type=int, default=3, help='runs of each command (default: 3)')
    repeats = parser.parse_args().repeats
    mmhsi = [sys.executable, '-m', 'mmhsi.cli']
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, '-c', _PREPARE, str(ROOT / 'tests')], cwd=folder, check=True)
        subprocess.run([*mmhsi, 'train', 'tiny.py'], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        torch = processor_time([sys.executable, '-c', 'import torch'], folder, repeats)
        print('| command | processor time (s) | multiple of `import torch` |\n| --- | --- | --- |')
        print(f'| `import torch` | {torch:.2f} | 1 |')
        for title, command in COMMANDS:
            status = 2 if title.startswith('a ') else 0
            spent = processor_time([*mmhsi, *command.split()], folder, repeats, status)
            print(f'| {title} | {spent:.2f} | {spent / torch:.2f} |', flush=True)


if __name__ == '__main__':
    main()
