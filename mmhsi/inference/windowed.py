"""Predicting a scene by a window around each pixel, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from mmhsi.datasets.scenes.cube_view import Area


def plan_blocks(height: int, width: int, window: int, pixels: int) -> list[Area]:
    """Blocks (top, left, h, w) that cover a scene row by row, each with its surroundings of at most so many pixels.

    Blocks are as wide as the scene unless they would be lower than a window is high, because what lies around them is
    read again for the next one.

    Args:
        height (int): Rows of the scene.
        width (int): Columns of the scene.
        window (int): Side of the window in pixels.
        pixels (int): Largest number of pixels of a block with its surroundings; more where a window is larger.

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


def predict_windows(
    view,
    read: Callable[[Area], np.ndarray],
    predict: Callable[[Tensor], Tensor],
    window: int,
    blocks: list[Area],
    batch_size: int,
    device: torch.device,
    start: int = 0,
) -> Iterator[tuple[Area, np.ndarray | None, np.ndarray]]:
    """Predict the pixels of a scene that hold data.

    The block is preprocessed and brought to the device once; windows are cut out of it there.

    Args:
        view (CubeView | PairView): The scene.
        read (Callable): Gives the values (h, w, C) float32 of an area (top, left, h, w) that may hang over the border.
        predict (Callable): Maps windows (B, C, w, w) on the device to values (B, L).
        window (int): Side w of the window; with an even one the pixel is at index w / 2.
        blocks (list[Area]): What :func:`plan_blocks` gave.
        batch_size (int): Number of windows that run at once.
        device (torch.device): Device of the network.
        start (int): Number of blocks that are done already. Defaults to 0.

    Yields:
        Area (top, left, h, w), its values (L, h, w) float32 (None if no pixel holds data), and which of its pixels hold
        data, bool (h, w).
    """
    for top, left, rows, cols in blocks[start:]:
        block = read((top - window // 2, left - window // 2, rows + window - 1, cols + window - 1))
        valid = view.validity(top, left, rows, cols)
        wanted = torch.from_numpy(np.flatnonzero(valid)).to(device)
        image = torch.from_numpy(np.ascontiguousarray(block.transpose(2, 0, 1))).to(device)
        windows = image.unfold(1, window, 1).unfold(2, window, 1).permute(1, 2, 0, 3, 4)  # (h, w, C, w, w), no copy
        values = None
        for place in wanted.split(batch_size):
            predicted = predict(windows[place // cols, place % cols])
            if values is None:
                values = torch.zeros(predicted.shape[1], rows * cols, device=device)
            values[:, place] = predicted.T.float()
        yield ((top, left, rows, cols), None if values is None else values.reshape(-1, rows, cols).cpu().numpy(), valid)
