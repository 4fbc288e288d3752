"""Predicting a scene in overlapping tiles that are blended, one row of tiles at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from mmhsi.datasets.scenes.cube_view import Area
from mmhsi.utils.tiling import Mosaic, TileGrid


def tile_strips(starts: np.ndarray, size: int, length: int, widest: int) -> list[tuple[int, int]]:
    """Cut the columns of a scene into strips (first column, end) that start at tile positions and are not much wider
    than ``widest``; a strip holds at least one tile."""
    cuts = [0]
    for start in starts[1:].tolist():
        if start + size - cuts[-1] > widest and start - cuts[-1] >= size:
            cuts.append(start)
    return list(zip(cuts, [*cuts[1:], length], strict=True))


def predict_tiles(
    view,
    read: Callable[[Area], np.ndarray],
    predict: Callable[[Tensor, list[tuple[int, int]]], Tensor],
    grid: TileGrid,
    batch_size: int,
    widest: int,
    start: int = 0,
    reading_width: int | None = None,
    margin: int = 0,
) -> Iterator[tuple[Area, np.ndarray, np.ndarray]]:
    """Predict a scene from top to bottom, strip by strip of columns.

    Memory holds the values of one row of tiles in one strip, and the corresponding part of the scene.

    Args:
        view (CubeView | PairView): The scene.
        read (Callable): Returns the values (h, w, C) float32 of an area (top, left, h, w), which may extend beyond the
            border, with ``margin`` additional pixels around it.
        predict (Callable): Maps tiles (B, C, t, t) float32, with their margin, and their (top, left) to values (B, L,
            s t, s t) float32 with a whole number s.
        grid (TileGrid): The tiles.
        batch_size (int): Batch size.
        widest (int): Width of a strip in pixels, at least that of a tile.
        start (int): Number of parts that are done already. Defaults to 0.
        reading_width (int, optional): Columns that are read at once. Defaults to ``widest``.
        margin (int): Additional pixels on each side of a tile that ``predict`` is given. Defaults to 0.

    Yields:
        Area (top, left, h, w) in pixels of the scene, its values (L, s h, s w) float32, and which of its pixels are
        valid, bool (h, w). Values of other pixels are meaningless.
    """
    tops, lefts, spans = grid.starts(0, view.height), grid.starts(1, view.width), grid.spans(1, view.width)
    repeats = grid.repeats(view.height, view.width)
    tall, wide = grid.size
    number = 0
    for first, end in tile_strips(lefts, wide, view.width, widest):
        columns = np.flatnonzero((spans[:, 0] < end) & (spans[:, 1] > first)).tolist()
        if number + len(tops) <= start:
            number += len(tops)
            continue
        resumed = max(start - number, 0)
        number += len(tops)
        begin = int(np.flatnonzero(tops + tall > tops[resumed])[0])
        mosaic = None
        for index in range(begin, len(tops)):
            top = int(tops[index])
            rows = int((tops[index + 1] if index + 1 < len(tops) else view.height) - top)
            valid = np.zeros((tall, end - first), bool)
            for chunk in _chunks(columns, lefts, wide, reading_width or widest):
                area = (top, int(lefts[chunk[0]]), tall, int(lefts[chunk[-1]]) + wide - int(lefts[chunk[0]]))
                block = read(area)
                holds = view.validity(*area)
                inner = slice(max(first - area[1], 0), max(min(end - area[1], area[3]), 0))
                valid[:, area[1] + inner.start - first : area[1] + inner.stop - first] |= holds[:, inner]
                wanted = [
                    column
                    for column in chunk
                    if holds[:, lefts[column] - area[1] : lefts[column] - area[1] + wide].any()
                ]
                for done in range(0, len(wanted), batch_size):
                    batch = wanted[done : done + batch_size]
                    tiles = np.stack(
                        [
                            block[:, lefts[column] - area[1] : lefts[column] - area[1] + wide + 2 * margin]
                            for column in batch
                        ]
                    )
                    values = predict(
                        torch.from_numpy(tiles).permute(0, 3, 1, 2).contiguous(),
                        [(top, int(lefts[column])) for column in batch],
                    )
                    values = values.cpu().numpy()
                    scale = values.shape[-1] // wide
                    if mosaic is None:
                        shape = values.shape[1], scale * tall, scale * (end - first)
                        mosaic = Mosaic(
                            np.zeros(shape, np.float32), grid, (view.height, view.width), scale, (top, first)
                        )
                    for column, tile in zip(batch, values, strict=True):
                        mosaic.add(tile, (top, int(lefts[column])), int(repeats[index, column]))
            if index >= resumed:
                # nothing is predicted until there is a valid pixel
                values = None if mosaic is None else mosaic.values[:, : mosaic.scale * rows]
                yield (top, first, rows, end - first), values, valid[:rows]
            if mosaic is not None:
                mosaic.scroll(rows)


def count_parts(view, grid: TileGrid, widest: int) -> int:
    """Number of parts that :func:`predict_tiles` yields."""
    lefts = grid.starts(1, view.width)
    return len(grid.starts(0, view.height)) * len(tile_strips(lefts, grid.size[1], view.width, widest))


def _chunks(columns: list[int], lefts: np.ndarray, wide: int, widest: int) -> Iterator[list[int]]:
    """Groups of neighbouring tiles that are read at once, together not wider than ``widest`` pixels."""
    chunk: list[int] = []
    for column in columns:
        if chunk and lefts[column] + wide - lefts[chunk[0]] > widest:
            yield chunk
            chunk = []
        chunk.append(column)
    if chunk:
        yield chunk
