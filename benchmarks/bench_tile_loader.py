"""Throughput and memory of the tile loader for pre-training, against loading a whole .mat file for each sample.

    python benchmarks/bench_tile_loader.py

Scenes of 224 bands, int16, are generated, converted to shards, and their tiles also written as .mat files, as
HyperGlobal-450K is published. The loaders give 100 consecutive bands as float32 divided by 4000. They take turns, so
that they see the same machine; the median of the rounds is printed, with files in the page cache ('warm') and with
files that the kernel was asked to forget before each round ('cold').
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.io import loadmat, savemat

from mmhsi.datasets import HSITileDataset
from mmhsi.datasets.tile_shards import ShardSettings, convert, merge

TILE, BANDS, WINDOW = 64, 224, 100
PIPELINE = [dict(type='RandomBandWindow', num_bands=WINDOW), dict(type='ScaleValues', factor=1 / 4000)]


def generate(root: Path, scenes: int, tiles: int) -> float:
    """Write raw scenes, shards and .mat tiles; returns the seconds of the conversion to shards."""
    noise = np.random.default_rng(0).integers(0, 4000, (TILE, TILE * tiles, BANDS), dtype=np.int16)
    (root / 'raw').mkdir()
    for number in range(scenes):
        np.save(root / f'raw/scene_{number:02d}.npy', np.roll(noise, number, axis=1))
    start = time.perf_counter()
    convert(root / 'raw', root / 'shards', ShardSettings(layout='hwc'))
    seconds = time.perf_counter() - start
    merge(root / 'shards')
    for number in range(scenes):
        (root / f'mat/scene_{number:02d}').mkdir(parents=True)
        for index, tile in enumerate(np.load(root / f'shards/shards/scene_{number:02d}.npy', mmap_mode='r')):
            savemat(root / f'mat/scene_{number:02d}/{index:03d}.mat', {'img': tile})
        (root / f'raw/scene_{number:02d}.npy').unlink()
    return seconds


class WholeMatFiles:
    """The published way: the whole tile is loaded, then the window is taken."""

    def __init__(self, root: Path):
        self.paths = sorted(root.rglob('*.mat'))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict:
        image = loadmat(self.paths[index])['img']
        start = np.random.randint(image.shape[0] - WINDOW + 1)
        return {'img': image[start : start + WINDOW].astype(np.float32) / 4000}


def resident() -> float:
    """Memory of this process in MB."""
    with open('/proc/self/statm', encoding='ascii') as stream:
        return int(stream.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20


def forget(root: Path) -> None:
    """Ask the kernel to drop the files from its page cache."""
    for path in root.rglob('*.*'):
        if path.is_file():
            with open(path, 'rb') as stream:
                os.fsync(stream.fileno())
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read(dataset, samples: int) -> float:
    """Samples per second in random order."""
    order = np.random.default_rng(1).permutation(np.arange(samples) % len(dataset))
    total = 0.0
    start = time.perf_counter()
    for index in order.tolist():
        total += float(dataset[index]['img'][0, 0, 0])
    seconds = time.perf_counter() - start
    assert total > 0
    return samples / seconds


def memory_growth(dataset, samples: int) -> tuple[float, float]:
    """Growth of the memory of the process in MB over many samples: at the end, and at most in between."""
    for index in range(100):
        dataset[index % len(dataset)]
    before = largest = resident()
    order = np.random.default_rng(2).permutation(np.arange(samples) % len(dataset))
    for count, index in enumerate(order.tolist()):
        dataset[index]
        if count % 100 == 0:
            largest = max(largest, resident())
    return resident() - before, largest - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--scenes', type=int, default=24)
    parser.add_argument('--tiles', type=int, default=16, help='tiles of a scene (default: 16)')
    parser.add_argument('--samples', type=int, default=10_000, help='samples of the memory test (default: 10000)')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--folder', help='where to write about 4 MB for each tile (default: the temporary folder)')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        root = Path(folder)
        seconds = generate(root, args.scenes, args.tiles)
        count = args.scenes * args.tiles
        size = count * TILE * TILE * BANDS * 2 / 2**20
        print(
            f'{count} tiles of {TILE} x {TILE} pixels, {BANDS} bands, int16: {size:.0f} MB in {args.scenes} shards; '
            f'converted {count / seconds:.0f} tiles/s by one process'
        )
        loaders = {
            'shards by memory map': (root / 'shards', HSITileDataset(root / 'shards', PIPELINE)),
            'whole .mat per sample': (root / 'mat', WholeMatFiles(root / 'mat')),
            '.mat by HSITileDataset': (root / 'mat', HSITileDataset(root / 'mat', PIPELINE)),
        }

        def rates(prepare: Callable[[Path], None]) -> dict[str, float]:
            found = {name: [] for name in loaders}
            for _ in range(args.rounds):
                for name, (where, dataset) in loaders.items():
                    prepare(where)
                    found[name].append(read(dataset, count))
            return {name: statistics.median(values) for name, values in found.items()}

        for state, prepare in (('warm', lambda where: None), ('cold', forget)):
            if state == 'warm':
                rates(prepare)  # fills the page cache
            measured = rates(prepare)
            for name, rate in measured.items():
                ratio = rate / measured['whole .mat per sample']
                print(f'{state}: {name:<24} {rate:7.0f} samples/s  {ratio:5.2f} x')
        growth, largest = memory_growth(loaders['shards by memory map'][1], args.samples)
        print(
            f'memory of the shard loader over {args.samples} samples: {growth:+.1f} MB at the end, {largest:+.1f} MB '
            f'at most, beside {resident():.0f} MB of the process'
        )


if __name__ == '__main__':
    main()
