"""Attention of every token to a few sampled points."""

from torch import Tensor, nn

from mmhsi.ops import sparse_sampling_attention
from mmhsi.registry import MODELS

from .grid_attention import GridAttention


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
