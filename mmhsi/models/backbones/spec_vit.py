"""SpecViT: the spectral branch of HyperSIGMA."""

import torch
from mmengine.utils import to_2tuple
from torch import Tensor, nn

from mmhsi.models.layers import SpectralEmbedding, resize_spatial_position_embedding, square_grid
from mmhsi.registry import MODELS

from .sampling_vit import SamplingViT


@MODELS.register_module()
class SpecViT(SamplingViT):
    """Vision transformer over groups of bands with sparse sampling attention (HyperSIGMA, section III).

    A token is the whole image of one group of bands, so any number of bands is accepted, but only one image size. For
    sampling, the tokens are laid out row by row on a square grid.

    Args:
        arch (str | dict): See :class:`SamplingViT`. Defaults to 'base'.
        img_size (int | tuple[int, int]): Height and width of the input in pixels. Defaults to 64.
        num_tokens (int): Number T of tokens, a perfect square. Defaults to 100.
        **kwargs: Further arguments of :class:`SamplingViT`.
    """

    embedding = 'spat_map'

    def __init__(
        self, arch: str | dict = 'base', img_size: int | tuple[int, int] = 64, num_tokens: int = 100, **kwargs
    ) -> None:
        super().__init__(arch=arch, **kwargs)
        self.token_grid = square_grid(num_tokens)
        self.num_tokens = num_tokens
        self.spat_map = SpectralEmbedding(to_2tuple(img_size), num_tokens, self.embed_dims)
        if self.use_abs_pos_emb:
            self.pos_embed = nn.Parameter(torch.zeros(1, num_tokens, self.embed_dims))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute spectral tokens.

        Args:
            x: Images (B, C, H, W) with H * W equal to the area of ``img_size``.

        Returns:
            Tokens (B, T, E) per entry of ``out_indices``, shallow to deep.
        """
        tokens = self.spat_map(x)
        if self.pos_embed is not None:
            tokens = tokens + self.pos_embed
        return tuple(self.blocks(tokens, self.token_grid, self.out_indices))

    def resize_pos_embed(self, table: Tensor, drop_first_token: bool = False) -> Tensor:
        """Interpolate position embeddings (1, T', E) along the tokens (bicubic); equal numbers are left unchanged.

        ``drop_first_token`` leaves out the first position, as if it were that of a class token.
        """
        if drop_first_token:
            table = table[:, 1:]
        return resize_spatial_position_embedding(table, (table.shape[1], 1), (self.num_tokens, 1))
