"""SSFTT: a convolutional network whose pixels are pooled to a few tokens for one transformer block."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS

from .window_checks import check_smallest_window


class _Attention(nn.Module):
    """Self-attention with logits divided by the square root of the full width, as in the paper's code."""

    def __init__(self, embed_dims: int, num_heads: int, drop_rate: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.scale = embed_dims**-0.5
        self.qkv = nn.Linear(embed_dims, 3 * embed_dims)
        self.proj = nn.Linear(embed_dims, embed_dims)
        self.drop = nn.Dropout(drop_rate)

    def forward(self, x: Tensor) -> Tensor:
        heads = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(*heads, scale=self.scale)
        return self.drop(self.proj(mixed.transpose(1, 2).flatten(2)))


@MODELS.register_module()
class SSFTT(BaseModule):
    r"""Spectral-spatial feature tokenization transformer (Sun et al., IEEE TGRS 60, 5522214, 2022).

    A 3-D and a 2-D convolution, each 3 wide, without padding, with batch norm and ReLU, give features X of n pixels.
    They are pooled to L tokens :math:`T = \mathrm{softmax}(X W_A)^T X W_V`, with the softmax over the pixels; after a
    class token and learnt positions are added, one pre-norm transformer block mixes them.

    Args:
        in_channels (int): Number C of bands; principal components in the paper. Defaults to 30.
        channels_3d (int): Maps of the 3-D convolution. Defaults to 8.
        embed_dims (int): Maps of the 2-D convolution and width of a token. Defaults to 64.
        num_tokens (int): Number L of tokens. Defaults to 4.
        num_heads (int): Heads of the attention. Defaults to 8.
        feedforward_channels (int): Hidden width of the block's MLP. Defaults to 8.
        drop_rate (float): Dropout rate of tokens, attention's output and MLP. Defaults to 0.1.
        init_cfg (dict, optional): Initialisation. Defaults to He's for linear layers and the 3-D convolution.

    Attributes:
        out_channels (int): Length of the feature vector, ``embed_dims``.
    """

    def __init__(
        self,
        in_channels: int = 30,
        channels_3d: int = 8,
        embed_dims: int = 64,
        num_tokens: int = 4,
        num_heads: int = 8,
        feedforward_channels: int = 8,
        drop_rate: float = 0.1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer=['Linear', 'Conv3d'], nonlinearity='relu'))
        if in_channels < 3:
            raise ValueError(f'a 3-D convolution spans 3 bands, found in_channels = {in_channels}')
        self.in_channels = in_channels
        self.out_channels = embed_dims
        self.spectral_spatial = nn.Sequential(nn.Conv3d(1, channels_3d, 3), nn.BatchNorm3d(channels_3d), nn.ReLU())
        self.spatial = nn.Sequential(
            nn.Conv2d(channels_3d * (in_channels - 2), embed_dims, 3), nn.BatchNorm2d(embed_dims), nn.ReLU()
        )
        self.token_weights = nn.Parameter(nn.init.xavier_normal_(torch.empty(embed_dims, num_tokens)))
        self.token_values = nn.Parameter(nn.init.xavier_normal_(torch.empty(embed_dims, embed_dims)))
        self.class_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.positions = nn.Parameter(nn.init.normal_(torch.empty(1, num_tokens + 1, embed_dims), std=0.02))
        self.drop = nn.Dropout(drop_rate)
        self.attention = nn.Sequential(nn.LayerNorm(embed_dims), _Attention(embed_dims, num_heads, drop_rate))
        self.mlp = nn.Sequential(
            nn.LayerNorm(embed_dims),
            nn.Linear(embed_dims, feedforward_channels),
            nn.GELU(),
            nn.Dropout(drop_rate),
            nn.Linear(feedforward_channels, embed_dims),
            nn.Dropout(drop_rate),
        )

    def tokens(self, x: Tensor) -> Tensor:
        """Windows (B, C, H, W) → tokens (B, L, E)."""
        pixels = self.spatial(self.spectral_spatial(x[:, None]).flatten(1, 2)).flatten(2).transpose(1, 2)
        weights = (pixels @ self.token_weights).softmax(dim=1)
        return weights.transpose(1, 2) @ (pixels @ self.token_values)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Compute the feature vector.

        Args:
            x: Windows (B, C, H, W) of at least 5 x 5 pixels.

        Returns:
            The class token (B, E), in a tuple as heads expect it.

        Raises:
            ValueError: If the number of bands differs, or the windows are smaller.
        """
        check_smallest_window(x, self.in_channels, 5)
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), self.tokens(x)], dim=1)
        tokens = self.drop(tokens + self.positions)
        tokens = tokens + self.attention(tokens)
        return ((tokens + self.mlp(tokens))[:, 0],)
