"""Bilinear sampling of a token grid at positions given relative to each token."""

import torch
import torch.nn.functional as F
from torch import Tensor

_FAR = 1e6  # an offset beyond this is outside any grid


def token_places(spatial_shape: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Column and row (int64) of every token of a grid (Hg, Wg), row-major, each (N, 1)."""
    height, width = spatial_shape
    token = torch.arange(height * width, device=device).unsqueeze(-1)
    return token % width, torch.div(token, width, rounding_mode='floor')


def sampling_positions(offsets: Tensor, spatial_shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Absolute sampling positions of every token.

    Args:
        offsets: (..., N, P, 2), (x, y) in token units.
        spatial_shape: (Hg, Wg) with N = Hg * Wg, row-major.

    Returns:
        Columns and rows, each (..., N, P), in token units; (0, 0) is the centre of the first cell.
    """
    column, row = token_places(spatial_shape, offsets.device)
    return column.to(offsets.dtype) + offsets[..., 0], row.to(offsets.dtype) + offsets[..., 1]


def _first_cell(offset: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    """Along one axis, the cell before a sample (int64) and the sample's distance from it, in [0, 1].

    The integer part is taken from the offset, not from the position, to avoid rounding on a large grid.
    """
    whole = offset.detach().floor()
    return place + whole.clamp(-_FAR, _FAR).nan_to_num(-_FAR).long(), offset - whole


def bilinear_corners(offsets: Tensor, spatial_shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The four cells that each sample touches, and their weights.

    Args:
        offsets: (..., N, P, 2), (x, y) in token units.
        spatial_shape: (Hg, Wg).

    Returns:
        Token index (int64) and weight, each (..., N, P, 4). A corner outside the grid has weight 0 and a valid index.
        The weights are differentiable in the offsets; on the centre of a cell the derivative is that from the right.
    """
    height, width = spatial_shape
    column, row = token_places(spatial_shape, offsets.device)
    left, fx = _first_cell(offsets[..., 0], column)
    top, fy = _first_cell(offsets[..., 1], row)
    columns = torch.stack([left, left + 1, left, left + 1], dim=-1)
    rows = torch.stack([top, top, top + 1, top + 1], dim=-1)
    weight = torch.stack([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy], dim=-1)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    return rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1), weight * inside


def bilinear_matrices(offsets: Tensor, spatial_shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The weights of all rows and of all columns of the grid for each sample; their product is the weight of a cell.

    Args:
        offsets: (..., N, P, 2), (x, y) in token units.
        spatial_shape: (Hg, Wg).

    Returns:
        (..., N, P, Hg) and (..., N, P, Wg), differentiable in the offsets like :func:`bilinear_corners`.
    """
    column, row = token_places(spatial_shape, offsets.device)
    return (
        _axis_weights(offsets[..., 1], row, spatial_shape[0]),
        _axis_weights(offsets[..., 0], column, spatial_shape[1]),
    )


def _axis_weights(offset: Tensor, place: Tensor, size: int) -> Tensor:
    first, fraction = _first_cell(offset, place)
    distance = torch.arange(size, device=offset.device) - first.unsqueeze(-1)
    return (distance == 0) * (1 - fraction).unsqueeze(-1) + (distance == 1) * fraction.unsqueeze(-1)


def sample_tokens(tokens: Tensor, offsets: Tensor, spatial_shape: tuple[int, int]) -> Tensor:
    """Sample token vectors bilinearly around each token, zero outside the grid.

    Args:
        tokens: (B, heads, N, d).
        offsets: (B, heads, N, P, 2), (x, y) in token units.
        spatial_shape: (Hg, Wg).

    Returns:
        (B, heads, N, P, d).
    """
    return sample_places(tokens, *sampling_positions(offsets, spatial_shape), spatial_shape)


def sample_places(tokens: Tensor, x: Tensor, y: Tensor, spatial_shape: tuple[int, int]) -> Tensor:
    """Sample token vectors bilinearly at absolute positions, zero outside the grid.

    Args:
        tokens: (B, heads, N, d).
        x: Columns (B, heads, M, P) in token units; 0 is the centre of the first cell.
        y: Rows, the same.
        spatial_shape: (Hg, Wg).

    Returns:
        (B, heads, M, P, d).
    """
    batch, heads, _, channels = tokens.shape
    height, width = spatial_shape
    # grid_sample with align_corners=False puts the centre of cell i at (2 i + 1) / size - 1
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    maps = tokens.reshape(batch * heads, height, width, channels).permute(0, 3, 1, 2)
    samples = F.grid_sample(maps, grid.flatten(0, 1), mode='bilinear', padding_mode='zeros', align_corners=False)
    return samples.permute(0, 2, 3, 1).reshape(batch, heads, *x.shape[2:], channels)
