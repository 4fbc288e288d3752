"""Attention of all tokens to a shared coarse grid of displaced samples (DAT)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmhsi.ops.bilinear import sample_places
from mmhsi.registry import MODELS

from .grid_attention import GridAttention


@MODELS.register_module()
class DeformableAttention(GridAttention):
    """Self-attention to keys sampled at a coarse grid of points, displaced by offsets predicted from the queries.

    A small convolutional network on the queries of a group of heads gives one offset per point; features are sampled
    there bilinearly, zero outside the grid, and projected to keys and values that all queries of the group share. A
    learnt table, interpolated, adds a bias by the displacement between query and point (Xia et al., Vision Transformer
    with Deformable Attention, CVPR 2022).

    Args:
        stride (int): Tokens per point along an axis. Defaults to 2.
        num_groups (int): Groups of heads with separate points; divides ``num_heads``. Defaults to 1.
        offset_range (float): Largest offset in units of half a stride. Defaults to 2.
        kernel_size (int): Side of the depthwise convolution on the queries, odd. Defaults to 5.
        bias_reach (int): The table of biases has 2 * bias_reach - 1 entries along each axis, which span the grid.
            Defaults to 7.
        **kwargs: Arguments of :class:`GridAttention`.
    """

    def __init__(
        self,
        *args,
        stride: int = 2,
        num_groups: int = 1,
        offset_range: float = 2.0,
        kernel_size: int = 5,
        bias_reach: int = 7,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        if self.num_heads % num_groups:
            raise ValueError(f'num_groups must divide the {self.num_heads} heads, found {num_groups}')
        if not kernel_size % 2:
            raise ValueError(f'kernel_size must be odd, found {kernel_size}')
        self.stride, self.num_groups, self.offset_range = stride, num_groups, offset_range
        width = self.inner_dims // num_groups
        self.neighbours = nn.Conv2d(width, width, kernel_size, stride, kernel_size // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.point_offsets = nn.Linear(width, 2, bias=False)
        side = 2 * bias_reach - 1
        self.bias_table = nn.Parameter(torch.empty(self.num_heads, side, side))
        nn.init.trunc_normal_(self.bias_table, std=0.01)

    def points(self, query: Tensor, hw_shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Columns and rows (B, groups, M) in tokens of the samples of queries (B, heads, N, d)."""
        maps = query.transpose(2, 3).reshape(len(query) * self.num_groups, -1, *hw_shape)
        features = F.gelu(self.norm(self.neighbours(maps).permute(0, 2, 3, 1)))
        offsets = self.point_offsets(features).tanh() * (self.offset_range * self.stride / 2)
        rows, columns = (
            (torch.arange(number, device=query.device) + 0.5) * (size / number) - 0.5
            for number, size in zip(offsets.shape[1:3], hw_shape, strict=True)
        )
        x, y = offsets[..., 0] + columns, offsets[..., 1] + rows[:, None]
        return tuple(part.flatten(1).unflatten(0, (len(query), -1)) for part in (x, y))

    def forward(self, x: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Tokens (B, N, C), row-major on a grid (Hg, Wg) → (B, N, C)."""
        batch, num_tokens, width = x.shape
        weight, bias = self.qkv.weight, self.qkv.bias
        inner = self.inner_dims
        query = F.linear(x, weight[:inner], None if bias is None else bias[:inner])
        query = query.unflatten(2, (self.num_heads, -1)).transpose(1, 2)
        columns, rows = self.points(query, hw_shape)
        samples = self._sampled(x, columns, rows, hw_shape)
        key, value = F.linear(samples, weight[inner:], None if bias is None else bias[inner:]).chunk(2, dim=-1)
        key, value = (part.unflatten(2, (self.num_heads, -1)).transpose(1, 2) for part in (key, value))
        logit_bias = self.displacement_bias(columns, rows, hw_shape).to(query.dtype)
        return self.merge_heads(F.scaled_dot_product_attention(query, key, value, attn_mask=logit_bias))

    def _sampled(self, x: Tensor, columns: Tensor, rows: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Tokens (B, M, C) at points (B, groups, M); each group samples its part of the channels."""
        groups = torch.tensor_split(
            x, self.num_groups, dim=2
        )  # the width need not be divisible by the number of groups
        samples = [
            sample_places(part[:, None], columns[:, g, None, :, None], rows[:, g, None, :, None], hw_shape)
            for g, part in enumerate(groups)
        ]
        return torch.cat([sample[:, 0, :, 0] for sample in samples], dim=-1)

    def displacement_bias(self, columns: Tensor, rows: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Bias (B, heads, N, M) of the displacements of tokens from points, by interpolation in the table."""
        height, width = hw_shape
        row, column = torch.meshgrid(
            torch.arange(height, device=rows.device), torch.arange(width, device=rows.device), indexing='ij'
        )
        down = (row.flatten()[:, None] - rows[..., None, :]) / max(height - 1, 1)
        across = (column.flatten()[:, None] - columns[..., None, :]) / max(width - 1, 1)
        batch = len(rows)
        tables = self.bias_table.unflatten(0, (self.num_groups, -1)).repeat(batch, 1, 1, 1)
        places = torch.stack([across, down], dim=-1).flatten(0, 1).to(tables.dtype)
        bias = F.grid_sample(tables, places, mode='bilinear', padding_mode='zeros', align_corners=True)
        return bias.unflatten(0, (batch, -1)).flatten(1, 2)
