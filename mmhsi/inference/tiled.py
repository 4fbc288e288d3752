"""Predicting a scene by overlapping tiles that are blended, a row of tiles at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from mmhsi.utils.tiling import tile_starts

BLENDS = ('overwrite', 'average', 'smooth')
Area = tuple[int, int, int, int]


class Stream(Protocol):
    """What is read of a scene: :class:`mmhsi.datasets.scenes.cube_view.CubeView`."""

    height: int
    width: int

    def validity(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Mask of a window."""


@dataclass(frozen=True)
class TileGrid:
    """How the tiles of a config lie and are joined.

    Attributes:
        size (tuple[int, int]): Height and width of a tile in pixels.
        overlap (tuple[int, int]): Smallest overlap of neighbouring tiles in pixels, vertical and horizontal.
        blend (str): 'overwrite': a tile ends in the middle of its overlap, as in a test of the tile protocol.
            'average': all tiles count alike, as in the sliding test of segmentors. 'smooth': the outer quarter of an
            overlap, where a network sees only half of the surroundings, does not count, and in between one tile fades
            into the next.
        stepped (bool): Whether the tiles lie at a fixed step, the last one moved back to the border; otherwise they are
            spread evenly.
        fixed (bool): Whether they lie side by side and hang over the border, see :class:`mmhsi.datasets.TileDataset`.
    """

    size: tuple[int, int]
    overlap: tuple[int, int]
    blend: str = 'overwrite'
    stepped: bool = False
    fixed: bool = False

    def __post_init__(self) -> None:
        if self.blend not in BLENDS:
            raise ValueError(f'blend must be one of {BLENDS}, not {self.blend!r}')
        for size, overlap in zip(self.size, self.overlap, strict=True):
            if not 0 <= overlap < size:
                raise ValueError(f'the overlap must be at least 0 and smaller than the tile of {size} pixels, not '
                                 f'{overlap}')

    def starts(self, axis: int, length: int) -> np.ndarray:
        """First positions of the tiles along an axis of the scene."""
        size, overlap = self.size[axis], self.overlap[axis]
        if self.fixed:
            return np.arange(0, length, size)
        if self.stepped and length > size:
            return np.unique(np.minimum(np.arange(0, length, size - overlap), length - size))
        return tile_starts(length, size, overlap)

    def weights(self, axis: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        """First positions (n,) and weights (n, t) of the tiles along an axis, which sum to 1 at each of its positions.

        The weight of a pixel of a tile is the product of those of its row and its column.
        """
        size, overlap = self.size[axis], self.overlap[axis]
        starts = self.starts(axis, length)
        inside = starts[:, None] + np.arange(size) < length
        if self.blend == 'overwrite':
            first = starts + np.where(starts > 0, overlap // 2, 0)
            last = np.append(first[1:], length)
            place = starts[:, None] + np.arange(size)
            weights = ((place >= first[:, None]) & (place < last[:, None])).astype(np.float64)
        elif self.blend == 'average':
            weights = np.ones((len(starts), size))
        else:
            guard = overlap // 4
            ramp = np.clip((np.arange(size) + 1 - guard) / (overlap - 2 * guard + 1), 0, 1)
            rising = np.where(starts[:, None] > 0, ramp, 1)
            falling = np.where(starts[:, None] + size < length, ramp[::-1], 1)
            weights = np.minimum(rising, falling)
        weights = weights * inside
        total = np.zeros(length)
        for start, row in zip(starts, weights, strict=True):
            total[start:start + size] += row[:length - start]
        for start, row in zip(starts, weights, strict=True):
            row[:length - start] /= total[start:start + size]
        return starts, weights


def tile_strips(starts: np.ndarray, size: int, length: int, widest: int) -> list[tuple[int, int]]:
    """Cut the columns of a scene into strips (first column, end) that begin where a tile does and are not much wider
    than ``widest``; a strip holds at least one tile."""
    cuts = [0]
    for start in starts[1:].tolist():
        if start + size - cuts[-1] > widest and start - cuts[-1] >= size:
            cuts.append(start)
    return list(zip(cuts, [*cuts[1:], length], strict=True))


def predict_tiles(stream: Stream,
                  read: Callable[[Area], np.ndarray],
                  predict: Callable[[Tensor, list[tuple[int, int]]], Tensor],
                  grid: TileGrid,
                  batch_size: int,
                  widest: int,
                  start: int = 0,
                  reading_width: int | None = None,
                  margin: int = 0) -> Iterator[tuple[Area, np.ndarray, np.ndarray]]:
    """Predict a scene from top to bottom, strip by strip of columns.

    Held in memory are the values of a row of tiles in one strip, and the part of the scene that they are made of.

    Args:
        stream (Stream): The scene.
        read (Callable): Gives the values (h, w, C) float32 of an area (top, left, h, w) that may hang over the border,
            with so many pixels around it as ``margin`` says.
        predict (Callable): Maps tiles (B, C, t, t) float32, with their margin, and their (top, left) to values (B, L,
            s t, s t) float32 with a whole number s.
        grid (TileGrid): The tiles.
        batch_size (int): Number of tiles that run at once.
        widest (int): Width of a strip in pixels, at least that of a tile.
        start (int): Number of parts that are done already. Defaults to 0.
        reading_width (int, optional): Columns that are read at once. Defaults to ``widest``.
        margin (int): Pixels around a tile that ``predict`` is given besides, on each side. Defaults to 0.

    Yields:
        Area (top, left, h, w) in pixels of the scene, its values (L, s h, s w) float32, and which of its pixels hold
        data, bool (h, w). Values where there is no data mean nothing.
    """
    (tops, row_weights), (lefts, col_weights) = (
        grid.weights(axis, length) for axis, length in enumerate((stream.height, stream.width)))
    tall, wide = grid.size
    number = 0
    for first, end in tile_strips(lefts, wide, stream.width, widest):
        columns = [index for index, left in enumerate(lefts.tolist())
                   if left < end and left + wide > first and col_weights[index][max(first - left, 0):end - left].any()]
        if number + len(tops) <= start:
            number += len(tops)
            continue
        resumed = max(start - number, 0)
        number += len(tops)
        begin = int(np.flatnonzero(tops + tall > tops[resumed])[0])
        total = None
        for index in range(begin, len(tops)):
            top = int(tops[index])
            rows = int((tops[index + 1] if index + 1 < len(tops) else stream.height) - top)
            valid = np.zeros((tall, end - first), bool)
            for chunk in _chunks(columns, lefts, wide, reading_width or widest):
                area = (top, int(lefts[chunk[0]]), tall, int(lefts[chunk[-1]]) + wide - int(lefts[chunk[0]]))
                block = read(area)
                holds = stream.validity(*area)
                inner = slice(max(first - area[1], 0), max(min(end - area[1], area[3]), 0))
                valid[:, area[1] + inner.start - first:area[1] + inner.stop - first] |= holds[:, inner]
                wanted = [column for column in chunk
                          if holds[:, lefts[column] - area[1]:lefts[column] - area[1] + wide].any()]
                for done in range(0, len(wanted), batch_size):
                    batch = wanted[done:done + batch_size]
                    tiles = np.stack([block[:, lefts[column] - area[1]:lefts[column] - area[1] + wide + 2 * margin]
                                      for column in batch])
                    values = predict(torch.from_numpy(tiles).permute(0, 3, 1, 2).contiguous(),
                                     [(top, int(lefts[column])) for column in batch])
                    values = values.cpu().numpy()
                    scale = values.shape[-1] // wide
                    if total is None:
                        total = np.zeros((values.shape[1], scale * tall, scale * (end - first)), np.float32)
                    for column, tile in zip(batch, values, strict=True):
                        _add(total, tile, np.repeat(row_weights[index], scale), np.repeat(col_weights[column], scale),
                             scale * (int(lefts[column]) - first))
            if index >= resumed:
                yield (top, first, rows, end - first), _part(total, rows, tall), valid[:rows]
            if total is not None:
                moved = rows * (total.shape[1] // tall)
                total[:, :-moved or None] = total[:, moved:]
                total[:, total.shape[1] - moved:] = 0


def count_parts(stream: Stream, grid: TileGrid, widest: int) -> int:
    """Number of parts that :func:`predict_tiles` yields."""
    lefts = grid.starts(1, stream.width)
    return len(grid.starts(0, stream.height)) * len(tile_strips(lefts, grid.size[1], stream.width, widest))


def _part(total: np.ndarray | None, rows: int, tall: int) -> np.ndarray | None:
    """Values of the first rows; None as long as nothing was predicted, because nothing held data."""
    return None if total is None else total[:, :rows * (total.shape[1] // tall)]


def _add(total: np.ndarray, tile: np.ndarray, row_weights: np.ndarray, col_weights: np.ndarray, left: int) -> None:
    """Add a weighted tile (L, t, t) whose first column is ``left``, as far as it lies inside."""
    first, last = max(-left, 0), min(tile.shape[2], total.shape[2] - left)
    part = total[:, :, left + first:left + last]
    # where a tile does not count its values need not be numbers
    rows, cols = np.flatnonzero(row_weights), first + np.flatnonzero(col_weights[first:last])
    if not (len(rows) and len(cols)):
        return
    rows, cols = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
    weight = (row_weights[rows, None] * col_weights[cols]).astype(np.float32)
    part[:, rows, cols.start - first:cols.stop - first] += weight * tile[:, rows, cols]


def _chunks(columns: list[int], lefts: np.ndarray, wide: int, widest: int) -> Iterator[list[int]]:
    """Neighbouring tiles that are read at once, together not wider than ``widest`` pixels."""
    chunk: list[int] = []
    for column in columns:
        if chunk and lefts[column] + wide - lefts[chunk[0]] > widest:
            yield chunk
            chunk = []
        chunk.append(column)
    if chunk:
        yield chunk
