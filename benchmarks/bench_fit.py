"""Fitting the preprocessing on a scene that is larger than memory: seconds and memory, against another revision.

    OMP_NUM_THREADS=2 python benchmarks/bench_fit.py --gigabytes 3 --against HEAD~10

A sparse GeoTIFF of 200 bands, uint16, of which 512 x 512 pixels hold random values; each line is fitted in a process of
its own, and its memory is what the process held at most less what it held before.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / 'benchmarks'), str(ROOT / 'tests')]
BANDS, PART = 200, 512
CHAINS = {
    'Standardize': [dict(type='Standardize')],
    'SpectralPCA': [dict(type='SpectralPCA', n_components=30)],
    'MinimumNoiseFraction': [dict(type='MinimumNoiseFraction', n_components=30)],
}


def measure(path: str, name: str) -> dict:
    """Seconds and bytes of fitting a chain."""
    import resource

    from mmhsi.datasets import Scene

    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    scene = Scene(path, preprocessing=CHAINS[name], cache=False)
    before, start = peak(), time.perf_counter()
    scene.prepare()
    return dict(seconds=time.perf_counter() - start, bytes=peak() - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--gigabytes', type=float, default=3.0, help='size of the scene (default: 3)')
    parser.add_argument('--against', help='revision of git to compare with')
    parser.add_argument('--inner', nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inner:
        print(json.dumps(measure(*args.inner)))
        return
    from contextlib import nullcontext

    from against import checked_out, run_in
    from sparse_scene import BLOCK, write_sparse_scene

    side = round((args.gigabytes * 1e9 / 2 / BANDS) ** 0.5 / BLOCK) * BLOCK
    with tempfile.TemporaryDirectory() as folder, checked_out(args.against) if args.against else nullcontext() as old:
        path = str(Path(folder) / 'scene.tif')
        place = side // 2 // BLOCK * BLOCK
        write_sparse_scene(Path(path), side, BANDS, (place, place, PART, PART))
        print(f'scene: {side} x {side} pixels, {BANDS} bands, {2 * BANDS * side**2 / 1e9:.1f} GB')
        for name in CHAINS:
            for title, root in (('', ROOT), (f' at {args.against}', old)):
                if root is not None:
                    found = json.loads(run_in(root, __file__, '--inner', path, name).splitlines()[-1])
                    print(f'{name + title:36s} {found["seconds"]:7.1f} s {found["bytes"] / 2**20:8.0f} MiB', flush=True)


if __name__ == '__main__':
    main()
