"""Grids of tokens: the square one of spectral tokens, and position embeddings moved to another grid."""

import math

import torch.nn.functional as F
from torch import Tensor


def square_grid(num_tokens: int) -> tuple[int, int]:
    """The grid (√T, √T) on which spectral tokens are laid out for sampling.

    Args:
        num_tokens: Number T of tokens, a perfect square.

    Returns:
        (√T, √T).

    Raises:
        ValueError: If T is not a perfect square.
    """
    side = math.isqrt(num_tokens)
    if side * side != num_tokens:
        raise ValueError(
            f'spectral tokens are laid out on a square grid: their number must be a perfect square, found {num_tokens}'
        )
    return side, side


def resize_spatial_position_embedding(pos_embed: Tensor, grid: tuple[int, int], new_grid: tuple[int, int]) -> Tensor:
    """Interpolate a table over a grid of patches (bicubic, no antialias, corners not aligned).

    Args:
        pos_embed: (1, Hg * Wg, C).
        grid: (Hg, Wg) of the table.
        new_grid: The new grid.

    Returns:
        (1, Hg' * Wg', C); the same table if the grids agree.
    """
    if tuple(grid) == tuple(new_grid):
        return pos_embed
    channels = pos_embed.shape[-1]
    table = pos_embed.reshape(1, *grid, channels).permute(0, 3, 1, 2)
    table = F.interpolate(table.float(), size=tuple(new_grid), mode='bicubic', align_corners=False)
    return table.flatten(2).transpose(1, 2).to(pos_embed.dtype)
