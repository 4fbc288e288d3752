"""Restoring images of any size in overlapping tiles of one size."""

from torch import Tensor, nn

from mmhsi.utils.tensor_tiles import cut_tiles, pad_at_least, run_by_tiles
from mmhsi.utils.tiling import restoration_grid


def restore_by_tiles(
    network: nn.Module,
    images: Tensor,
    tile_size: tuple[int, int],
    overlap: int = 0,
    tile_batch: int = 8,
    padding: str = 'reflect',
) -> Tensor:
    """Restore the tiles of images, and blend the results.

    Tiles are placed and blended by :func:`mmhsi.utils.tiling.restoration_grid`. A network with a method ``enlarge``,
    such as ``RestorationNet``, gets the tile of the enlarged whole image as second argument, so that there are no
    seams.

    Args:
        network: Maps (N, C, h, w) to (N, C', s h, s w) with a whole number s.
        images: (B, C, H, W).
        tile_size: Height and width of a tile in pixels of the images.
        overlap: Smallest overlap of neighbouring tiles in pixels of the images. Defaults to 0.
        tile_batch: Number of tiles that run at once. Defaults to 8.
        padding: Padding of a small image, see :func:`mmhsi.utils.tensor_tiles.pad_at_least`. Defaults to 'reflect'.

    Returns:
        (B, C', s H, s W), float32.

    Raises:
        ValueError: If a result is not a whole multiple of the tile, or the overlap is not smaller than a tile.
    """
    grid = restoration_grid(tile_size, overlap)
    enlarged = network.enlarge(images) if hasattr(network, 'enlarge') else None
    if enlarged is None:
        return run_by_tiles(lambda tiles, _: network(tiles), images, grid, tile_batch, padding)
    # computed before the padding, which would change its border
    scale = enlarged.shape[2] // images.shape[2]
    padded = tuple(scale * max(side, tile) for side, tile in zip(images.shape[2:], tile_size, strict=True))
    enlarged = pad_at_least(enlarged, padded, padding)
    return run_by_tiles(
        lambda tiles, places: network(tiles, cut_tiles(enlarged, places, tile_size, scale)),
        images,
        grid,
        tile_batch,
        padding,
    )
