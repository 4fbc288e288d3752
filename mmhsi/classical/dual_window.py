"""The neighbours of each pixel in a dual window: those of the outer window without those of the inner one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_BATCH_BYTES = 2**26


def dual_window_batches(
    valid: np.ndarray, inner: int, outer: int, bands: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Go through the valid pixels in batches with equally many neighbours.

    At the border of the scene the outer window is shifted so that it keeps its size, and the inner window, which stays
    around its pixel, is cut off. So no pixel is counted twice, as mirroring the scene would.

    Args:
        valid (np.ndarray): bool of shape (H, W).
        inner (int): Side of the inner window, odd.
        outer (int): Side of the outer window, odd, at most H and W.
        bands (int): Number of bands, which sets how many pixels are taken at once.

    Yields:
        tuple[np.ndarray, np.ndarray, np.ndarray]: Flat indices of the pixels (B,), of their neighbours (B, n), and bool
        (B, n), True where the neighbour is valid.

    Raises:
        ValueError: If a valid pixel has fewer than two valid neighbours.
    """
    height, width = valid.shape
    rows, columns = np.divmod(np.flatnonzero(valid), width)
    tops = np.clip(rows - outer // 2, 0, height - outer)
    lefts = np.clip(columns - outer // 2, 0, width - outer)
    # pixels that lie at the same place of their outer window share the pattern of neighbours
    places = (rows - tops) * outer + columns - lefts
    grid = np.arange(outer)
    for place in np.unique(places):
        members = np.flatnonzero(places == place)
        row, column = divmod(int(place), outer)
        outside = np.maximum(abs(grid[:, None] - row), abs(grid - column)) > inner // 2
        offsets = (grid[:, None] * width + grid)[outside]
        size = max(1, _BATCH_BYTES // (8 * bands * max(bands, len(offsets))))
        for start in range(0, len(members), size):
            batch = members[start : start + size]
            neighbours = (tops[batch] * width + lefts[batch])[:, None] + offsets
            usable = valid.ravel()[neighbours]
            lonely = np.flatnonzero(usable.sum(axis=1) < 2)
            if lonely.size:
                pixel = batch[lonely[0]]
                raise ValueError(
                    f'the pixel at row {rows[pixel]}, column {columns[pixel]} has fewer than two valid '
                    f'neighbours in the dual window of {inner} and {outer} pixels; make the outer window '
                    'larger or mark the pixel as not valid'
                )
            yield rows[batch] * width + columns[batch], neighbours, usable
