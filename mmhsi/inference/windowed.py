"""Predicting a scene with a window around each pixel, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from mmhsi.datasets.scenes.cube_view import Area
from mmhsi.inference.batches import smaller_batches
from mmhsi.inference.lattice import predict_lattice
from mmhsi.tasks.networks import Network


def plan_blocks(height: int, width: int, window: int, pixels: int) -> list[Area]:
    """Blocks (top, left, h, w) that cover a scene row by row, each, with its surroundings, of a limited number of
    pixels.

    Blocks are as wide as the scene unless they would be lower than a window, because their surroundings are read again
    for the next block.

    Args:
        height (int): Rows of the scene.
        width (int): Columns of the scene.
        window (int): Side of the window in pixels.
        pixels (int): Largest number of pixels of a block with its surroundings; exceeded if a window is larger.

    Returns:
        list[Area]: The blocks.
    """
    around = window - 1
    lowest = min(height, 2 * window)
    columns = width
    if (lowest + around) * (width + around) > pixels:
        columns = max(pixels // (lowest + around) - around, min(width, window))
    parts = -(-width // columns)
    columns = -(-width // parts)
    rows = min(max(pixels // (columns + around) - around, lowest), height)
    return [
        (top, left, min(rows, height - top), min(columns, width - left))
        for top in range(0, height, rows)
        for left in range(0, width, columns)
    ]


_TILE = 32  # side of the parts whose windows are filtered at once: banded products waste least near that of a window


def predict_windows(
    view,
    read: Callable[[Area], np.ndarray],
    network: Network,
    window: int,
    blocks: list[Area],
    start: int = 0,
    lattice: int = 1,
) -> Iterator[tuple[Area, np.ndarray | None, np.ndarray]]:
    """Predict the valid pixels of a scene.

    The block is preprocessed and brought to the device once; the linear and position-independent part of the data
    preprocessor is applied to it there, before windows are cut out.

    Args:
        view (CubeView | PairView): The scene.
        read (Callable): Returns the values (h, w, C) float32 of an area (top, left, h, w), which may extend beyond the
            border.
        network (Network): The network, tried by :func:`mmhsi.inference.run_scene.try_network`; ``predicted`` counts its
            windows.
        window (int): Side w of the window; with an even one the pixel is at index w / 2.
        blocks (list[Area]): What :func:`plan_blocks` gave.
        start (int): Number of blocks that are already done. Defaults to 0.
        lattice (int): Side of the cells of :func:`mmhsi.inference.lattice.predict_lattice`. Defaults to 1: every pixel
            is predicted.

    Yields:
        Area (top, left, h, w), its values (L, h, w) float32 (None if no pixel is valid), and which of its pixels are
        valid, bool (h, w).
    """
    around = window - 1
    for top, left, rows, cols in blocks[start:]:
        block = read((top - window // 2, left - window // 2, rows + around, cols + around))
        valid = view.validity(top, left, rows, cols)
        image = torch.from_numpy(np.ascontiguousarray(block.transpose(2, 0, 1))).to(network.device)
        side = _TILE if network.filters_windows else max(rows, cols)
        values = None
        for row in range(0, rows, side):
            for col in range(0, cols, side):
                part = slice(row, min(row + side, rows)), slice(col, min(col + side, cols))
                if not valid[part].any():
                    continue
                windows, run = network.windows(
                    image[:, row : part[0].stop + around, col : part[1].stop + around], window
                )
                found, predicted = _predict_part(windows, run, valid[part], network.batch_size, lattice)
                network.predicted += predicted
                if values is None:
                    values = np.zeros((len(found), rows, cols), np.float32)
                values[:, *part] = found
        yield (top, left, rows, cols), values, valid


def _predict_part(
    windows: Tensor, run: Callable[[Tensor], Tensor], valid: np.ndarray, batch_size: int, lattice: int
) -> tuple[np.ndarray, int]:
    """Values (L, h, w) of windows (h, w, C, s, s) where ``valid`` (h, w), and how many were predicted."""
    cols = valid.shape[1]

    def predict(places: np.ndarray) -> np.ndarray:
        wanted = torch.from_numpy(places).to(windows.device)
        found = [
            smaller_batches(run, windows[place // cols, place % cols]).float() for place in wanted.split(batch_size)
        ]
        return torch.cat(found).cpu().numpy()

    if lattice > 1:
        return predict_lattice(valid, lattice, predict)
    places = np.flatnonzero(valid)
    found = predict(places)
    values = np.zeros((found.shape[1], valid.size), np.float32)
    values[:, places] = found.T
    return values.reshape(-1, *valid.shape), len(places)
