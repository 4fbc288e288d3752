"""Sources of the tiles of a dataset: shards, or a tree of files with one tile each."""

from __future__ import annotations

import mmap
import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mmhsi.datasets.io import CubeReadError, read_cube
from mmhsi.datasets.tile_shards.index import INDEX, read_json, shard_path
from mmhsi.datasets.tile_shards.quality import missing_values
from mmhsi.utils.text import listed

_PROBE = 16


def filled(image: np.ndarray, nodata: float | None) -> np.ndarray:
    """A copy with 0 instead of nodata, NaN and infinite values."""
    image = image.copy()
    image[missing_values(image, nodata)] = 0
    return image


def _chosen(root: Path, available: Sequence[str], names: Sequence[str] | None, what: str) -> list[str]:
    if names is None:
        return list(available)
    absent = sorted(set(names) - set(available))
    if absent:
        raise ValueError(f'{root}: {len(absent)} of the {len(names)} {what} asked for are not there: {listed(absent)}')
    return list(names)


@dataclass(frozen=True, eq=False)
class Shard:
    """The information about a shard that a dataset needs; see :mod:`mmhsi.datasets.tile_shards.index` for the
    record."""

    path: Path
    scene: str
    bytes: int
    shape: tuple[int, int, int, int]
    dtype: np.dtype
    bands: np.ndarray
    source_bands: int
    wavelengths: np.ndarray | None
    nodata: float | None
    sources: list[dict]
    source: np.ndarray
    row: np.ndarray
    col: np.ndarray
    incomplete: np.ndarray

    @classmethod
    def from_record(cls, root: Path, record: dict) -> Shard:
        """Copy a record of the index."""
        tiles, wavelengths = record['tiles'], record['wavelengths']
        shard = cls(
            path=shard_path(root, record['scene']),
            scene=record['scene'],
            bytes=record['bytes'],
            shape=tuple(record['shape']),
            dtype=np.dtype(record['dtype']),
            bands=np.asarray(record['bands'], dtype=np.int32),
            source_bands=record['source_bands'],
            wavelengths=None if wavelengths is None else np.asarray(wavelengths, dtype=np.float64),
            nodata=record['nodata'],
            sources=record['sources'],
            source=np.asarray(tiles['source'], dtype=np.int32),
            row=np.asarray(tiles['row'], dtype=np.int32),
            col=np.asarray(tiles['col'], dtype=np.int32),
            incomplete=np.asarray(tiles['nodata']) > 0,
        )
        lengths = {len(shard.source), len(shard.row), len(shard.col), len(shard.incomplete), shard.shape[0]}
        size = prod(shard.shape) * shard.dtype.itemsize
        if (
            len(shard.shape) != 4
            or min(shard.shape) < 1
            or len(lengths) > 1
            or len(shard.bands) != shard.shape[1]
            or shard.dtype.kind not in 'biuf'
            or size > shard.bytes
        ):
            raise ValueError(f'what it says of scene {shard.scene!r} does not agree')
        return shard

    def problem(self) -> str | None:
        """Reason why the file cannot be used, None if it exists and is complete."""
        try:
            size = self.path.stat().st_size
        except OSError as error:
            return f'{self.path}: the shard cannot be read: {error.strerror}'
        if size != self.bytes:
            return (
                f'{self.path}: the shard is {"cut off" if size < self.bytes else "too long"}: it has {size} bytes, '
                f'{self.bytes} were written; its {self.shape[0]} tiles are left out'
            )
        return None


def _mapped(stream: BinaryIO, shard: Shard, position: int) -> np.ndarray:
    """A tile (C, t, t) as a view of the file.

    Raises:
        ValueError: If it lies outside the file.
    """
    values = int(np.prod(shard.shape[1:]))
    offset = shard.bytes - (shard.shape[0] - position) * values * shard.dtype.itemsize
    start = offset - offset % mmap.ALLOCATIONGRANULARITY
    length = offset - start + values * shard.dtype.itemsize
    memory = mmap.mmap(stream.fileno(), length, access=mmap.ACCESS_READ, offset=start)
    if hasattr(mmap, 'MADV_SEQUENTIAL'):
        memory.madvise(mmap.MADV_SEQUENTIAL)  # reads ahead; by default a map is read in small pieces
    return np.frombuffer(memory, shard.dtype, values, offset - start).reshape(shard.shape[1:])


