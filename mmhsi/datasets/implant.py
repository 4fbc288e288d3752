"""Implanting a target spectrum into a scene at known positions and abundances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Block:
    """A square of pixels that holds a target.

    Attributes:
        row (int): Its first row.
        column (int): Its first column.
        side (int): Its side in pixels.
        fraction (float): Abundance of the target in each of its pixels, above 0 and up to 1.
    """

    row: int
    column: int
    side: int
    fraction: float

    @property
    def positions(self) -> np.ndarray:
        """Rows and columns of its pixels, int64 (side * side, 2)."""
        return np.array([self.row, self.column]) + np.argwhere(np.ones((self.side, self.side), bool))


def implant_targets(
    cube: np.ndarray, target: np.ndarray, positions: np.ndarray, fractions: float | Sequence[float]
) -> np.ndarray:
    """Replace a fraction of pixels by a target: z = f t + (1 - f) b with the original background b.

    Source: the replacement model of Schaum and Stocker, Spectrally selective target detection, Proc. ISSSR, 1997;
    Stefanou and Kerekes, IEEE Trans. Geosci. Remote Sens. 47(6), 2009, for implanting.

    Args:
        cube (np.ndarray): (H, W, C).
        target (np.ndarray): Spectrum t of shape (C,) in the units of the cube, or one for each position, (n, C).
        positions (np.ndarray): n rows and columns, unique integers of shape (n, 2).
        fractions (float | Sequence[float]): Abundance f, above 0 and up to 1, of all or of each of the n positions.

    Returns:
        np.ndarray: New array of shape (H, W, C), float64 if the cube is float64 or exceeds the precision of float32,
        else float32. Other pixels keep their values.

    Raises:
        ValueError: If a position lies outside the scene or occurs twice, a fraction is not above 0 and up to 1, the
            number of bands differs, or the target or the background of a position is not finite.
    """
    cube, positions = np.asarray(cube), np.asarray(positions)
    target, fractions = np.asarray(target, np.float64), np.asarray(fractions, np.float64)
    if cube.ndim != 3 or cube.dtype.kind not in 'biuf':
        raise ValueError(f'the cube has the shape {cube.shape} and type {cube.dtype}, expected real numbers (H, W, C)')
    height, width, bands = cube.shape
    if positions.ndim != 2 or positions.shape[1] != 2 or not len(positions) or positions.dtype.kind not in 'iu':
        raise ValueError(
            f'the positions have the shape {positions.shape} and type {positions.dtype}, expected integers (n, 2)'
        )
    count = len(positions)
    if target.shape not in ((bands,), (count, bands)):
        raise ValueError(
            f'the target has the shape {target.shape}, but the cube has {bands} bands and there are {count} positions'
        )
    if fractions.shape not in ((), (count,)):
        raise ValueError(f'there are {fractions.size} fractions for {count} positions')
    if not ((fractions > 0) & (fractions <= 1)).all():
        raise ValueError(f'fractions from {fractions.min():g} to {fractions.max():g}, expected above 0 and up to 1')
    outside = ((positions < 0) | (positions >= (height, width))).any(axis=1)
    if outside.any():
        row, column = positions[outside][0]
        raise ValueError(f'the position row {row}, column {column} lies outside the scene of {height} x {width} pixels')
    if len(np.unique(positions, axis=0)) < count:
        raise ValueError('a position occurs twice')
    rows, columns = positions.T
    background = cube[rows, columns].astype(np.float64)
    broken = ~np.isfinite(background).all(axis=1)
    if broken.any():
        row, column = positions[broken][0]
        raise ValueError(f'the pixel at row {row}, column {column} holds no data to mix the target with')
    if not np.isfinite(target).all():
        raise ValueError('the target holds NaN or infinity')
    shares = np.broadcast_to(fractions, count)[:, None]
    result = cube.astype(np.result_type(cube.dtype, np.float32))
    result[rows, columns] = shares * target + (1 - shares) * background
    return result


def draw_blocks(
    allowed: np.ndarray,
    count: int,
    sides: Sequence[int],
    fractions: Sequence[float] | tuple[float, float],
    rng: np.random.Generator,
    uniform: bool = False,
) -> list[Block]:
    """Draw positions of square targets that do not touch each other.

    The i-th block has the (i modulo number of sides)-th side, and the fraction changes after each cycle of all sides,
    so that every side is combined with every fraction.

    Args:
        allowed (np.ndarray): bool of shape (H, W), True where a target may lie.
        count (int): Number of blocks.
        sides (Sequence[int]): Sides of the blocks in pixels.
        fractions (Sequence[float]): Abundances; with ``uniform`` the lowest and the highest.
        rng (np.random.Generator): Source of randomness.
        uniform (bool): Whether to draw the fractions between the lowest and the highest. Defaults to False.

    Returns:
        list[Block]: The blocks, in the order of the sides.

    Raises:
        ValueError: If a side is not positive, there is no block to draw, or there is no space for a block in the scene.
    """
    if count < 1 or not len(sides) or not len(fractions) or min(sides) < 1:
        raise ValueError(
            f'{count} blocks with the sides {list(sides)} and fractions {list(fractions)}, expected at '
            'least one of each, and sides of at least one pixel'
        )
    if uniform and (len(fractions) != 2 or fractions[0] > fractions[1]):
        raise ValueError(f'fractions {list(fractions)}, expected the lowest and the highest')
    height, width = allowed.shape
    free = np.array(allowed, bool)
    blocks = [None] * count
    # large blocks are placed before small ones are scattered over the scene
    for index in sorted(range(count), key=lambda index: -sides[index % len(sides)]):
        side = sides[index % len(sides)]
        place = _draw_place(free, side, rng)
        if place is None:
            raise ValueError(
                f'no place for a block of {side} x {side} pixels in the scene of {height} x {width} '
                f'pixels next to the {count - blocks.count(None)} blocks drawn before'
            )
        row, column = place
        fraction = rng.uniform(*fractions) if uniform else fractions[index // len(sides) % len(fractions)]
        blocks[index] = Block(row, column, side, float(fraction))
        free[max(row - 1, 0) : row + side + 1, max(column - 1, 0) : column + side + 1] = False
    return blocks


def _draw_place(free: np.ndarray, side: int, rng: np.random.Generator) -> tuple[int, int] | None:
    if side > min(free.shape):
        return None
    fits = np.lib.stride_tricks.sliding_window_view(free, (side, side)).all(axis=(2, 3))
    places = np.argwhere(fits)
    return tuple(int(value) for value in places[rng.integers(len(places))]) if len(places) else None
