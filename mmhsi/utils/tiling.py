"""The tile grid: positions of the tiles of a scene, and stitching of their results."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

BLENDS = ('overwrite', 'average', 'linear', 'smooth')
LAYOUTS = ('even', 'stepped', 'repeated', 'overhanging', 'inside')


@dataclass(frozen=True)
class TileGrid:
    r"""Tiles of one size that cover a scene, and the weights by which they are blended.

    The layouts are:

    - 'even': spread evenly, as few as the overlap allows; the starts along an axis of L pixels, with tiles of s pixels
      and an overlap of o, are :math:`\lfloor \text{linspace}(0, L - s, \lceil (L - s) / (s - o) \rceil + 1) \rfloor`.
    - 'stepped': at a fixed step, the last one moved back to the border.
    - 'repeated': as 'stepped', but tiles moved back to the border count as often as in the published HyperSIGMA code,
      which takes a tile per step inside the scene, moves back those that extend beyond it, and ends a row of tiles
      early only at the lower border, where it meets the right border.
    - 'overhanging': at a fixed step from the upper left corner; the last one may extend beyond the border.
    - 'inside': at a fixed step, without tiles that would extend beyond the border. It does not cover the whole scene,
      and the step may leave gaps.

    A scene smaller than a tile has one tile, which extends beyond its lower and right border.

    The blends are:

    - 'overwrite': a later tile overwrites an earlier one, except for its first ``overlap // 2`` rows and columns where
      it does not start at the border of the scene. It suits class numbers.
    - 'average': all tiles have equal weight.
    - 'linear': the weight of a tile rises from its border over the overlap o, to :math:`\min(k / (o + 1), 1)` at the
      k-th row or column; that of a pixel is the product of those of its row and its column. At the border of the scene
      the weight stays 1. All tiles at a pixel are used, which averages their errors.
    - 'smooth': as 'linear', but the outer quarter g of the overlap (o / 4, rounded down), where a network sees only
      half of the surroundings, does not count: :math:`\min(\max(k - g, 0) / (o - 2 g + 1), 1)`. A network that sees no
      more than g pixels around each pixel gives the same result as for the whole scene.

    Weights are divided by their sum over all tiles at a pixel.

    Args:
        size (int | tuple[int, int]): Height and width of a tile in pixels.
        overlap (int | tuple[int, int]): Vertical and horizontal overlap of neighbouring tiles in pixels, the smallest
            one if the layout allows several. Defaults to 0.
        blend (str): 'overwrite', 'average', 'linear' or 'smooth'. Defaults to 'overwrite'.
        layout (str): 'even', 'stepped', 'repeated', 'overhanging' or 'inside'. Defaults to 'even'.

    Raises:
        ValueError: If the size is not positive, the overlap is negative or not smaller than a tile, or the blend or the
            layout is unknown.
        TypeError: If the size or the overlap is not a whole number.
    """

    size: tuple[int, int]
    overlap: tuple[int, int] = (0, 0)
    blend: str = 'overwrite'
    layout: str = 'even'

    if TYPE_CHECKING:  # one number for both axes

        def __init__(
            self,
            size: int | tuple[int, int],
            overlap: int | tuple[int, int] = 0,
            blend: str = 'overwrite',
            layout: str = 'even',
        ) -> None: ...

    def __post_init__(self) -> None:
        for name in ('size', 'overlap'):
            object.__setattr__(self, name, tuple(np.broadcast_to(getattr(self, name), 2).tolist()))
        for what, value, known in (('blend', self.blend, BLENDS), ('layout', self.layout, LAYOUTS)):
            if value not in known:
                raise ValueError(f'the {what} of tiles must be one of {known}, not {value!r}')
        if not all(isinstance(number, int) for number in (*self.size, *self.overlap)):
            raise TypeError(
                f'size and overlap of tiles are whole numbers of pixels, not {self.size} and {self.overlap}'
            )
        if min(self.size) < 1:
            raise ValueError(f'the size of a tile must be positive, not {self.size[0]} x {self.size[1]} pixels')
        for size, overlap in zip(self.size, self.overlap, strict=True):
            if overlap >= size or overlap < 0 and self.layout != 'inside':
                raise ValueError(
                    f'the overlap must be at least 0 and smaller than the tile of {size} pixels, not {overlap}'
                )

    @classmethod
    def sliding(
        cls, size: int | tuple[int, int], stride: int | tuple[int, int], blend: str = 'average', layout: str = 'stepped'
    ) -> TileGrid:
        """A grid of tiles at a fixed step.

        Args:
            size (int | tuple[int, int]): Height and width of a tile in pixels.
            stride (int | tuple[int, int]): Vertical and horizontal step in pixels.
            blend (str): The blend. Defaults to 'average'.
            layout (str): 'stepped', 'repeated', 'overhanging' or 'inside'. Defaults to 'stepped'.

        Raises:
            ValueError: If a stride is not positive, or leaves gaps and the layout is not 'inside'.
        """
        (tall, wide), (down, right) = np.broadcast_to(size, 2).tolist(), np.broadcast_to(stride, 2).tolist()
        if min(down, right) < 1 or layout != 'inside' and (down > tall or right > wide):
            larger = '' if layout == 'inside' else ' and not larger than the window'
            raise ValueError(
                f'the stride of windows of {tall} x {wide} pixels must be positive{larger}, not {down} x {right}'
            )
        return cls((tall, wide), (tall - down, wide - right), blend, layout)

    def starts(self, axis: int, length: int) -> np.ndarray:
        """First positions of the tiles along an axis.

        Args:
            axis (int): 0 for rows, 1 for columns.
            length (int): Number of rows or columns of the scene.

        Returns:
            np.ndarray: Ascending int64, each position once.

        Raises:
            ValueError: If the length is not positive, or smaller than a tile with the layout 'inside'.
        """
        size, step = self.size[axis], self.size[axis] - self.overlap[axis]
        if length < 1:
            raise ValueError(f'the length of an axis must be positive, not {length}')
        if self.layout == 'inside' and length < size:
            raise ValueError(f'an axis of {length} pixels is smaller than a window of {size}')
        if self.layout == 'inside':
            return np.arange(0, length - size + 1, step)
        if length <= size:
            return np.zeros(1, np.int64)
        if self.layout == 'even':
            return np.floor(np.linspace(0, length - size, math.ceil((length - size) / step) + 1)).astype(np.int64)
        count = math.ceil((length - size) / step) + 1
        starts = np.arange(count) * step
        return starts if self.layout == 'overhanging' else np.minimum(starts, length - size)

    def spans(self, axis: int, length: int) -> np.ndarray:
        """The parts of the tiles along an axis that count.

        Args:
            axis (int): 0 for rows, 1 for columns.
            length (int): Number of rows or columns of the scene.

        Returns:
            np.ndarray: int64 (n, 2), first position and end for each of :meth:`starts`, inside the scene.
        """
        size, starts = self.size[axis], self.starts(axis, length)
        if self.blend == 'overwrite':
            first = starts + np.where(starts > 0, self.overlap[axis] // 2, 0)
            return np.stack([first, np.append(first[1:], length)], axis=1)
        spans = [
            start + np.flatnonzero(self.profile(axis, size, start > 0, start + size < length))[[0, -1]]
            for start in starts
        ]
        return np.minimum(np.stack(spans) + [0, 1], length)

    def profile(self, axis: int, size: int, before: bool, after: bool, scale: int = 1) -> np.ndarray:
        """Weights of the rows or columns of a tile, before they are divided by their sum.

        Args:
            axis (int): 0 for rows, 1 for columns.
            size (int): Number of rows or columns of the tile in pixels of the scene.
            before (bool): Whether the scene continues before the first of them.
            after (bool): Whether the scene continues after the last of them.
            scale (int): Pixels of the result per pixel of the scene along an axis. Defaults to 1.

        Returns:
            np.ndarray: float64 (scale * size,), in [0, 1].
        """
        overlap = self.overlap[axis]
        weights = np.ones(scale * size)
        if self.blend == 'overwrite' and before:
            weights[: scale * (overlap // 2)] = 0
        elif self.blend in ('linear', 'smooth'):
            guard = overlap // 4 if self.blend == 'smooth' else 0
            rising = np.arange(1 - scale * guard, scale * (size - guard) + 1) / (scale * (overlap - 2 * guard) + 1)
            rising = np.clip(rising, 0, 1)
            weights = np.minimum(weights, rising) if before else weights
            weights = np.minimum(weights, rising[::-1]) if after else weights
        return weights

    def repeats(self, height: int, width: int) -> np.ndarray:
        """Number of times that each tile counts.

        Args:
            height (int): Rows of the scene.
            width (int): Columns of the scene.

        Returns:
            np.ndarray: int64 (n, m) for n rows of m tiles each: 1, except with the layout 'repeated'.
        """
        rows, cols = len(self.starts(0, height)), len(self.starts(1, width))
        counts = np.ones((rows, cols), np.int64)
        if self.layout == 'repeated':
            down, right = (size - overlap for size, overlap in zip(self.size, self.overlap, strict=True))
            counts[:, -1] = math.ceil(width / right) - (cols - 1)
            counts[-1] = math.ceil(height / down) - (rows - 1)
        return counts

    def positions(self, height: int, width: int) -> np.ndarray:
        """Upper left corners of the tiles of a scene.

        Args:
            height (int): Rows of the scene.
            width (int): Columns of the scene.

        Returns:
            np.ndarray: int64 (N, 2) of (top, left), row by row; with the layout 'repeated' some of them several times.

        Raises:
            ValueError: As :meth:`starts`.
        """
        if self.layout == 'inside' and (height < self.size[0] or width < self.size[1]):
            raise ValueError(
                f'a scene of {height} x {width} pixels is smaller than a window of {self.size[0]} x {self.size[1]}'
            )
        corners = np.meshgrid(self.starts(0, height), self.starts(1, width), indexing='ij')
        positions = np.stack(corners, axis=-1)
        if self.layout != 'repeated':
            return positions.reshape(-1, 2)
        counts = self.repeats(height, width)
        rows = [np.repeat(*row, axis=0) for row in zip(positions[:-1], counts[:-1], strict=True)]
        return np.concatenate([*rows, np.tile(positions[-1], (counts[-1, -1], 1))])

    def stitch(
        self,
        tiles: Iterable[np.ndarray],
        positions: Iterable[tuple[int, int]],
        shape: tuple[int, int],
        empty: float | None = None,
    ) -> np.ndarray:
        """Stitch tiles into one map. Parts beyond the scene are cut off.

        Args:
            tiles (Iterable[np.ndarray]): N tiles (h, w) or (h, w, K), row by row for the blend 'overwrite'.
            positions (Iterable[tuple[int, int]]): (top, left) of each tile.
            shape (tuple[int, int]): Height and width of the scene.
            empty (float, optional): Value of pixels without a tile. Defaults to None: they are an error.

        Returns:
            np.ndarray: Map (H, W) or (H, W, K), of the dtype of the tiles if the blend is 'overwrite', else of a float
            type.

        Raises:
            ValueError: If there is no tile, or a pixel has none and ``empty`` is None.
        """
        mosaic = None
        for tile, position in zip(tiles, positions, strict=True):
            tile = np.asarray(tile)
            if mosaic is None:
                dtype = tile.dtype if self.blend == 'overwrite' else np.result_type(tile.dtype, np.float32)
                mosaic = Mosaic(np.zeros((*tile.shape[2:], *shape), dtype), self, shape)
            mosaic.add(np.moveaxis(tile, (0, 1), (-2, -1)), position)
        if mosaic is None:
            raise ValueError('there is no tile to stitch')
        missing = mosaic.weights == 0
        if missing.any():
            if empty is None:
                raise ValueError(
                    f'{np.count_nonzero(missing)} of the {missing.size} pixels of the {shape[0]} x '
                    f'{shape[1]} scene are not covered by any tile'
                )
            mosaic.values[..., missing] = empty
        return np.ascontiguousarray(np.moveaxis(mosaic.values, (-2, -1), (0, 1)))


def slide_grid(test_cfg: Mapping[str, Any]) -> TileGrid:
    """The windows of a segmentor in slide mode.

    Args:
        test_cfg (Mapping): Its ``test_cfg``: ``crop_size``, ``stride`` and, for
            :class:`mmhsi.models.SlidingEncoderDecoder`, ``repeat_border_windows``.

    Raises:
        ValueError: If the stride leaves gaps between the windows.
    """
    layout = 'repeated' if test_cfg.get('repeat_border_windows') else 'stepped'
    return TileGrid.sliding(test_cfg['crop_size'], test_cfg['stride'], layout=layout)


def restoration_grid(tile_size: int | tuple[int, int], overlap: int = 0) -> TileGrid:
    """The tiles of a restorer, spread evenly and blended linearly so that their noise is averaged.

    Args:
        tile_size (int | tuple[int, int]): Height and width of a tile in pixels.
        overlap (int): Smallest overlap of neighbouring tiles in pixels. Defaults to 0.
    """
    return TileGrid(tile_size, overlap, 'linear')


class Mosaic:
    """A map, or a part of one, into which tiles are blended one after the other.

    It holds the weighted mean of the tiles added so far, so a constant is reproduced exactly. The arrays may be of
    NumPy or tensors of PyTorch.

    Args:
        values: Zeros (..., H, W), which become the map.
        grid (TileGrid): The grid, for its overlap and blend.
        shape (tuple[int, int]): Height and width of the scene in pixels.
        scale (int): Pixels of the map per pixel of the scene along an axis. Defaults to 1.
        origin (tuple[int, int]): Row and column of the scene at which the map begins. Defaults to (0, 0).

    Attributes:
        values: The map so far.
        weights: Sum of the weights (H, W) of the tiles so far; 0 without a tile.
    """

    def __init__(
        self, values: Any, grid: TileGrid, shape: tuple[int, int], scale: int = 1, origin: tuple[int, int] = (0, 0)
    ) -> None:
        self.values = values
        self.weights = 0 * values[(0,) * (values.ndim - 2)]
        self.grid = grid
        self.shape = shape
        self.scale = scale
        self.origin = origin
        self._profiles: dict[tuple, Any] = {}

    def add(self, tile: Any, position: tuple[int, int], count: int = 1) -> None:
        """Blend in the part of a tile that lies in the map.

        Args:
            tile: Values (..., h, w) at the scale of the map.
            position (tuple[int, int]): (top, left) in pixels of the scene.
            count (int): How often the tile counts. Defaults to 1.
        """
        place, part, weights = [], [], []
        for axis in (0, 1):
            size, start = tile.shape[axis - 2] // self.scale, int(position[axis])
            profile, first, end = self._profile(axis, size, start > 0, start + size < self.shape[axis])
            moved = self.scale * (start - self.origin[axis])
            first, end = max(first, -moved), min(end, self.values.shape[axis - 2] - moved)
            if first >= end:
                return
            place.append(slice(moved + first, moved + end))
            part.append(slice(first, end))
            weights.append(profile[first:end])
        # values that do not count may be NaN
        inside, values = (..., *place), tile[(..., *part)]
        if self.grid.blend == 'overwrite':
            self.values[inside] = values
            self.weights[inside] = 1
            return
        added = count * weights[0][:, None] * weights[1]
        self.weights[inside] += added
        self.values[inside] += added / self.weights[inside] * (values - self.values[inside])

    def _profile(self, axis: int, size: int, before: bool, after: bool) -> tuple[Any, int, int]:
        """The profile of the grid as an array of the map's type, and the part of it that counts."""
        key = axis, size, before, after
        if key not in self._profiles:
            profile = self.grid.profile(*key, self.scale)
            counted = np.flatnonzero(profile).tolist() or [0, -1]
            made = getattr(self.values, 'new_tensor', None)  # of PyTorch
            self._profiles[key] = (
                profile.astype(self.values.dtype) if made is None else made(profile),
                counted[0],
                counted[-1] + 1,
            )
        return self._profiles[key]

    def scroll(self, rows: int) -> None:
        """Move a NumPy map down by some rows of the scene: rows that leave are dropped, new rows are zero."""
        moved = self.scale * rows
        for array in (self.values, self.weights):
            kept = array.shape[-2] - moved
            array[..., :kept, :] = array[..., moved:, :]
            array[..., kept:, :] = 0
        self.origin = (self.origin[0] + rows, self.origin[1])
