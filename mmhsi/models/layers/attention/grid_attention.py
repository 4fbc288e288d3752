"""Base of every kind of attention over a grid of tokens."""

from mmengine.model import BaseModule
from torch import Tensor, nn


class GridAttention(BaseModule):
    """Projections common to all kinds of attention, so that all can load the same pre-trained weights.

    The head width is floor(embed_dims / num_heads), so the inner width ``num_heads * head_dims`` may be smaller than
    ``embed_dims``.

    Args:
        embed_dims (int): Width C of the tokens.
        num_heads (int): Number of heads, at most ``embed_dims``.
        qkv_bias (bool): Whether the query, key and value projection has a bias. Defaults to True.
        layer (int): Number of this layer among those of its kind, from 0; shifted windows shift the odd ones. Defaults
            to 0.
        init_cfg (dict, optional): Initialisation of the module.
    """

    def __init__(
        self, embed_dims: int, num_heads: int, qkv_bias: bool = True, layer: int = 0, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        if not 1 <= num_heads <= embed_dims:
            raise ValueError(f'num_heads must lie between 1 and embed_dims = {embed_dims}, found {num_heads}')
        self.num_heads = num_heads
        self.layer = layer
        self.head_dims = embed_dims // num_heads
        inner_dims = self.inner_dims = self.head_dims * num_heads
        self.qkv = nn.Linear(embed_dims, 3 * inner_dims, bias=qkv_bias)
        self.proj = nn.Linear(inner_dims, embed_dims)

    def split_heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Project tokens (B, N, C) to query, key and value, each (B, heads, N, d)."""
        batch, num_tokens, _ = x.shape
        # Split along the width: the backward pass joins the three gradients in one copy.
        parts = self.qkv(x).split(self.inner_dims, dim=-1)
        shape = (batch, num_tokens, self.num_heads, self.head_dims)
        query, key, value = (part.reshape(shape).transpose(1, 2) for part in parts)
        return query, key, value

    def merge_heads(self, x: Tensor) -> Tensor:
        """Concatenate heads (B, heads, N, d) and project to (B, N, C)."""
        return self.proj(x.transpose(1, 2).flatten(2))
