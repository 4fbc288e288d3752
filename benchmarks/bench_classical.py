"""Detectors without training: seconds of the present code, of another revision and of plain alternatives, in one run.

    OMP_NUM_THREADS=2 python benchmarks/bench_classical.py --against HEAD~10
    OMP_NUM_THREADS=2 python benchmarks/bench_classical.py --rows 64    (only the present code)

The scene has 512 x 512 pixels of 100 correlated bands in float32. RX and ACE are compared with SPy's, CEM with six
lines of NumPy. Local RX and CRD use their default windows; --rows gives them fewer rows, from which the time of the
whole scene is extrapolated. Old and new code run alternately; each figure is the best of three runs.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
SIDE, BANDS = 512, 100


def scene() -> np.ndarray:
    rng = np.random.default_rng(0)
    cube = rng.normal(size=(SIDE, SIDE, BANDS)) @ rng.normal(size=(BANDS, BANDS)) + 50
    return cube.astype(np.float32)


def best(function, repeats: int = 3) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def plain_cem(cube: np.ndarray, target: np.ndarray) -> np.ndarray:
    pixels = cube.reshape(-1, cube.shape[-1]).astype(float)
    weights = np.linalg.solve(pixels.T @ pixels / len(pixels), target)
    return (pixels @ weights / (target @ weights)).reshape(cube.shape[:2])


def measure(rows: int, alternatives: bool) -> dict[str, float]:
    """Seconds by method."""
    import spectral

    from mmhsi.classical import ace, cem, crd, local_rx, rx

    cube = scene()
    target = cube[3, 3].astype(float)
    seconds = {
        'RX': best(lambda: rx(cube)),
        'CEM': best(lambda: cem(cube, target)),
        'ACE': best(lambda: ace(cube, target)),
    }
    if alternatives:
        seconds.update(
            {
                'RX, SPy': best(lambda: spectral.rx(cube)),
                'RX, SPy, float64': best(lambda: spectral.rx(cube.astype(float))),
                'CEM, six lines': best(lambda: plain_cem(cube, target)),
                'ACE, SPy': best(lambda: spectral.ace(cube, target)),
            }
        )
    for name, detector in (('local RX', local_rx), ('CRD', crd)) if rows else ():
        seconds[name] = best(lambda detector=detector: detector(cube[:rows]), 1) * SIDE / rows
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--against', help='revision of git to compare with')
    parser.add_argument('--rows', type=int, default=SIDE, help='rows for local RX and CRD; 0 leaves them out')
    parser.add_argument('--repeats', type=int, default=2, help='turns of old and new')
    parser.add_argument('--inner', action='store_true', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inner:
        print(json.dumps(measure(args.rows, args.against is None)))
        return
    from against import ROOT, checked_out, run_in

    def lowest(found: list[dict]) -> dict:
        return {name: min(one[name] for one in found) for name in found[0]}

    options = ['--inner', '--rows', str(args.rows)]
    new, old = [], []
    if args.against is None:
        new = [json.loads(run_in(ROOT, __file__, *options)) for _ in range(args.repeats)]
    else:
        with checked_out(args.against) as folder:
            for _ in range(args.repeats):
                new.append(json.loads(run_in(ROOT, __file__, *options)))
                old.append(json.loads(run_in(folder, __file__, *options, '--against', args.against)))
    now, before = lowest(new), lowest(old) if old else {}
    print(f'{"method":18s} {"seconds":>9s} {"before":>9s} {"ratio":>7s}')
    for name, seconds in now.items():
        other = before.get(name)
        compared = '' if other is None else f'{other:9.3f} {other / seconds:7.2f}'
        print(f'{name:18s} {seconds:9.3f} {compared}')


if __name__ == '__main__':
    main()
