"""Memory of a scene that is larger than it, and of a long training.

    python benchmarks/bench_big_scene.py scene --gigabytes 20
    python benchmarks/bench_big_scene.py training --iterations 2000

``scene`` writes a sparse GeoTIFF of 200 bands, uint16, tiles it with ``TileDataset``, predicts a part of 512 x 512
pixels with a tiny network, tile by tile, and writes the map, as large as the scene and with its georeference, window by
window. ``training`` trains
the tiny experiment of the tests and prints how much memory the process holds on the way.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

sys.path.append(str(Path(__file__).resolve().parents[1] / 'tests'))

from sparse_scene import BLOCK, predict_part, resident, write_sparse_scene
from tiny_experiment import tiny_config

from mmhsi.engine.distributed import build_runner

BANDS, PART = 200, 512
MIB = 2 ** 20


def scene(folder: Path, gigabytes: float) -> None:
    """Tile, predict and write a part of a large scene."""
    side = round((gigabytes * 1e9 / 2 / BANDS) ** 0.5 / BLOCK) * BLOCK
    place = side // 2 // BLOCK * BLOCK
    part = (place, place, PART, PART)
    start = time.perf_counter()
    write_sparse_scene(folder / 'scene.tif', side, BANDS, part)
    size = (folder / 'scene.tif').stat()
    print(f'scene: {side} x {side} pixels, {BANDS} bands, {2 * BANDS * side ** 2 / 1e9:.1f} GB, '
          f'{size.st_blocks * 512 / 1e6:.0f} MB on the disk, written in {time.perf_counter() - start:.0f} s')
    before, start = resident(), time.perf_counter()
    tiles, peak = predict_part(folder / 'scene.tif', folder / 'map.tif', part)
    print(f'{tiles} tiles predicted in {time.perf_counter() - start:.0f} s; memory held: {before / MIB:.0f} MiB '
          f'before, {peak / MIB:.0f} MiB at most; peak of the whole process '
          f'{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB')
    with rasterio.open(folder / 'map.tif') as result, rasterio.open(folder / 'scene.tif') as source:
        labels = result.read(1, window=Window(place, place, PART, PART))
        assert (result.height, result.width, result.transform, result.crs) == (side, side, source.transform, source.crs)
    print(f'map: pixels by class {np.bincount(labels.ravel()).tolist()} in the part (0: not predicted)')


def training(folder: Path, iterations: int) -> None:
    """Train for long, and print the memory."""
    cfg = tiny_config(folder, folder / 'work', max_epochs=-(-iterations // 3))
    cfg.train_cfg.val_interval = cfg.train_cfg.val_begin = 10 ** 6
    cfg.default_hooks.checkpoint = dict(type='SafeCheckpointHook', interval=50, max_keep_ckpts=1, save_last=False)
    cfg.default_hooks.update(resume=dict(type='ExactResumeHook'), loss=dict(type='NonFiniteLossHook'))
    cfg.log_level = 'ERROR'
    runner = build_runner(cfg)
    marks = []

    def after(batch, **kwargs):
        if runner.iter % 200 == 0:
            marks.append(resident())
            print(f'iteration {runner.iter}: {marks[-1] / MIB:.1f} MiB', flush=True)
        return step(batch, **kwargs)

    step, runner.model.train_step = runner.model.train_step, after
    runner.train()
    print(f'growth from iteration 400 to the end: {(resident() - marks[2]) / MIB:.1f} MiB')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=('scene', 'training'))
    parser.add_argument('--gigabytes', type=float, default=20., help='size of the scene (default: 20)')
    parser.add_argument('--iterations', type=int, default=2000, help='length of the training (default: 2000)')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scene(Path(folder), args.gigabytes) if args.what == 'scene' else training(Path(folder), args.iterations)


if __name__ == '__main__':
    main()
