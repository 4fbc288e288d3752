"""Running a network over batches of images in tiles, with the grid of :mod:`mmhsi.utils.tiling`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmhsi.utils.tiling import Mosaic, TileGrid
from mmhsi.utils.windows import source_indices


def pad_at_least(images: Tensor, size: Sequence[int], padding: str = 'reflect') -> Tensor:
    """Pad images at the bottom and the right to a smallest size.

    Args:
        images (Tensor): (B, C, H, W).
        size (Sequence[int]): Smallest height and width.
        padding (str): 'zeros', or a mode of :func:`mmhsi.utils.windows.source_indices`. Defaults to 'reflect'.

    Returns:
        Tensor: (B, C, H', W'); the same images if they are large enough.

    Raises:
        ValueError: If ``padding`` is unknown or cannot fill the size.
    """
    pad_mode = 'constant' if padding == 'zeros' else padding
    for axis, wanted in zip((2, 3), size, strict=True):
        length = images.shape[axis]
        if wanted <= length:
            continue
        if pad_mode == 'constant':
            missing = wanted - length
            images = F.pad(images, (0, 0, 0, missing) if axis == 2 else (0, missing))
        else:
            indices = torch.from_numpy(source_indices(0, wanted, length, pad_mode))
            images = images.index_select(axis, indices.to(images.device))
    return images


def cut_tiles(images: Tensor, positions: Iterable[tuple[int, int]], size: tuple[int, int], scale: int = 1) -> Tensor:
    """Cut tiles out of images.

    Args:
        images (Tensor): (B, C, scale * H, scale * W).
        positions (Iterable[tuple[int, int]]): n positions (top, left) in an image of H x W pixels.
        size (tuple[int, int]): Height h and width w of a tile in such an image.
        scale (int): Ratio of the image size to that size. Defaults to 1.

    Returns:
        Tensor: (n B, C, scale * h, scale * w), position by position.
    """
    return torch.cat(
        [
            images[..., scale * top : scale * (top + size[0]), scale * left : scale * (left + size[1])]
            for top, left in positions
        ]
    )


def run_by_tiles(
    run: Callable[[Tensor, list[tuple[int, int]]], Tensor],
    images: Tensor,
    grid: TileGrid,
    tile_batch: int = 8,
    padding: str = 'reflect',
) -> Tensor:
    """Run a network on the tiles of images, and blend the results.

    If tiles extend beyond an image, it is padded at the bottom and the right, and the result is cropped. The scale
    factor of the network is derived from its results.

    Args:
        run (Callable): Maps tiles (n B, C, h, w) and their n positions in the padded image to (n B, K, s h, s w) with a
            whole number s.
        images (Tensor): (B, C, H, W).
        grid (TileGrid): The tiles.
        tile_batch (int): Number of tiles that run at once. Defaults to 8.
        padding (str): See :func:`pad_at_least`. Defaults to 'reflect'.

    Returns:
        Tensor: (B, K, s H, s W), float32.

    Raises:
        ValueError: If a result is not a whole multiple of the tile, or for an unknown ``padding``.
    """
    height, width = images.shape[2:]
    reach = [int(grid.starts(axis, length)[-1]) + grid.size[axis] for axis, length in enumerate((height, width))]
    padded = pad_at_least(images, reach, padding)
    corners, counts = np.unique(grid.positions(height, width), axis=0, return_counts=True)
    positions: list[tuple[int, int]] = [(top, left) for top, left in corners.tolist()]
    step = max(tile_batch // len(images), 1)
    mosaic = None
    for start in range(0, len(positions), step):
        chosen = positions[start : start + step]
        tiles = run(cut_tiles(padded, chosen, grid.size), chosen).float()
        scale = tiles.shape[2] // grid.size[0]
        if tuple(tiles.shape[2:]) != tuple(scale * side for side in grid.size) or scale < 1:
            raise ValueError(
                f'the result of a tile must be a whole multiple of {grid.size[0]}x{grid.size[1]} pixels, '
                f'found {tiles.shape[2]}x{tiles.shape[3]}'
            )
        if mosaic is None:
            shape = len(images), tiles.shape[1], *(scale * side for side in padded.shape[2:])
            mosaic = Mosaic(tiles.new_zeros(shape), grid, (height, width), scale)
        for place, count, tile in zip(
            chosen, counts[start : start + step].tolist(), tiles.split(len(images)), strict=True
        ):
            mosaic.add(tile, place, count)
    assert mosaic is not None  # a grid has at least one tile
    return mosaic.values[..., : mosaic.scale * height, : mosaic.scale * width]
