"""Attention of every token to its nearest neighbours (NAT)."""

import torch
from torch import Tensor

from mmhsi.registry import MODELS

from .grid_attention import GridAttention
from .relative_bias import RelativeBias


def neighbours(size: int, kernel_size: int, device: torch.device) -> Tensor:
    """The ``kernel_size`` nearest positions of each position along an axis, (size, kernel_size); all of a short axis.

    Near an end the neighbourhood is shifted, so that every token has the same number of neighbours.
    """
    number = min(kernel_size, size)
    place = torch.arange(size, device=device)
    first = (place - number // 2).clamp(0, size - number)
    return first[:, None] + torch.arange(number, device=device)


@MODELS.register_module()
class NeighbourhoodAttention(GridAttention):
    """Self-attention to the k x k tokens around each token, with a learnt bias by their displacement.

    At the border the neighbourhood is moved inside the grid (Hassani et al., Neighborhood Attention Transformer, CVPR
    2023). Along an axis shorter than the neighbourhood, all positions belong to it.

    Args:
        kernel_size (int): Side k of the neighbourhood in tokens, odd. Defaults to 7.
        **kwargs: Arguments of :class:`GridAttention`.
    """

    def __init__(self, *args, kernel_size: int = 7, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if kernel_size < 1 or not kernel_size % 2:
            raise ValueError(f'kernel_size must be odd and positive, found {kernel_size}')
        self.kernel_size = kernel_size
        self.relative_bias = RelativeBias(self.num_heads, kernel_size)

    def forward(self, x: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Tokens (B, N, C), row-major on a grid (Hg, Wg) → (B, N, C)."""
        height, width = hw_shape
        rows, columns = (neighbours(size, self.kernel_size, x.device) for size in hw_shape)
        index = (rows[:, None, :, None] * width + columns[None, :, None, :]).reshape(height * width, -1)
        down = torch.arange(height, device=x.device)[:, None] - rows
        across = torch.arange(width, device=x.device)[:, None] - columns
        bias = self.relative_bias(down[:, None, :, None], across[None, :, None, :])
        query, key, value = self.split_heads(x)
        logits = torch.einsum('bhnd,bhnkd->bhnk', query, key[:, :, index]) * self.head_dims**-0.5
        weights = (logits + bias.reshape(self.num_heads, *index.shape)).softmax(dim=-1).to(value.dtype)
        return self.merge_heads(torch.einsum('bhnk,bhnkd->bhnd', weights, value[:, :, index]))
