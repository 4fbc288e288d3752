"""Bilinear sampling of a token grid at positions given relative to each token."""

import torch
import torch.nn.functional as F
from torch import Tensor


def sampling_positions(offsets: Tensor, spatial_shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Absolute sampling positions of every token.

    Args:
        offsets: (..., N, P, 2), (x, y) in token units.
        spatial_shape: (Hg, Wg) with N = Hg * Wg, row-major.

    Returns:
        Columns and rows, each (..., N, P), in token units; (0, 0) is the centre of the first cell.
    """
    height, width = spatial_shape
    token = torch.arange(height * width, device=offsets.device)
    column = (token % width).to(offsets.dtype).unsqueeze(-1)
    row = torch.div(token, width, rounding_mode='floor').to(offsets.dtype).unsqueeze(-1)
    return column + offsets[..., 0], row + offsets[..., 1]


def bilinear_corners(offsets: Tensor, spatial_shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The four cells that each sample touches, and their weights.

    Args:
        offsets: (..., N, P, 2), (x, y) in token units.
        spatial_shape: (Hg, Wg).

    Returns:
        Token index (int64) and weight, each (..., N, P, 4). A corner outside the grid has weight 0 and a valid index.
        The weights are differentiable in the offsets.
    """
    height, width = spatial_shape
    x, y = sampling_positions(offsets, spatial_shape)
    left, top = x.detach().floor(), y.detach().floor()
    columns = torch.stack([left, left + 1, left, left + 1], dim=-1)
    rows = torch.stack([top, top, top + 1, top + 1], dim=-1)
    weight = (1 - (x.unsqueeze(-1) - columns).abs()) * (1 - (y.unsqueeze(-1) - rows).abs())
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    index = rows.clamp(0, height - 1).long() * width + columns.clamp(0, width - 1).long()
    return index, weight * inside


def sample_tokens(tokens: Tensor, offsets: Tensor, spatial_shape: tuple[int, int]) -> Tensor:
    """Sample token vectors bilinearly, zero outside the grid.

    Args:
        tokens: (B, heads, N, d).
        offsets: (B, heads, N, P, 2), (x, y) in token units.
        spatial_shape: (Hg, Wg).

    Returns:
        (B, heads, N, P, d).
    """
    batch, heads, num_tokens, channels = tokens.shape
    height, width = spatial_shape
    x, y = sampling_positions(offsets, spatial_shape)
    # grid_sample with align_corners=False puts the centre of cell i at (2 i + 1) / size - 1
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    maps = tokens.reshape(batch * heads, height, width, channels).permute(0, 3, 1, 2)
    samples = F.grid_sample(maps, grid.flatten(0, 1), mode='bilinear', padding_mode='zeros', align_corners=False)
    return samples.permute(0, 2, 3, 1).reshape(batch, heads, num_tokens, offsets.shape[3], channels)
