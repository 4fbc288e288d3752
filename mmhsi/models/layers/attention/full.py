"""Attention of every token to every token."""

import torch.nn.functional as F
from torch import Tensor

from mmhsi.registry import MODELS

from .grid_attention import GridAttention


@MODELS.register_module()
class FullAttention(GridAttention):
    """Multi-head self-attention of every token to every token.

    Args:
        attn_drop (float): Dropout rate of the attention weights, in [0, 1). Defaults to 0.
        **kwargs: Arguments of :class:`GridAttention`.
    """

    def __init__(self, *args, attn_drop: float = 0.0, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.attn_drop = attn_drop

    def forward(self, x: Tensor, hw_shape: tuple[int, int] | None = None) -> Tensor:
        """Attend over all tokens.

        Args:
            x: Tokens (B, N, C).
            hw_shape: Not used; for compatibility with the other kinds of attention.

        Returns:
            (B, N, C).
        """
        query, key, value = self.split_heads(x)
        dropout = self.attn_drop if self.training else 0.0
        return self.merge_heads(F.scaled_dot_product_attention(query, key, value, dropout_p=dropout))