class ShardStore:
    """Tiles of a folder of shards, read through memory maps of single tiles.

    Only the requested tile is mapped, not its shard, so that the memory of a process does not grow with the amount of
    data read, and that mapping checks that its range lies within the file. Files are kept open for later tiles; the
    least recently used one is closed first. Each process opens its own.

    Args:
        root (str | Path): The folder.
        names (Sequence[str], optional): Use only these scenes.
        max_open (int): Largest number of open files. Defaults to 64.

    Raises:
        FileNotFoundError: If there is no index.
        ValueError: If the index is damaged, or lacks a scene.
    """

    def __init__(self, root: str | Path, names: Sequence[str] | None = None, max_open: int = 64):
        self.root = Path(root)
        index = read_json(self.root / INDEX)
        try:
            shards = {record['scene']: record for record in index['shards']}
            found = {name: Shard.from_record(self.root, record) for name, record in shards.items()}
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            reason = f'{type(error).__name__}: {error}'
            raise ValueError(f'{self.root / INDEX}: the index of the shards is damaged: {reason}') from None
        self.shards = [found[name] for name in _chosen(self.root, list(found), names, 'scenes')]
        self.starts = np.cumsum([0, *(shard.shape[0] for shard in self.shards)])
        self.max_open = max_open
        self._files: OrderedDict[int, BinaryIO] = OrderedDict()

    def __len__(self) -> int:
        return int(self.starts[-1])

    def _locate(self, index: int) -> tuple[int, Shard, int]:
        number = int(np.searchsorted(self.starts, index, side='right')) - 1
        return number, self.shards[number], index - int(self.starts[number])

    def damaged(self) -> list[tuple[np.ndarray, str]]:
        """Tiles of missing or incomplete shards, with a message for each shard."""
        problems = ((number, shard.problem()) for number, shard in enumerate(self.shards))
        return [
            (np.arange(self.starts[number], self.starts[number + 1]), problem)
            for number, problem in problems
            if problem
        ]

    def name(self, index: int) -> str:
        """Name of a tile in messages."""
        _, shard, position = self._locate(index)
        return f'{shard.path}, tile {position}'

    def _file(self, number: int) -> BinaryIO:
        if number in self._files:
            self._files.move_to_end(number)
        else:
            while len(self._files) >= self.max_open:
                self._files.popitem(last=False)[1].close()
            self._files[number] = open(self.shards[number].path, 'rb', buffering=0)  # noqa: SIM115
        return self._files[number]

    def read(self, index: int) -> dict:
        """A tile.

        Args:
            index (int): Number of the tile, from 0.

        Returns:
            dict: 'img', a read-only view of shape (t, t, C) in the stored type (a filled copy if some pixels have no
            data); 'bands' (int (C,), numbers in the source), 'source_bands', 'origin' (scene, row, col) and, where they
            are known, 'wavelengths' (nm, (C,)).

        Raises:
            CubeReadError: If the file is missing or truncated.
        """
        number, shard, position = self._locate(index)
        try:
            image = _mapped(self._file(number), shard, position).transpose(1, 2, 0)
        except (OSError, ValueError) as error:
            problem = shard.problem() or f'{self.name(index)}: the tile cannot be read: {error}'
            raise CubeReadError(problem) from None
        if shard.incomplete[position]:
            image = filled(image, shard.nodata)
        origin = {'scene': shard.scene, 'row': int(shard.row[position]), 'col': int(shard.col[position])}
        if len(shard.sources) > 1:
            origin['source'] = shard.sources[shard.source[position]]['path']
        sample = {'img': image, 'bands': shard.bands, 'source_bands': shard.source_bands, 'origin': origin}
        if shard.wavelengths is not None:
            sample['wavelengths'] = shard.wavelengths
        return sample

    def georeference(self, index: int) -> tuple[str | None, tuple[float, ...] | None]:
        """Coordinate reference system (WKT) and affine map (a, b, c, d, e, f) of a tile, None where unknown."""
        _, shard, position = self._locate(index)
        source = shard.sources[shard.source[position]]
        if source['transform'] is None:
            return source['crs'], None
        row, col = int(shard.row[position]), int(shard.col[position])
        a, b, c, d, e, f = source['transform']
        return source['crs'], (a, b, c + a * col + b * row, d, e, f + d * col + e * row)

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_files': OrderedDict()}

    def __deepcopy__(self, memo: dict) -> ShardStore:
        return self  # a subset of a dataset uses the same shards


