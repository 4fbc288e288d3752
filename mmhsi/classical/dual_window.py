"""The neighbours of each pixel in a dual window: those in the outer but not in the inner window.

At the border of the scene the outer window is shifted so that it keeps its size, and the inner window, which stays
centred on its pixel, is cut off. Unlike mirroring the scene, this counts no pixel twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.linalg.blas import dsyr, dsyrk

from .inputs import checked_windows
from .parallel import over_cores

_BATCH_BYTES = 2**22
_RUN = 64  # pixels of a row with running sums, few enough that rounding errors do not accumulate


def _outer_starts(length: int, outer: int) -> np.ndarray:
    """First row or column of the outer window around each of the ``length`` of them."""
    return np.clip(np.arange(length) - outer // 2, 0, length - outer)


def check_dual_window(valid: np.ndarray, inner: int, outer: int) -> None:
    """Check that the windows suit a scene.

    Args:
        valid (np.ndarray): bool of shape (H, W).
        inner (int): Side of the inner window.
        outer (int): Side of the outer window.

    Raises:
        ValueError: As :func:`mmhsi.classical.inputs.checked_windows`, or if a valid pixel has fewer than two valid
            neighbours.
    """
    height, width = valid.shape
    checked_windows(inner, outer, height, width)
    sums = np.pad(valid.cumsum(axis=0, dtype=np.int64).cumsum(axis=1), ((1, 0), (1, 0)))

    def counted(first: list[np.ndarray], end: list[np.ndarray]) -> np.ndarray:
        (top, left), (bottom, right) = first, end
        return (
            sums[np.ix_(bottom, right)]
            - sums[np.ix_(top, right)]
            - sums[np.ix_(bottom, left)]
            + sums[np.ix_(top, left)]
        )

    starts = [_outer_starts(length, outer) for length in valid.shape]
    middle, reach = [np.arange(length) for length in valid.shape], inner // 2
    count = counted(starts, [start + outer for start in starts]) - counted(
        [np.maximum(place - reach, 0) for place in middle],
        [np.minimum(place + reach + 1, length) for place, length in zip(middle, valid.shape, strict=True)],
    )
    lonely = np.argwhere(valid & (count < 2))
    if len(lonely):
        raise ValueError(
            f'the pixel at row {lonely[0, 0]}, column {lonely[0, 1]} has fewer than two valid '
            f'neighbours in the dual window of {inner} and {outer} pixels; make the outer window '
            'larger or mark the pixel as not valid'
        )


def dual_window_batches(
    valid: np.ndarray, inner: int, outer: int, bands: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Iterate over the valid pixels in batches with equal numbers of neighbours.

    Args:
        valid (np.ndarray): bool of shape (H, W).
        inner (int): Side of the inner window, odd.
        outer (int): Side of the outer window, odd, at most H and W.
        bands (int): Number of bands, which determines the batch size.

    Yields:
        tuple[np.ndarray, np.ndarray]: Flat indices of the pixels (B,), and of their neighbours (B, n), valid or not.
    """
    height, width = valid.shape
    rows, columns = np.divmod(np.flatnonzero(valid), width)
    tops, lefts = _outer_starts(height, outer)[rows], _outer_starts(width, outer)[columns]
    # pixels at the same position in their outer window share the pattern of neighbours
    places = (rows - tops) * outer + columns - lefts
    grid = np.arange(outer)
    for place in np.unique(places):
        members = np.flatnonzero(places == place)
        row, column = divmod(int(place), outer)
        outside = np.maximum(abs(grid[:, None] - row), abs(grid - column)) > inner // 2
        offsets = (grid[:, None] * width + grid)[outside]
        size = max(1, _BATCH_BYTES // (8 * bands * len(offsets)))
        for start in range(0, len(members), size):
            batch = members[start : start + size]
            yield rows[batch] * width + columns[batch], (tops[batch] * width + lefts[batch])[:, None] + offsets


def over_dual_window_moments(
    cube: np.ndarray, valid: np.ndarray, inner: int, outer: int, use: Callable[..., float]
) -> np.ndarray:
    """Give the count, the mean and the scatter of the neighbours of each valid pixel to a function.

    Along a row the sums of x and of x x^T run on: what enters the windows is added, what leaves them subtracted. They
    are taken about a mean near by and afresh every few pixels, so that no digits are lost.

    Args:
        cube (np.ndarray): float64 of shape (H, W, C).
        valid (np.ndarray): bool of shape (H, W).
        inner (int): Side of the inner window, odd.
        outer (int): Side of the outer window, odd, at most H and W.
        use (Callable): Called with the count n, the pixel less the mean of its neighbours (C,), and the lower triangle
            of the sum of (x - m) (x - m)^T over them, (C, C) in Fortran order, which it may overwrite.

    Returns:
        np.ndarray: float64 of shape (H, W): what ``use`` returned, NaN where not valid.
    """
    height, width, bands = cube.shape
    tops, lefts, reach = _outer_starts(height, outer), _outer_starts(width, outer), inner // 2
    result = np.full(valid.shape, np.nan)

    def run(start: tuple[int, int]) -> None:
        row, first = start
        end = min(first + _RUN, width)
        top, begin = tops[row], lefts[first]
        high, low = max(row - reach, 0) - top, min(row + reach + 1, height) - top
        area = slice(top, top + outer), slice(begin, lefts[end - 1] + outer)
        strip = np.empty((area[1].stop - begin, outer, bands + 1))  # column by column
        strip[..., -1] = valid[area].T
        strip[..., :bands] = cube[area].transpose(1, 0, 2)
        strip[..., :bands][strip[..., -1] == 0] = 0
        centre = strip[..., :bands].sum(axis=(0, 1)) / strip[..., -1].sum()
        strip[..., :bands] -= centre * strip[..., -1:]
        sums = np.zeros((bands + 1, bands + 1), order='F')

        def add(sign: float, columns: slice, rows: slice) -> None:
            for block in strip[columns, rows]:
                dsyrk(sign, block.T, beta=1.0, c=sums, lower=1, overwrite_c=1)

        def inside(column: int) -> slice:
            return slice(max(column - reach, 0) - begin, min(column + reach + 1, width) - begin)

        everything, middle = slice(0, outer), slice(high, low)
        for column in range(first, end):
            left = lefts[column] - begin
            if column == first:
                add(1.0, slice(0, outer), everything)
                add(-1.0, inside(column), middle)
            else:
                before = lefts[column - 1] - begin
                add(1.0, slice(before + outer, left + outer), everything)
                add(-1.0, slice(before, left), everything)
                old, new = inside(column - 1), inside(column)
                add(1.0, slice(old.start, new.start), middle)
                add(-1.0, slice(old.stop, new.stop), middle)
            if valid[row, column]:
                count = sums[-1, -1]
                total = sums[-1, :bands]
                scatter = dsyr(-1 / count, total, a=sums[:bands, :bands].copy(order='F'), lower=1, overwrite_a=1)
                result[row, column] = use(count, strip[column - begin, row - top, :bands] - total / count, scatter)

    over_cores(run, [(row, first) for row in range(height) for first in range(0, width, _RUN)], 'local RX')
    return result
