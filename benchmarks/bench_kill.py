"""Kill a training again and again, resume it each time, and compare its weights with those of a run left in peace.

    python benchmarks/bench_kill.py --kills 24

The training is the toy experiment of the tests, started by ``tools/train.py --resume`` in a process of its own: eight
epochs of four iterations with random numbers in the data and in the model, a checkpoint of 32 MiB after each epoch, so
that much of its time goes into saving. A signal is sent a random time after the first iteration began. Printed for
each: the signal, the time, whether the process was writing a checkpoint when it died, the iteration that the newest
intact checkpoint holds, and the exit code. At the end: whether all weights and the state of the optimiser are bit by
bit those of the uninterrupted run.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from mmhsi.engine.resume import find_latest_checkpoint

ROOT = Path(__file__).resolve().parents[1]
TOY = ROOT / 'tests/data/toy_experiment'
EPOCHS = 8


def start(folder: Path, number: int) -> subprocess.Popen:
    """Start or resume the training."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'started').unlink(missing_ok=True)
    environment = {**os.environ, 'PYTHONPATH': f'{TOY}{os.pathsep}{ROOT}', 'TOY_STARTED': str(folder / 'started')}
    with open(folder / 'output', 'a') as output:
        return subprocess.Popen(
            [sys.executable, str(ROOT / 'tools/train.py'), str(TOY / 'toy_restart.py'), '--work-dir', str(folder),
             '--resume', '--cfg-options', 'model.pause=0.02', f'model.ballast={2 ** 23}',
             f'experiment_name={folder.name}_{number}'],
            env=environment, cwd=folder, stdout=output, stderr=output)


def interrupt(process: subprocess.Popen, mark: Path, after: float, number: int) -> int:
    """Send a signal some seconds after the first iteration began; returns the exit code."""
    while not mark.exists() and process.poll() is None:
        time.sleep(0.005)
    time.sleep(after)
    process.send_signal(number)
    return process.wait()


def state_of(folder: Path) -> dict[str, torch.Tensor]:
    """Weights and optimiser state of the last epoch."""
    checkpoint = torch.load(folder / f'epoch_{EPOCHS}.pth', weights_only=True)
    optimiser = {f'{index} {key}': torch.as_tensor(value)
                 for index, values in checkpoint['optimizer']['state'].items() for key, value in values.items()}
    return {**checkpoint['state_dict'], **optimiser}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=24, help='signals to send (default: 24)')
    parser.add_argument('--sigterm', type=int, default=4, help='every how manyth of them is SIGTERM (default: 4)')
    parser.add_argument('--longest', type=float, default=1.0, help='latest time of a signal in seconds (default: 1)')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as root:
        whole, parts = Path(root, 'whole'), Path(root, 'parts')
        if start(whole, 0).wait():
            raise SystemExit((whole / 'output').read_text())
        expected = state_of(whole)
        sent = runs = saving = same = 0
        print('| signal | after (s) | while saving | iteration kept | exit code |\n| --- | --- | --- | --- | --- |')
        while sent < args.kills:
            number = signal.SIGTERM if args.sigterm and sent % args.sigterm == args.sigterm - 1 else signal.SIGKILL
            after = rng.uniform(0, args.longest)
            code = interrupt(start(parts, sent + runs), parts / 'started', after, number)
            if code == 0 and number == signal.SIGKILL or (parts / f'epoch_{EPOCHS}.pth').exists():
                runs += 1  # it was faster than the signal
            else:
                sent += 1
                if code not in (0, -signal.SIGKILL):
                    raise SystemExit((parts / 'output').read_text())
                cut = bool(list(parts.glob('*.part')))
                saving += cut
                latest = find_latest_checkpoint(parts)
                kept = torch.load(latest, weights_only=True)['meta']['iter'] if latest else 0
                print(f'| {signal.Signals(number).name} | {after:.2f} | {"yes" if cut else "no"} | {kept} | {code} |',
                      flush=True)
                if sent < args.kills:
                    continue
                runs += 1
            if start(parts, args.kills + 1000 + runs).wait():
                raise SystemExit((parts / 'output').read_text())
            found = state_of(parts)
            same += found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in found)
            for path in parts.iterdir():
                if path.is_file():
                    path.unlink()
    print(f'{sent} signals, {saving} of them while a checkpoint was being written; {runs} interrupted runs came to '
          f'their end, {same} of them with the same bits as the uninterrupted one')
    if same < runs:
        raise SystemExit(1)


if __name__ == '__main__':
    main()
