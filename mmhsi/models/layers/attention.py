"""Self-attention over a grid of tokens: full, and sparse sampling."""

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.ops import sparse_sampling_attention
from mmhsi.registry import MODELS


class GridAttention(BaseModule):
    """Projections that both kinds of attention share.

    The head width is floor(embed_dims / num_heads), so that the inner width ``num_heads * head_dims`` may be smaller
    than ``embed_dims``.

    Args:
        embed_dims (int): Width C of the tokens.
        num_heads (int): Number of heads, at most ``embed_dims``.
        qkv_bias (bool): Whether the query, key and value projection has a bias. Defaults to True.
        proj_drop (float): Dropout rate after the output projection, in [0, 1). Defaults to 0.
        init_cfg (dict, optional): Initialisation of the module.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        qkv_bias: bool = True,
        proj_drop: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not 1 <= num_heads <= embed_dims:
            raise ValueError(f'num_heads must lie between 1 and embed_dims = {embed_dims}, found {num_heads}')
        self.num_heads = num_heads
        self.head_dims = embed_dims // num_heads
        inner_dims = self.inner_dims = self.head_dims * num_heads
        self.qkv = nn.Linear(embed_dims, 3 * inner_dims, bias=qkv_bias)
        self.proj = nn.Linear(inner_dims, embed_dims)
        self.proj_drop = nn.Dropout(proj_drop)

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
        return self.proj_drop(self.proj(x.transpose(1, 2).flatten(2)))


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
            hw_shape: Not used; it makes the two kinds of attention interchangeable.

        Returns:
            (B, N, C).
        """
        query, key, value = self.split_heads(x)
        dropout = self.attn_drop if self.training else 0.0
        return self.merge_heads(F.scaled_dot_product_attention(query, key, value, dropout_p=dropout))


@MODELS.register_module()
class SparseSamplingAttention(GridAttention):
    """Multi-head self-attention of every token to a few sampled points (HyperSIGMA, section III).

    The offsets of the points are predicted from the query: a linear map gives ``num_points`` pairs (x, y) per head, in
    token units relative to the token's own cell.

    Args:
        num_points (int): Sampled points per token and head, at least 1. Defaults to 8.
        backend (str): Back end of :func:`mmhsi.ops.sparse_sampling_attention`. Defaults to 'auto'.
        **kwargs: Arguments of :class:`GridAttention`.
    """

    def __init__(self, *args, num_points: int = 8, backend: str = 'auto', **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if num_points < 1:
            raise ValueError(f'num_points must be at least 1, found {num_points}')
        self.num_points = num_points
        self.backend = backend
        self.sampling_offsets = nn.Linear(self.inner_dims, self.num_heads * num_points * 2)

    def predict_offsets(self, query: Tensor) -> Tensor:
        """Offsets (B, heads, N, P, 2) of the sampled points from the query (B, heads, N, d)."""
        batch, heads, num_tokens, _ = query.shape
        offsets = self.sampling_offsets(query.transpose(1, 2).flatten(2))
        return offsets.reshape(batch, num_tokens, heads, self.num_points, 2).transpose(1, 2)

    def forward(self, x: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Attend from every token to its sampled points.

        Args:
            x: Tokens (B, N, C), row-major on the grid.
            hw_shape: Grid (Hg, Wg) with N = Hg * Wg.

        Returns:
            (B, N, C).
        """
        query, key, value = self.split_heads(x)
        return self.merge_heads(
            sparse_sampling_attention(query, key, value, self.predict_offsets(query), hw_shape, backend=self.backend)
        )
