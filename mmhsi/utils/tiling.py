"""Cutting a scene into overlapping tiles and putting the results of the tiles together again."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np


def tile_starts(length: int, tile: int, overlap: int = 0) -> np.ndarray:
    r"""First positions of evenly spread tiles that cover an axis.

    .. math::
        \text{starts} = \lfloor \text{linspace}(0, L - s, \lceil (L - s) / (s - o) \rceil + 1) \rfloor

    Args:
        length (int): Length L of the axis in pixels.
        tile (int): Tile size s in pixels.
        overlap (int): Smallest overlap o of neighbouring tiles in pixels, 0 <= o < s.

    Returns:
        np.ndarray: int64 array of ascending starts; only 0 if the axis is not longer than a tile.

    Raises:
        ValueError: If a size is not positive or the overlap is not smaller than the tile.
    """
    if length < 1 or tile < 1:
        raise ValueError(f'length and tile must be positive, not {length} and {tile}')
    if not 0 <= overlap < tile:
        raise ValueError(f'the overlap must be at least 0 and smaller than the tile size {tile}, not {overlap}')
    if length <= tile:
        return np.zeros(1, dtype=np.int64)
    steps = math.ceil((length - tile) / (tile - overlap))
    return np.floor(np.linspace(0, length - tile, steps + 1)).astype(np.int64)


def tile_positions(height: int, width: int, tile: int, overlap: int = 0) -> np.ndarray:
    """Upper left corners of the tiles that cover a scene, row by row.

    Args:
        height (int): Rows of the scene.
        width (int): Columns of the scene.
        tile (int): Tile size in pixels.
        overlap (int): Smallest overlap of neighbouring tiles in pixels.

    Returns:
        np.ndarray: int64 array of shape (N, 2) of (top, left).
    """
    rows, cols = np.meshgrid(tile_starts(height, tile, overlap), tile_starts(width, tile, overlap), indexing='ij')
    return np.stack([rows.ravel(), cols.ravel()], axis=1)


def sliding_positions(height: int,
                      width: int,
                      size: int | tuple[int, int],
                      stride: int | tuple[int, int],
                      repeat_border: bool = False) -> np.ndarray:
    """Upper left corners of windows at a fixed step, the last ones moved back to the border, row by row.

    Args:
        height (int): Rows of the scene, at least those of a window.
        width (int): Columns of the scene, at least those of a window.
        size (int | tuple[int, int]): Height and width of a window in pixels.
        stride (int | tuple[int, int]): Vertical and horizontal step in pixels, not larger than the window.
        repeat_border (bool): Keep the windows that the published HyperSIGMA code has twice and more: it takes a window
            per step inside the scene, moves those back that hang over, and ends a row of windows early only at the
            lower border, where it meets the right border. Defaults to False, which has each window once.

    Returns:
        np.ndarray: int64 array of shape (N, 2) of (top, left).

    Raises:
        ValueError: If the scene is smaller than a window, or a stride is not positive or leaves gaps.
    """
    (tall, wide), (down, right) = np.broadcast_to(size, 2).tolist(), np.broadcast_to(stride, 2).tolist()
    if height < tall or width < wide:
        raise ValueError(f'a scene of {height} x {width} pixels is smaller than a window of {tall} x {wide}')
    if not (0 < down <= tall and 0 < right <= wide):
        raise ValueError(f'the stride must be positive and not larger than the window of {tall} x {wide} pixels, not '
                         f'{down} x {right}')
    tops = np.minimum(np.arange(0, height, down), height - tall)
    lefts = np.minimum(np.arange(0, width, right), width - wide)
    unique_lefts = np.unique(lefts)
    if not repeat_border:
        tops, lefts = np.unique(tops), unique_lefts
    rows = [(top, unique_lefts if top == height - tall else lefts) for top in tops]
    return np.concatenate([np.stack([np.full_like(row, top), row], axis=1) for top, row in rows])


def stitch_tiles(tiles: Iterable[np.ndarray],
                 positions: Iterable[tuple[int, int]],
                 shape: tuple[int, int],
                 overlap: int = 0,
                 blend: str = 'overwrite') -> np.ndarray:
    """Put tiles together to one map.

    With ``blend='overwrite'`` the tiles are written in the given order. A tile that does not start at the upper border
    leaves out its first ``overlap // 2`` rows, one that does not start at the left border its first ``overlap // 2``
    columns; elsewhere a later tile overwrites an earlier one. With ``blend='average'`` overlapping values are averaged,
    which suits scores and logits, not class numbers. What hangs over the scene is cut off.

    Args:
        tiles (Iterable[np.ndarray]): N tiles of shape (t, t) or (t, t, K), row by row as in :func:`tile_positions`.
        positions (Iterable[tuple[int, int]]): (top, left) of each tile.
        shape (tuple[int, int]): Height and width of the scene.
        overlap (int): Overlap in pixels that the tiles were cut with.
        blend (str): 'overwrite' or 'average'.

    Returns:
        np.ndarray: Map of shape (H, W) or (H, W, K), of the dtype of the tiles, or a float type for 'average'.

    Raises:
        ValueError: If there is no tile, ``blend`` is unknown or a pixel is not covered by any tile.
    """
    if blend not in ('overwrite', 'average'):
        raise ValueError(f'blend must be "overwrite" or "average", not {blend!r}')
    height, width = shape
    skip = overlap // 2 if blend == 'overwrite' else 0
    stitched = None
    hits = np.zeros((height, width), dtype=np.int64)
    for tile, (top, left) in zip(tiles, positions, strict=True):
        tile = np.asarray(tile)
        if stitched is None:
            dtype = np.result_type(tile.dtype, np.float32) if blend == 'average' else tile.dtype
            stitched = np.zeros((height, width, *tile.shape[2:]), dtype=dtype)
        row = skip if top > 0 else 0
        col = skip if left > 0 else 0
        area = (slice(top + row, min(top + tile.shape[0], height)), slice(left + col, min(left + tile.shape[1], width)))
        part = tile[row:area[0].stop - top, col:area[1].stop - left]
        if blend == 'average':
            stitched[area] += part
        else:
            stitched[area] = part
        hits[area] += 1
    if stitched is None:
        raise ValueError('there is no tile to stitch')
    if not hits.all():
        raise ValueError(f'{np.count_nonzero(hits == 0)} of the {hits.size} pixels of the {height} x {width} scene are '
                         'not covered by any tile')
    if blend == 'average':
        stitched /= hits.reshape(height, width, *(1, ) * (stitched.ndim - 2))
    return stitched


def extract_tiles(image: np.ndarray, positions: Iterable[tuple[int, int]], tile: int) -> np.ndarray:
    """Cut tiles that lie inside an image.

    Args:
        image (np.ndarray): Image of shape (H, W) or (H, W, C).
        positions (Iterable[tuple[int, int]]): N positions (top, left).
        tile (int): Tile size in pixels.

    Returns:
        np.ndarray: Tiles of shape (N, tile, tile) or (N, tile, tile, C).
    """
    return np.stack([image[top:top + tile, left:left + tile] for top, left in positions])


def pad_to_multiple(image: np.ndarray, tile: int, mode: str = 'reflect') -> np.ndarray:
    """Pad the lower and right border of an image so that both sides become multiples of the tile size.

    Args:
        image (np.ndarray): Image of shape (H, W) or (H, W, C).
        tile (int): Tile size in pixels.
        mode (str): 'reflect' mirrors the image at its last row and column. 'append' adds a copy of the last rows and
            columns in their own order, as the published HyperSIGMA segmentation code of 2024 does.

    Returns:
        np.ndarray: Padded image, the input itself if nothing is to be added.

    Raises:
        ValueError: If ``mode`` is unknown or the image is too small to provide the padding.
    """
    if mode not in ('reflect', 'append'):
        raise ValueError(f'mode must be "reflect" or "append", not {mode!r}')
    for axis in (0, 1):
        size = image.shape[axis]
        missing = -size % tile
        available = size - 1 if mode == 'reflect' else size
        if missing > available:
            raise ValueError(f'an axis of {size} pixels cannot be padded to a multiple of {tile} with mode {mode!r}: '
                             f'{missing} pixels are missing and {available} can be copied')
        last = np.arange(size - missing, size)
        extra = last[::-1] - 1 if mode == 'reflect' else last
        if missing:
            image = np.concatenate([image, np.take(image, extra, axis=axis)], axis=axis)
    return image
