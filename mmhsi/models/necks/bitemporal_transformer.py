"""BIT: the features of two dates exchange a few tokens before they are compared."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS


class _Attention(nn.Module):
    """Multi-head attention of ``x`` to ``context``; logits are divided by the square root of the full width, as
    published."""

    def __init__(self, embed_dims: int, num_heads: int, head_dims: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.scale = embed_dims**-0.5
        inner = num_heads * head_dims
        self.query = nn.Linear(embed_dims, inner, bias=False)
        self.key_value = nn.Linear(embed_dims, 2 * inner, bias=False)
        self.proj = nn.Linear(inner, embed_dims)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        query = self.query(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        key, value = self.key_value(context).unflatten(-1, (2, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, scale=self.scale)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class _Block(nn.Module):
    """Pre-norm block; a context is normalised like the input."""

    def __init__(self, embed_dims: int, num_heads: int, head_dims: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(embed_dims)
        self.attention = _Attention(embed_dims, num_heads, head_dims)
        self.mlp = nn.Sequential(
            nn.LayerNorm(embed_dims),
            nn.Linear(embed_dims, 2 * embed_dims),
            nn.GELU(),
            nn.Linear(2 * embed_dims, embed_dims),
        )

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        normed = self.norm(x)
        x = x + self.attention(normed, normed if context is None else self.norm(context))
        return x + self.mlp(x)


@MODELS.register_module()
class BitemporalTransformer(BaseModule):
    r"""Bitemporal image transformer (BIT), an ``interaction`` of a ``SiameseBackbone``.

    The deepest map of each date is reduced by a 3x3 convolution to features X of n pixels, which are pooled to L tokens
    :math:`\mathrm{softmax}(X W_A)^T X`, with the softmax over the pixels. A transformer encoder mixes the tokens of
    both dates; a decoder without self-attention lets the pixels of each date attend to its tokens (Chen, Qi and Shi,
    IEEE TGRS 60, 2022).

    Args:
        in_channels (int): Channels of the deepest map.
        embed_dims (int): Width of features and tokens. Defaults to 32.
        num_tokens (int): Number L of tokens of a date. Defaults to 4.
        num_heads (int): Heads of the attention. Defaults to 8.
        encoder_depth (int): Blocks of the encoder. Defaults to 1.
        decoder_depth (int): Blocks of the decoder. Defaults to 8.
        encoder_head_dims (int): Width of a head of the encoder. Defaults to 64.
        decoder_head_dims (int): Width of a head of the decoder. Defaults to 64.
        upsample (int): Factor by which the map is first enlarged with nearest-neighbour interpolation. Defaults to 2.
        init_cfg (dict, optional): Initialisation. Defaults to None, as PyTorch draws it.
    """

    def __init__(
        self,
        in_channels: int,
        embed_dims: int = 32,
        num_tokens: int = 4,
        num_heads: int = 8,
        encoder_depth: int = 1,
        decoder_depth: int = 8,
        encoder_head_dims: int = 64,
        decoder_head_dims: int = 64,
        upsample: int = 2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.upsample = upsample
        self.reduction = nn.Conv2d(in_channels, embed_dims, 3, padding=1)
        self.token_weights = nn.Conv2d(embed_dims, num_tokens, 1, bias=False)
        self.positions = nn.Parameter(torch.randn(1, 2 * num_tokens, embed_dims))
        self.encoder = nn.ModuleList(_Block(embed_dims, num_heads, encoder_head_dims) for _ in range(encoder_depth))
        self.decoder = nn.ModuleList(_Block(embed_dims, num_heads, decoder_head_dims) for _ in range(decoder_depth))

    def tokens(self, features: Tensor) -> Tensor:
        """Features (B, E, h, w) → tokens (B, L, E), each a weighted mean of the pixels."""
        weights = self.token_weights(features).flatten(2).softmax(dim=-1)
        return weights @ features.flatten(2).transpose(1, 2)

    def forward(self, first: tuple[Tensor, ...], second: tuple[Tensor, ...]) -> tuple[tuple[Tensor], tuple[Tensor]]:
        """Refine the features of two dates with each other.

        Args:
            first: Maps of the first date, shallow to deep, of which the last (B, C, h, w) is used.
            second: Those of the second date.

        Returns:
            One map (B, E, upsample h, upsample w) for each date.
        """
        features = [
            self.reduction(F.interpolate(levels[-1], scale_factor=self.upsample, mode='nearest'))
            for levels in (first, second)
        ]
        tokens = torch.cat([self.tokens(maps) for maps in features], dim=1) + self.positions
        for block in self.encoder:
            tokens = block(tokens)
        return tuple(
            (self._decode(maps, context),) for maps, context in zip(features, tokens.chunk(2, dim=1), strict=True)
        )

    def _decode(self, features: Tensor, context: Tensor) -> Tensor:
        pixels = features.flatten(2).transpose(1, 2)
        for block in self.decoder:
            pixels = block(pixels, context)
        return pixels.transpose(1, 2).reshape_as(features)
