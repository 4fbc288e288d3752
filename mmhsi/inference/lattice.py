"""Predicting every n-th pixel first, and those between them only where their surroundings disagree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def predict_lattice(
    valid: np.ndarray, step: int, predict: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray | None, int]:
    """Predict an area cell by cell, from the corners.

    A cell whose four corners hold data and have the same class, that of the largest value, is filled by bilinear
    interpolation of their values, which keeps the class. Any other is split into four, down to single pixels.

    Args:
        valid (np.ndarray): Which pixels hold data, bool (h, w).
        step (int): Side of the cells that come first, in pixels.
        predict (Callable): Gives the values (n, L) of the pixels of n flat indices.

    Returns:
        tuple[np.ndarray | None, int]: The values (L, h, w) float32, None if no pixel holds data, and the number of
        pixels that were predicted.
    """
    height, width = valid.shape
    values: np.ndarray | None = None
    known = np.zeros(valid.shape, bool)

    def need(rows: np.ndarray, cols: np.ndarray) -> None:
        nonlocal values
        wanted = np.zeros(valid.shape, bool)
        wanted[rows, cols] = True
        places = np.flatnonzero(wanted & valid & ~known)
        if len(places):
            found = predict(places)
            if values is None:
                values = np.zeros((height * width, found.shape[1]), np.float32)
            values[places] = found
            known.ravel()[places] = True

    tops, lefts = (np.append(np.arange(0, side - 1, step), side - 1) for side in valid.shape)
    need(*(axis.ravel() for axis in np.meshgrid(tops, lefts, indexing='ij')))
    # an area of a single row or column has cells of height or width 0
    first, last = np.meshgrid(tops[:-1] if height > 1 else tops, lefts[:-1] if width > 1 else lefts, indexing='ij')
    bottom, right = np.meshgrid(tops[1:] if height > 1 else tops, lefts[1:] if width > 1 else lefts, indexing='ij')
    cells = np.stack([part.ravel() for part in (first, last, bottom, right)])  # rows and columns at both ends
    filled = []
    while cells.size:
        cells = cells[:, np.maximum(cells[2] - cells[0], cells[3] - cells[1]) > 1]
        top, left, bottom, right = cells
        corners = np.stack([(top, left), (top, right), (bottom, left), (bottom, right)])  # (4, 2, n)
        agree = known[corners[:, 0], corners[:, 1]].all(axis=0)
        if values is not None:
            classes = values[corners[:, 0] * width + corners[:, 1]].argmax(axis=-1)
            agree &= (classes == classes[0]).all(axis=0)
        filled.append(cells[:, agree])
        top, left, bottom, right = cells[:, ~agree]
        row, col = (top + bottom) // 2, (left + right) // 2
        need(np.concatenate([row, top, bottom, row, row]), np.concatenate([col, col, col, left, right]))
        quarters = [(top, left, row, col), (top, col, row, right), (row, left, bottom, col), (row, col, bottom, right)]
        cells = np.unique(np.concatenate([np.stack(quarter) for quarter in quarters], axis=1), axis=1)
    if values is None:
        return None, 0
    image = values.reshape(height, width, -1)
    for top, left, bottom, right in np.concatenate(filled, axis=1).T:
        area = slice(top, bottom + 1), slice(left, right + 1)
        down = np.linspace(0, 1, bottom - top + 1, dtype=np.float32)[:, None, None]
        along = np.linspace(0, 1, right - left + 1, dtype=np.float32)[:, None]
        upper = image[top, left] * (1 - along) + image[top, right] * along
        lower = image[bottom, left] * (1 - along) + image[bottom, right] * along
        between = upper * (1 - down) + lower * down
        free = ~known[area]
        image[area][free] = between[free]
    return image.transpose(2, 0, 1), int(known.sum())
