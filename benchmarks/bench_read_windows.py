"""Random windows of scenes larger than a cache: windows per second by format, beside the library that reads it alone.

    OMP_NUM_THREADS=1 python benchmarks/bench_read_windows.py
    OMP_NUM_THREADS=1 python benchmarks/bench_read_windows.py --loaders 0 2 4 8

One scene of --size pixels and 200 bands, uint16, in each format; windows of 64 x 64 pixels and 100 consecutive bands at
random places. Ours and the library take turns with the same windows, in one process, files in the page cache; each
figure is the median of --rounds, and 'ratio' is ours over the library's. --loaders gives the samples per second of a
WindowDataset without a cache, by number of workers.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import rasterio
from rasterio.windows import Window

from mmhsi.datasets.io import CubeReader, open_cube, write_raster

SIDE, DEPTH, BANDS = 64, 100, 200


def scene(size: int) -> np.ndarray:
    """(size, size, 200) uint16 with smooth spectra and noise, which packs to about half."""
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 4000, (size // 16, size // 16, 8)).repeat(16, 0).repeat(16, 1)
    spectra = np.abs(rng.normal(size=(8, BANDS))).cumsum(1) / 40
    return (ground @ spectra / 8 + rng.integers(0, 16, (size, size, BANDS))).astype(np.uint16)


def tiff(path: Path, cube: np.ndarray, **profile) -> Path:
    shape = dict(height=cube.shape[0], width=cube.shape[1], count=cube.shape[2], dtype='uint16')
    with rasterio.open(path, 'w', driver='GTiff', **shape, **profile) as file:
        file.write(np.moveaxis(cube, -1, 0))
    return path


def hdf5(path: Path, cube: np.ndarray, chunks: tuple[int, int, int]) -> Path:
    with h5py.File(path, 'w') as file:
        file.create_dataset('cube', data=cube, chunks=chunks, compression='gzip', compression_opts=4)
    return path


def matlab(path: Path, cube: np.ndarray) -> Path:
    with h5py.File(path, 'w', userblock_size=512) as file:
        stored = cube.transpose(2, 1, 0)
        file.create_dataset('cube', data=stored, chunks=True, compression='gzip', compression_opts=3)
        file['cube'].attrs['MATLAB_class'] = np.bytes_('uint16')
    with open(path, 'r+b') as stream:
        stream.write(b'MATLAB 7.3 MAT-file'.ljust(124) + b'\0\2IM')
    return path


def envi(path: Path, cube: np.ndarray) -> Path:
    write_raster(path, cube)
    return path


def of_mmhsi(reader: CubeReader) -> Callable:
    return lambda top, left, band: reader.read((top, left, SIDE, SIDE), range(band, band + DEPTH))


def of_rasterio(path: Path) -> Callable:
    file = rasterio.open(path)
    return lambda top, left, band: np.moveaxis(
        file.read(list(range(band + 1, band + DEPTH + 1)), window=Window(left, top, SIDE, SIDE)), 0, -1
    )


def of_h5py(path: Path) -> Callable:
    cube = h5py.File(path)['cube']
    if path.suffix == '.mat':
        return lambda top, left, band: cube[band : band + DEPTH, left : left + SIDE, top : top + SIDE].transpose(
            2, 1, 0
        )
    return lambda top, left, band: cube[top : top + SIDE, left : left + SIDE, band : band + DEPTH]


def of_numpy(path: Path) -> Callable:
    cube = np.load(path, mmap_mode='r')
    return lambda top, left, band: np.array(cube[top : top + SIDE, left : left + SIDE, band : band + DEPTH])


def npy(path: Path, cube: np.ndarray) -> Path:
    np.save(path, cube)
    return path


FORMATS: dict[str, tuple[str, Callable, Callable]] = {
    'npy': ('a.npy', npy, of_numpy),
    'ENVI, band after band': ('b.img', envi, of_rasterio),
    'TIFF, strips': ('c.tif', lambda p, c: tiff(p, c, interleave='band'), of_rasterio),
    'TIFF, strips, deflated': ('d.tif', lambda p, c: tiff(p, c, compress='deflate', interleave='band'), of_rasterio),
    'TIFF, tiles of 128, deflated': (
        'e.tif',
        lambda p, c: tiff(p, c, compress='deflate', interleave='band', tiled=True, blockxsize=128, blockysize=128),
        of_rasterio,
    ),
    'TIFF, tiles of 64, all bands': (
        'f.tif',
        lambda p, c: tiff(p, c, compress='deflate', tiled=True, blockxsize=64, blockysize=64, interleave='pixel'),
        of_rasterio,
    ),
    'HDF5, chunks of 64 x 64 x 25, gzip': ('g.h5', lambda p, c: hdf5(p, c, (64, 64, 25)), of_h5py),
    'HDF5, chunks of lines, gzip': ('h.h5', lambda p, c: hdf5(p, c, (4, c.shape[1], BANDS)), of_h5py),
    'MATLAB 7.3': ('i.mat', matlab, of_h5py),
}


def rate(read: Callable, windows: list[tuple[int, int, int]], seconds: float) -> float:
    """Windows per second."""
    start, count = time.perf_counter(), 0
    for window in windows:
        read(*window)
        count += 1
        if time.perf_counter() - start > seconds:
            break
    return count / (time.perf_counter() - start)


def loader_rates(path: Path, workers: list[int]) -> list[float]:
    """Samples per second of a dataset of windows that is not cached, by number of workers."""
    from torch.utils.data import DataLoader

    from mmhsi.datasets import WindowDataset

    image = dict(path=str(path), key='cube') if path.suffix in ('.h5', '.mat') else str(path)
    data = WindowDataset(dict(type='Scene', image=image, cache=False), subset='all', window_size=SIDE, pipeline=[])
    data.full_init()
    places = np.random.default_rng(2).choice(len(data), 256, replace=False).tolist()
    rates = []
    for count in workers:
        loader = DataLoader(data, 16, sampler=places, num_workers=count, collate_fn=len)
        start = time.perf_counter()
        rates.append(sum(loader) / (time.perf_counter() - start))
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', type=int, default=768, help='rows and columns of the scene (default: 768)')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=2.0, help='of each round of each reader (default: 2)')
    parser.add_argument('--only', nargs='+', metavar='WORD', help='formats whose names hold one of the words')
    parser.add_argument('--loaders', nargs='+', type=int, metavar='WORKERS')
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    places = rng.integers(0, (args.size - SIDE, args.size - SIDE, BANDS - DEPTH), (10_000, 3), endpoint=True).tolist()
    cube = scene(args.size)
    print(
        f'{"":36s}'
        + ('  workers ' + ' '.join(f'{n:>7d}' for n in args.loaders) if args.loaders else '    ours library  ratio')
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, (file, write, library) in FORMATS.items():
            if args.only and not any(word in name for word in args.only):
                continue
            path = write(Path(folder) / file, cube)
            if args.loaders:
                print(f'{name:36s}          ' + ' '.join(f'{value:7.1f}' for value in loader_rates(path, args.loaders)))
                continue
            with open_cube(path) as reader:
                ours, alone = of_mmhsi(reader), library(path)
                np.testing.assert_array_equal(ours(*places[0]), alone(*places[0]))
                found = [
                    [rate(read, places[turn * 1000 :], args.seconds) for read in (ours, alone)]
                    for turn in range(args.rounds)
                ]
            mine, other = (statistics.median(values) for values in zip(*found, strict=True))
            print(f'{name:36s} {mine:7.1f} {other:7.1f} {mine / other:6.2f}')


if __name__ == '__main__':
    main()
