"""SpecMAE: masked pre-training of the spectral branch."""

import torch
from mmengine.utils import to_2tuple
from torch import Tensor, nn

from mmhsi.models.backbones import SpecViT
from mmhsi.models.layers import SpectralEmbedding, square_grid
from mmhsi.registry import MODELS

from .masked_autoencoder import MaskedAutoencoder
from .masked_vit import MaskedViT
from .masking import select_tokens


@MODELS.register_module()
class MaskedSpecViT(MaskedViT, SpecViT):
    """:class:`SpecViT` that encodes only the kept groups of bands of an image, with a final norm.

    Args:
        arch (str | dict): See :class:`SamplingViT`. Defaults to 'base'.
        img_size (int | tuple[int, int]): Height and width of the input in pixels. Defaults to 64.
        in_channels (int): Number C of bands, a multiple of ``num_tokens``. Defaults to 100.
        num_tokens (int): Number T of tokens, each a group of C / T neighbouring bands; a perfect square if any block
            has sparse attention. Defaults to 100.
        mask_ratio (float): Share of masked tokens, in (0, 1). Defaults to 0.75.
        full_attn_interval (int): Every n-th block has full attention, the others have sparse attention among the kept
            tokens; 0 for none. Defaults to 1 (all), as in the reference.
        use_abs_pos_emb (bool): Whether to add position embeddings. ``False`` is the behaviour of the reference, whose
            table exists but is never added or trained: it is stored in the checkpoint, frozen. Defaults to True.
        drop_path_rate (float): Drop-path rate of the last block. Defaults to 0.1.
        **kwargs: Further arguments of :class:`SamplingViT`.

    Raises:
        ValueError: If the bands cannot be divided into the tokens, or the ratio is invalid; in the forward pass, if the
            area of the images or the number of bands differs.
    """

    def __init__(
        self,
        arch: str | dict = 'base',
        img_size: int | tuple[int, int] = 64,
        in_channels: int = 100,
        num_tokens: int = 100,
        mask_ratio: float = 0.75,
        full_attn_interval: int = 1,
        use_abs_pos_emb: bool = True,
        drop_path_rate: float = 0.1,
        **kwargs,
    ) -> None:
        # not SpecViT's constructor, which requires a square number of tokens, although full attention does not need it
        super(SpecViT, self).__init__(
            arch=arch, full_attn_interval=full_attn_interval, drop_path_rate=drop_path_rate, **kwargs
        )
        if in_channels < num_tokens or in_channels % num_tokens:
            raise ValueError(
                f'{in_channels} bands do not divide into {num_tokens} tokens of equal size: their number '
                'must be a multiple of num_tokens'
            )
        self.img_size = to_2tuple(img_size)
        self.in_channels = in_channels
        self.num_tokens = num_tokens
        self.token_grid = (1, num_tokens) if full_attn_interval == 1 else square_grid(num_tokens)
        self.spat_map = SpectralEmbedding(self.img_size, num_tokens, self.embed_dims)
        self.pos_embed = nn.Parameter(torch.zeros(1, num_tokens, self.embed_dims))
        self.drop_path_rate = drop_path_rate
        self._prepare_masking(mask_ratio, use_abs_pos_emb)

    @property
    def grid(self) -> tuple[int, int]:
        """Grid of the tokens."""
        return self.token_grid

    @property
    def position_grid(self) -> tuple[int]:
        """Axis of the positions of the decoder: the spectrum."""
        return (self.num_tokens,)

    @property
    def token_size(self) -> int:
        """Number of values in a group of bands."""
        return self.in_channels // self.num_tokens * self.img_size[0] * self.img_size[1]

    def check_images(self, x: Tensor) -> None:
        """Raise a ValueError if the area or the number of bands differs."""
        area = self.img_size[0] * self.img_size[1]
        if x.shape[1] != self.in_channels or x.shape[2] * x.shape[3] != area:
            raise ValueError(
                f'the spectral encoder is built for images of {self.in_channels} bands and '
                f'{self.img_size[0]}x{self.img_size[1]} pixels, found {x.shape[1]} bands and '
                f'{x.shape[2]}x{x.shape[3]} pixels'
            )

    def embed(self, x: Tensor, ids_keep: Tensor | None) -> Tensor:
        """Images (B, C, H, W) → tokens (B, K, E) at the positions ``ids_keep``, or all T."""
        if ids_keep is None:
            return self.spat_map(x)
        groups = select_tokens(x.reshape(x.shape[0], self.num_tokens, -1), ids_keep)
        # like the pooling of a group of bands, but for the kept groups only
        means = groups.unflatten(-1, (self.in_channels // self.num_tokens, -1)).mean(dim=2)
        return self.spat_map.projection(means)


@MODELS.register_module()
class SpecMAE(MaskedAutoencoder):
    """Masked autoencoder over groups of bands (HyperSIGMA, section III); see :class:`MaskedAutoencoder`.

    ``neck=dict(pos_table='zeros')`` is the behaviour of the reference, in which masked tokens have no position, so that
    all have the same prediction.

    Example:
        >>> model = SpecMAE(backbone=dict(type='MaskedSpecViT', arch='base', img_size=64, in_channels=100))
    """

    @staticmethod
    def _head_of(encoder: MaskedSpecViT) -> dict:
        return dict(type='mmhsi.SpecMAEHead', num_tokens=encoder.num_tokens)
