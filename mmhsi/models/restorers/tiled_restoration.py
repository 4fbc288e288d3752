"""Restoring images of any size by overlapping tiles of one size."""

import torch
from torch import Tensor, nn

from mmhsi.utils.padding import pad_at_least
from mmhsi.utils.tiling import tile_starts


def blending_weights(size: tuple[int, int], overlap: int) -> Tensor:
    """Weights of the pixels of a tile, which rise from its border over the width of the overlap to 1.

    Args:
        size: Height and width of the tile in pixels.
        overlap: Overlap of neighbouring tiles in pixels; 0 gives all pixels the weight 1.

    Returns:
        (H, W), positive.
    """
    ramps = []
    for length in size:
        rising = torch.arange(1., length + 1).clamp(max=overlap + 1) / (overlap + 1)
        ramps.append(torch.minimum(rising, rising.flip(0)))
    return ramps[0][:, None] * ramps[1]


def restore_by_tiles(network: nn.Module,
                     images: Tensor,
                     tile_size: tuple[int, int],
                     overlap: int = 0,
                     tile_batch: int = 8,
                     padding: str = 'reflect') -> Tensor:
    """Cut images into tiles, restore these, and blend the results.

    Tiles are spread evenly over the image, so that they overlap more than asked for where they do not fill it. An image
    smaller than a tile is padded at the bottom and the right and the result cut back. By how much the network enlarges
    is read from its results. A network with a method ``enlarge``, such as ``RestorationNet``, gets the tile of the
    enlarged whole image as second argument, so that this has no seams.

    Args:
        network: Maps (N, C, h, w) to (N, C', s h, s w) with a whole number s.
        images: (B, C, H, W).
        tile_size: Height and width of a tile in pixels of the images.
        overlap: Smallest overlap of neighbouring tiles in pixels of the images. Defaults to 0.
        tile_batch: Number of tiles that run at once. Defaults to 8.
        padding: Padding of a small image, see :func:`mmhsi.utils.padding.pad_at_least`. Defaults to 'reflect'.

    Returns:
        (B, C', s H, s W), float32.

    Raises:
        ValueError: When a result is not a whole multiple of the tile, or the overlap is not smaller than a tile.
    """
    padded = pad_at_least(images, tile_size, padding)
    enlarged = network.enlarge(images) if hasattr(network, 'enlarge') else None
    if enlarged is not None:  # made before the padding, which would change its border
        scale = enlarged.shape[2] // images.shape[2]
        enlarged = pad_at_least(enlarged, tuple(scale * side for side in padded.shape[2:]), padding)
    positions = [(top, left)
                 for top in tile_starts(padded.shape[2], tile_size[0], overlap).tolist()
                 for left in tile_starts(padded.shape[3], tile_size[1], overlap).tolist()]
    step = max(tile_batch // len(images), 1)
    total = None
    for start in range(0, len(positions), step):
        chosen = positions[start:start + step]
        inputs = [torch.cat([_area(padded, position, tile_size, 1) for position in chosen])]
        if enlarged is not None:
            scale = enlarged.shape[2] // padded.shape[2]
            inputs.append(torch.cat([_area(enlarged, position, tile_size, scale) for position in chosen]))
        tiles = network(*inputs).float()
        scale = tiles.shape[2] // tile_size[0]
        if tuple(tiles.shape[2:]) != (scale * tile_size[0], scale * tile_size[1]) or scale < 1:
            raise ValueError(f'a restored tile must be a whole multiple of {tile_size[0]}x{tile_size[1]} pixels, found '
                             f'{tiles.shape[2]}x{tiles.shape[3]}')
        if total is None:
            weights = blending_weights(tiles.shape[2:], scale * overlap).to(tiles.device)
            total = tiles.new_zeros(len(images), tiles.shape[1], *(scale * side for side in padded.shape[2:]))
            hits = total.new_zeros(total.shape[2:])
        for position, tile in zip(chosen, tiles.split(len(images)), strict=True):
            _area(total, position, tile_size, scale).add_(weights * tile)
            _area(hits, position, tile_size, scale).add_(weights)
    restored = total / hits
    return restored[..., :scale * images.shape[2], :scale * images.shape[3]]


def _area(images: Tensor, position: tuple[int, int], size: tuple[int, int], scale: int) -> Tensor:
    """A view of one tile of images that are ``scale`` times as large as those of the position and size."""
    (top, left), (height, width) = position, size
    return images[..., scale * top:scale * (top + height), scale * left:scale * (left + width)]
