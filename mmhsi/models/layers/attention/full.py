"""Attention of every token to every token."""

import torch.nn.functional as F
from torch import Tensor

from mmhsi.registry import MODELS

from .grid_attention import GridAttention


@MODELS.register_module()
class FullAttention(GridAttention):
    """Multi-head self-attention of every token to every token, with the arguments of :class:`GridAttention`."""

    def forward(self, x: Tensor, hw_shape: tuple[int, int] | None = None) -> Tensor:
        """Attend over all tokens.

        Args:
            x: Tokens (B, N, C).
            hw_shape: Not used; for compatibility with the other kinds of attention.

        Returns:
            (B, N, C).
        """
        query, key, value = self.split_heads(x)
        return self.merge_heads(F.scaled_dot_product_attention(query, key, value))
