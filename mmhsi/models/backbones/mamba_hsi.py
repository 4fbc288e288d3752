"""MambaHSI: state spaces along the pixels of a whole image and along groups of channels."""

import math

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.models.layers import Mamba
from mmhsi.registry import MODELS


def _norm_silu(channels: int, num_groups: int) -> nn.Sequential:
    return nn.Sequential(nn.GroupNorm(num_groups, channels), nn.SiLU())


class _SpatialMamba(nn.Module):
    """The pixels of an image, row by row, are the tokens."""

    def __init__(self, channels: int, num_groups: int) -> None:
        super().__init__()
        self.mamba = Mamba(channels)
        self.proj = _norm_silu(channels, num_groups)

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.mamba(x.flatten(2).transpose(1, 2))
        return x + self.proj(mixed.transpose(1, 2).unflatten(2, x.shape[2:]))


class _SpectralMamba(nn.Module):
    """The groups of channels of a pixel are the tokens."""

    def __init__(self, channels: int, num_tokens: int, num_groups: int) -> None:
        super().__init__()
        self.num_tokens = num_tokens
        self.width = math.ceil(channels / num_tokens)
        self.added = num_tokens * self.width - channels
        self.mamba = Mamba(self.width)
        self.proj = _norm_silu(num_tokens * self.width, num_groups)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        pixels = F.pad(x.permute(0, 2, 3, 1), (0, self.added)).flatten(0, 2)
        mixed = self.mamba(pixels.unflatten(1, (self.num_tokens, self.width))).flatten(1)
        mixed = self.proj(mixed.unflatten(0, (-1, height, width)).permute(0, 3, 1, 2))
        return x + mixed[:, : x.shape[1]]


class _SpatialSpectralBlock(nn.Module):
    def __init__(self, channels: int, num_tokens: int, num_groups: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.full((2,), 0.5))
        self.spatial = _SpatialMamba(channels, num_groups)
        self.spectral = _SpectralMamba(channels, num_tokens, num_groups)

    def forward(self, x: Tensor) -> Tensor:
        spatial, spectral = self.weights.softmax(dim=0)
        return x + spatial * self.spatial(x) + spectral * self.spectral(x)


@MODELS.register_module()
class MambaHSI(BaseModule):
    """Spatial and spectral state spaces on a whole image (Li et al., IEEE TGRS 62, 5524216, 2024).

    A 1x1 convolution with group norm and SiLU embeds the bands. Each block adds a spatial scan, whose tokens are all
    pixels row by row, and a spectral one, whose tokens are groups of channels of a pixel, with two learnt weights.
    Between blocks the map is averaged over 2 x 2 pixels; a last 1x1 convolution widens it. With mmseg's ``FCNHead``
    without convolutions it forms the complete network. Each image of a batch is a separate sequence.

    The scan is the plain one of :func:`mmhsi.models.layers.selective_scan`: a whole scene is slow without an
    accelerator.

    Args:
        in_channels (int): Number C of bands.
        channels (int): Width of the blocks. Defaults to 128.
        num_blocks (int): Number of blocks. Defaults to 3.
        num_tokens (int): Groups of channels of the spectral scan. Defaults to 4.
        num_groups (int): Groups of the norms. Defaults to 4.
        out_channels (int): Channels of the result. Defaults to 128.
        init_cfg (dict, optional): Initialisation. Defaults to None, as PyTorch draws it.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 128,
        num_blocks: int = 3,
        num_tokens: int = 4,
        num_groups: int = 4,
        out_channels: int = 128,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.embedding = nn.Sequential(nn.Conv2d(in_channels, channels, 1), _norm_silu(channels, num_groups))
        self.blocks = nn.ModuleList(_SpatialSpectralBlock(channels, num_tokens, num_groups) for _ in range(num_blocks))
        self.projection = nn.Sequential(nn.Conv2d(channels, out_channels, 1), _norm_silu(out_channels, num_groups))

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Compute the map.

        Args:
            x: Images (B, C, H, W) of at least 2 ** (``num_blocks`` - 1) pixels a side.

        Returns:
            One map (B, ``out_channels``, h, w), its sides halved between blocks.
        """
        x = self.embedding(x)
        for number, block in enumerate(self.blocks):
            x = block(F.avg_pool2d(x, 2) if number else x)
        return (self.projection(x),)
