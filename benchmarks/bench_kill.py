"""Kill a training again and again, resume it each time, and compare its weights with those of an uninterrupted run.

    python benchmarks/bench_kill.py --kills 24

The training is the toy experiment of the tests: ``tools/train.py --resume`` in a process of its own (forked, so that it
need not import everything anew), eight epochs of four iterations with random numbers in the data and in the model, and
a checkpoint of 32 MiB after each epoch, so that much of its time goes into saving. A signal is sent a random time after
the first iteration began. Printed for each: the signal, the time, whether the process was writing a checkpoint when it
died, the iteration that the newest intact checkpoint holds, and the exit code. A finished training is compared
with the uninterrupted one, all weights and the state of the optimiser bit by bit, and the next one begins.
"""

import argparse
import random
import signal
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / 'tests'))

from toy_runs import assert_same, interrupt, start, wait, weights

from mmhsi.engine.resume import find_latest_checkpoint
from mmhsi.weights.checkpoint_file import read_checkpoint

OPTIONS = ('model.pause=0.02', f'model.ballast={2**23}')
LAST = 'epoch_8.pth'


def state_of(folder: Path) -> tuple[bool, int]:
    """Whether a save was interrupted, and the iterations that the newest intact checkpoint holds."""
    latest = find_latest_checkpoint(folder)
    iterations = read_checkpoint(latest)['meta']['iter'] if latest else 0
    return bool(list(folder.glob('*.part'))), iterations


def finish(folder: Path, expected: dict) -> None:
    """Let a training finish, compare it and delete it."""
    if wait(start(folder, *OPTIONS)):
        raise SystemExit((folder / 'output').read_text())
    assert_same(weights(folder, LAST), expected)
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=24, help='signals to send (default: 24)')
    parser.add_argument('--sigterm', type=int, default=4, help='every n-th of them is SIGTERM (default: 4)')
    parser.add_argument('--longest', type=float, default=3.0, help='latest time of a signal in seconds (default: 3)')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as root:
        whole, parts = Path(root, 'whole'), Path(root, 'parts')
        if wait(start(whole, *OPTIONS)):
            raise SystemExit((whole / 'output').read_text())
        expected = weights(whole, LAST)
        sent = saving = runs = 0
        print('| signal | after (s) | while saving | iteration kept | exit code |\n| --- | --- | --- | --- | --- |')
        while sent < args.kills:
            number = signal.SIGTERM if args.sigterm and sent % args.sigterm == args.sigterm - 1 else signal.SIGKILL
            after = rng.uniform(0, args.longest)
            code = interrupt(start(parts, *OPTIONS), after, parts / 'started', number)
            if code not in (0, -signal.SIGKILL):
                raise SystemExit((parts / 'output').read_text())
            if code == -signal.SIGKILL or (parts / 'interrupted.pth').exists():
                cut, kept = state_of(parts)
                sent, saving = sent + 1, saving + cut
                print(f'| {number.name} | {after:.2f} | {"yes" if cut else "no"} | {kept} | {code} |', flush=True)
            if (parts / LAST).exists() or sent == args.kills:
                finish(parts, expected)
                runs += 1
    print(
        f'{sent} signals, {saving} of them while a checkpoint was being written; {runs} interrupted trainings came '
        'to their end, with the same bits as the uninterrupted one'
    )


if __name__ == '__main__':
    main()
