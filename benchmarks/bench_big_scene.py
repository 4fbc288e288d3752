"""Memory for a scene that is larger than memory, and for a long training.

    python benchmarks/bench_big_scene.py scene --gigabytes 20
    python benchmarks/bench_big_scene.py training --iterations 2000

``scene`` writes a sparse GeoTIFF of 200 bands, uint16, tiles it with ``TileDataset``, predicts a part of 512 x 512
pixels with a tiny network, tile by tile, and writes the map, as large as the scene and with its georeference, window by
window.

``training`` trains the tiny experiment of the tests, with a checkpoint every 50 and a validation every 99 iterations,
and prints the memory of the process and its data workers. Two things that grow are not leaks and are listed separately:

- MMEngine keeps the history of every scalar that is logged, 16 bytes for a value, up to a million values;
- MMEngine writes the scalars as JSON, and Python's encoder leaves some 30 objects that refer to each other for each
  line. Python collects old objects only when new ones make up a quarter of all, so that a process with half a million
  objects grows by up to 15 MB before that. Here they are collected before each measurement, and counted.
"""

import argparse
import gc
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from mmengine.hooks import Hook
from rasterio.windows import Window

sys.path.append(str(Path(__file__).resolve().parents[1] / 'tests'))

from sparse_scene import BLOCK, predict_part, resident, write_sparse_scene
from tiny_experiment import tiny_config

from mmhsi.engine.distributed import build_runner

BANDS, PART = 200, 512
MIB = 2**20


def scene(folder: Path, gigabytes: float) -> None:
    """Tile, predict and write a part of a large scene."""
    side = round((gigabytes * 1e9 / 2 / BANDS) ** 0.5 / BLOCK) * BLOCK
    place = side // 2 // BLOCK * BLOCK
    part = (place, place, PART, PART)
    start = time.perf_counter()
    write_sparse_scene(folder / 'scene.tif', side, BANDS, part)
    size = (folder / 'scene.tif').stat()
    print(
        f'scene: {side} x {side} pixels, {BANDS} bands, {2 * BANDS * side**2 / 1e9:.1f} GB, '
        f'{size.st_blocks * 512 / 1e6:.0f} MB on the disk, written in {time.perf_counter() - start:.0f} s'
    )
    before, start = resident(), time.perf_counter()
    tiles, peak = predict_part(folder / 'scene.tif', folder / 'map.tif', part)
    print(
        f'{tiles} tiles predicted in {time.perf_counter() - start:.0f} s; memory held: {before / MIB:.0f} MiB '
        f'before, {peak / MIB:.0f} MiB at most; peak of the whole process '
        f'{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB'
    )
    with rasterio.open(folder / 'map.tif') as result, rasterio.open(folder / 'scene.tif') as source:
        labels = result.read(1, window=Window(place, place, PART, PART))
        assert (result.height, result.width, result.transform, result.crs) == (side, side, source.transform, source.crs)
    print(f'map: pixels by class {np.bincount(labels.ravel()).tolist()} in the part (0: not predicted)')


class MemoryHook(Hook):
    """Prints at intervals the memory held, the part of it that is the history of scalars, and the garbage collected.

    Args:
        interval (int): Iterations between two lines.
    """

    priority = 'LOWEST'

    def __init__(self, interval: int) -> None:
        self.interval = interval
        self.marks: list[tuple[int, ...]] = []

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs: dict | None = None) -> None:
        """Measure."""
        if not self.every_n_train_iters(runner, self.interval):
            return
        garbage = gc.collect()
        scalars = runner.message_hub.log_scalars
        history = sum(array.nbytes for buffer in scalars.values() for array in buffer.data)
        workers = sum(resident(process.pid) for process in multiprocessing.active_children())
        self.marks.append((runner.iter + 1, resident(), history, workers))
        print(
            f'iteration {runner.iter + 1}: {resident() / MIB:.1f} MiB, {history / 1024:.1f} KiB of them the history '
            f'of {len(scalars)} scalars; {len(gc.get_objects())} objects after {garbage} were collected'
            + (f'; data workers: {workers / MIB:.1f} MiB' if workers else ''),
            flush=True,
        )


def training(folder: Path, iterations: int, workers: int) -> None:
    """Train for long, and print the memory."""
    cfg = tiny_config(folder, folder / 'work', max_epochs=-(-iterations // 3))
    cfg.train_cfg.val_interval = 33
    cfg.default_hooks.checkpoint = dict(type='SafeCheckpointHook', interval=50, max_keep_ckpts=1, save_last=False)
    cfg.default_hooks.update(resume=dict(type='ExactResumeHook'), loss=dict(type='NonFiniteLossHook'))
    cfg.train_dataloader.update(num_workers=workers, persistent_workers=workers > 0)
    cfg.log_level = 'ERROR'
    runner = build_runner(cfg)
    memory = MemoryHook(max(1, iterations // 10))
    runner.register_hook(memory)
    runner.train()
    (first, *before), (last, *after) = memory.marks[1], memory.marks[-1]
    process, history, other = (end - begin for begin, end in zip(before, after, strict=True))
    print(
        f'growth from iteration {first} to {last}: {process / 1024:.0f} KiB, or {process / (last - first):.0f} bytes '
        f'an iteration; history of scalars: {history / 1024:.1f} KiB, or {history / (last - first):.0f} bytes an '
        f'iteration' + (f'; data workers: {other / 1024:.0f} KiB' if workers else '')
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=('scene', 'training'))
    parser.add_argument('--gigabytes', type=float, default=20.0, help='size of the scene (default: 20)')
    parser.add_argument('--iterations', type=int, default=2000, help='length of the training (default: 2000)')
    parser.add_argument('--workers', type=int, default=0, help='data workers of the training (default: 0)')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scene(Path(folder), args.gigabytes) if args.what == 'scene' else training(
            Path(folder), args.iterations, args.workers
        )


if __name__ == '__main__':
    main()
