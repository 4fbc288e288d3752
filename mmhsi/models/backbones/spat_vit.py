"""SpatViT: the spatial branch of HyperSIGMA."""

import math

import torch
from mmcv.cnn.bricks.transformer import PatchEmbed
from mmengine.utils import to_2tuple
from torch import Tensor, nn

from mmhsi.models.layers import resize_spatial_position_embedding
from mmhsi.registry import MODELS

from .sampling_vit import SamplingViT


@MODELS.register_module()
class SpatViT(SamplingViT):
    """Vision transformer over image patches with sparse sampling attention (HyperSIGMA, section III).

    Patches do not overlap; incomplete patches at the bottom and the right are dropped. Position embeddings are
    interpolated when the input has another grid than ``img_size``.

    Args:
        arch (str | dict): See :class:`SamplingViT`. Defaults to 'base'.
        img_size (int | tuple[int, int]): Height and width of the input in pixels. Defaults to 64.
        patch_size (int): Side p of a patch in pixels. Defaults to 8.
        in_channels (int): Number C of bands. Defaults to 100.
        **kwargs: Further arguments of :class:`SamplingViT`.
    """

    embedding = 'patch_embed'

    def __init__(
        self,
        arch: str | dict = 'base',
        img_size: int | tuple[int, int] = 64,
        patch_size: int = 8,
        in_channels: int = 100,
        **kwargs,
    ) -> None:
        super().__init__(arch=arch, **kwargs)
        self.img_size = to_2tuple(img_size)
        self.patch_size = patch_size
        self.in_channels = in_channels
        self.patch_grid = (self.img_size[0] // patch_size, self.img_size[1] // patch_size)
        if min(self.patch_grid) < 1:
            raise ValueError(f'patch_size {patch_size} is larger than img_size {self.img_size}')
        self.patch_embed = PatchEmbed(
            in_channels, self.embed_dims, kernel_size=patch_size, stride=patch_size, padding=0
        )
        if self.use_abs_pos_emb:
            self.pos_embed = nn.Parameter(torch.zeros(1, self.patch_grid[0] * self.patch_grid[1], self.embed_dims))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute feature maps.

        Args:
            x: Images (B, C, H, W).

        Returns:
            One map (B, E, floor(H / p), floor(W / p)) per entry of ``out_indices``, shallow to deep.

        Raises:
            ValueError: If the number of bands is not ``in_channels``, or the image is smaller than a patch.
        """
        if x.shape[1] != self.in_channels:
            raise ValueError(f'the spatial branch is built for {self.in_channels} bands, the input has {x.shape[1]}')
        if min(x.shape[2:]) < self.patch_size:
            raise ValueError(
                f'an image of {x.shape[2]}x{x.shape[3]} pixels is smaller than a patch of '
                f'{self.patch_size}x{self.patch_size}'
            )
        tokens, grid = self.patch_embed(x)
        if self.pos_embed is not None:
            tokens = tokens + resize_spatial_position_embedding(self.pos_embed, self.patch_grid, grid)
        features = self.blocks(tokens, grid, self.out_indices)
        return tuple(f.transpose(1, 2).reshape(x.shape[0], self.embed_dims, *grid) for f in features)

    def resize_pos_embed(self, table: Tensor) -> Tensor:
        """Interpolate position embeddings (1, N', E) of a square grid to the patches of ``img_size`` (bicubic).

        A table with the same number of tokens, or with a non-square number of tokens, is left unchanged.
        """
        side = math.isqrt(table.shape[1])
        if table.shape[1] == self.pos_embed.shape[1] or side * side != table.shape[1]:
            return table
        return resize_spatial_position_embedding(table, (side, side), self.patch_grid)
