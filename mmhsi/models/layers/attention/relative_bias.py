"""Learnt bias of attention logits by the displacement between query and key."""

import torch
from torch import Tensor, nn


class RelativeBias(nn.Module):
    """One number per head and displacement (dy, dx) of a query from a key, as in the Swin Transformer.

    Args:
        num_heads (int): Number of heads.
        reach (int): Largest displacement along an axis plus 1; for windows, their side.
    """

    def __init__(self, num_heads: int, reach: int) -> None:
        super().__init__()
        self.reach = reach
        self.table = nn.Parameter(torch.empty(num_heads, 2 * reach - 1, 2 * reach - 1))
        nn.init.trunc_normal_(self.table, std=0.02)

    def forward(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Bias (heads, ...) of displacements (...) along rows and columns, in (-reach, reach)."""
        return self.table[:, rows + self.reach - 1, columns + self.reach - 1]

    def within(self, height: int, width: int) -> Tensor:
        """Bias (heads, n, n) between all cells of a window of n = height * width cells, row-major."""
        row, column = torch.meshgrid(
            torch.arange(height, device=self.table.device), torch.arange(width, device=self.table.device), indexing='ij'
        )
        row, column = row.flatten(), column.flatten()
        return self(row[:, None] - row, column[:, None] - column)
