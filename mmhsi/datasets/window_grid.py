"""Places of training windows in a scene without labels: on a grid, or drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import zoom

from mmhsi.utils.tiling import extract_tiles


def grid_positions(height: int, width: int, size: int, stride: int | tuple[int, int]) -> np.ndarray:
    """Upper left corners of all windows on a grid that lie inside a scene; what remains at the borders is left out.

    For windows that cover the whole scene see :func:`mmhsi.utils.tiling.sliding_positions`.

    Args:
        height (int): Rows of the scene.
        width (int): Columns of the scene.
        size (int): Side of a window in pixels.
        stride (int | tuple[int, int]): Vertical and horizontal step in pixels.

    Returns:
        np.ndarray: int64 of shape (N, 2) of (top, left), row by row.

    Raises:
        ValueError: If a size or stride is not positive, or the scene is smaller than a window.
    """
    down, right = np.broadcast_to(stride, 2).tolist()
    if size < 1 or down < 1 or right < 1:
        raise ValueError(f'size and stride must be positive, not {size} and {stride}')
    if height < size or width < size:
        raise ValueError(f'a scene of {height} x {width} pixels is smaller than a window of {size} x {size}')
    tops, lefts = np.arange(0, height - size + 1, down), np.arange(0, width - size + 1, right)
    rows, cols = np.meshgrid(tops, lefts, indexing='ij')
    return np.stack([rows.ravel(), cols.ravel()], axis=1)


def multiscale_windows(cube: np.ndarray,
                       size: int = 64,
                       scales: Sequence[float] = (1., .5, .25),
                       strides: Sequence[int] = (16, 8, 8)) -> np.ndarray:
    """Cut windows on a grid out of a cube and its smaller copies, as denoising networks are customarily trained on.

    The copies are resampled by cubic splines, without smoothing before; the bands stay.

    Args:
        cube (np.ndarray): (H, W, C), of a float type.
        size (int): Side of a window in pixels. Defaults to 64.
        scales (Sequence[float]): Scales of the copies. Defaults to (1, 0.5, 0.25).
        strides (Sequence[int]): Step of the windows at each scale, in pixels of the copy. Defaults to (16, 8, 8).

    Returns:
        np.ndarray: (N, size, size, C), scale by scale and row by row.

    Raises:
        ValueError: If there are not as many strides as scales, a scale is not positive, the cube is no float cube, or a
            copy is smaller than a window.
    """
    if len(scales) != len(strides):
        raise ValueError(f'{len(scales)} scales and {len(strides)} strides are given, expected a stride for each scale')
    if cube.ndim != 3 or cube.dtype.kind != 'f':
        raise ValueError(f'windows are cut out of a cube (H, W, C) of a float type, not {cube.dtype} of shape '
                         f'{cube.shape}')
    windows = []
    for scale, stride in zip(scales, strides, strict=True):
        if not scale > 0:
            raise ValueError(f'a scale must be positive, not {scale}')
        copy = cube if scale == 1 else zoom(cube, (scale, scale, 1))
        windows.append(extract_tiles(copy, grid_positions(*copy.shape[:2], size, stride), size))
    return np.concatenate(windows)


def random_centres(height: int, width: int, number: int, seed: int = 0) -> np.ndarray:
    """Draw distinct pixels of a scene, e.g. the centres of training windows for unmixing.

    The same seed gives the pixels that the published unmixing of HyperSIGMA trains on.

    Args:
        height (int): Rows of the scene.
        width (int): Columns of the scene.
        number (int): Number of pixels.
        seed (int): Seed of the choice. Defaults to 0.

    Returns:
        np.ndarray: int64 of shape (number, 2) of (row, column), row by row.

    Raises:
        ValueError: If the scene has not that many pixels.
    """
    if not 1 <= number <= height * width:
        raise ValueError(f'{number} distinct pixels are to be drawn from a scene of {height} x {width}')
    chosen = np.random.RandomState(seed).choice(height * width, number, replace=False)
    return np.stack(np.divmod(np.sort(chosen), width), axis=1).astype(np.int64)