class FileTileStore:
    """Tiles in one file each, as HyperGlobal-450K is published: .mat files with (bands, rows, columns).

    Args:
        root (str | Path): Folder, searched recursively.
        names (Sequence[str], optional): Use only these files, given by their paths below the folder.
        key (str | Sequence[str], optional): Name of the array, or candidate names. Defaults to 'img'.
        layout (str): 'chw' or 'hwc'. Defaults to 'chw'.
        suffix (str): Ending of the files. Defaults to '.mat'.
        tile_size (int, optional): Required side of the tiles; None allows any. Defaults to 64.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it contains no such file.
    """

    def __init__(
        self,
        root: str | Path,
        names: Sequence[str] | None = None,
        key: str | Sequence[str] | None = 'img',
        layout: str = 'chw',
        suffix: str = '.mat',
        tile_size: int | None = 64,
    ):
        self.root = Path(root)
        if not self.root.is_dir():
            raise FileNotFoundError(f'{root}: no such folder of tiles')
        if names is None:
            names = sorted(
                os.path.relpath(os.path.join(folder, name), root)
                for folder, _, files in os.walk(root)
                for name in files
                if name.lower().endswith(suffix) and not name.startswith('.')
            )
        if not len(names):
            raise ValueError(f'{root}: neither an index of shards ({INDEX}) nor any file that ends in {suffix}')
        # one array instead of a list of strings: forked workers share it, and reference counting does not copy it
        self._names = np.array([os.fsencode(name) for name in names])
        self.key, self.layout, self.tile_size = key, layout, tile_size

    def __len__(self) -> int:
        return len(self._names)

    def damaged(self) -> list[tuple[np.ndarray, str]]:
        """Empty: opening every file at the start would take too long, so tiles are checked when they are read."""
        return []

    def name(self, index: int) -> str:
        """Path of a tile."""
        return str(self.root / os.fsdecode(self._names[index]))

    def read(self, index: int) -> dict:
        """A tile: 'img' of shape (t, t, C) in the stored type, 'origin' and, if the file states them, 'wavelengths'.

        Raises:
            CubeReadError: If the file is missing or damaged, has another size, or the same value everywhere.
        """
        path = self.name(index)
        try:
            image, info = read_cube(path, self.key, self.layout)
        except OSError as error:
            raise CubeReadError(str(error)) from None
        if self.tile_size is not None and image.shape[:2] != (self.tile_size, self.tile_size):
            raise CubeReadError(
                f'{path}: {info.height} x {info.width} pixels of {info.bands} bands, expected tiles of '
                f'{self.tile_size} x {self.tile_size}'
            )
        if image.dtype.kind == 'f' and not np.isfinite(image).all():
            image = filled(image, None)
        # a few pixels suffice to rule out most tiles
        if np.ptp(image[::_PROBE, ::_PROBE]) == 0 and np.ptp(image) == 0:
            raise CubeReadError(f'{path}: all values are {image.flat[0]}, the tile holds no data')
        sample = {
            'img': image,
            'bands': np.arange(info.bands, dtype=np.int32),
            'source_bands': info.bands,
            'origin': {'scene': os.fsdecode(self._names[index]), 'row': 0, 'col': 0},
        }
        if info.wavelengths is not None:
            sample['wavelengths'] = info.wavelengths
        return sample

    def georeference(self, index: int) -> tuple[None, None]:
        """Unknown: the files have none."""
        return None, None

    def __deepcopy__(self, memo: dict) -> FileTileStore:
        return self
