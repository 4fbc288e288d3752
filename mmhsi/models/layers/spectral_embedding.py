"""Spectral tokens: each group of bands becomes one token that contains the whole image of these bands."""

import torch.nn.functional as F
from torch import Tensor, nn


class SpectralEmbedding(nn.Module):
    """Pool the bands into ``num_tokens`` groups and map the image of each group to a vector.

    Token t averages the bands floor(t C / T) to ceil((t + 1) C / T) - 1: with more bands than tokens this is a mean
    over neighbours, with fewer a repetition.

    Args:
        img_size (tuple[int, int]): Height and width of the input in pixels.
        num_tokens (int): Number T of tokens.
        embed_dims (int): Width E of the tokens.

    Attributes:
        fixed_input_size (tuple[int, int]): ``img_size``, the only accepted size.
    """

    def __init__(self, img_size: tuple[int, int], num_tokens: int, embed_dims: int) -> None:
        super().__init__()
        self.img_size = self.fixed_input_size = img_size
        self.num_tokens = num_tokens
        self.projection = nn.Linear(img_size[0] * img_size[1], embed_dims)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, T, E); raises ValueError for another image area than H * W."""
        pixels = x.flatten(2).transpose(1, 2)
        if pixels.shape[1] != self.projection.in_features:
            raise ValueError(
                f'the spectral branch is built for {self.img_size[0]}x{self.img_size[1]} pixels, found '
                f'{x.shape[2]}x{x.shape[3]}: its tokens are whole images, so the size is fixed'
            )
        tokens = F.adaptive_avg_pool1d(pixels, self.num_tokens)
        return self.projection(tokens.transpose(1, 2))
