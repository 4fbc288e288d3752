"""SpatMAE: masked pre-training of the spatial branch."""

import torch
from torch import Tensor

from mmhsi.models.backbones import SpatViT
from mmhsi.registry import MODELS

from .masked_autoencoder import MaskedAutoencoder
from .masked_vit import MaskedViT


@MODELS.register_module()
class MaskedSpatViT(MaskedViT, SpatViT):
    """:class:`SpatViT` that encodes only the kept patches of an image, with a final norm.

    Args:
        arch (str | dict): See :class:`SamplingViT`. Defaults to 'base'.
        img_size (int | tuple[int, int]): Height and width of the input in pixels, multiples of ``patch_size``. Defaults
            to 64.
        patch_size (int): Side p of a patch in pixels. Defaults to 8.
        in_channels (int): Number C of bands. Defaults to 100.
        mask_ratio (float): Share of masked patches, in (0, 1). Defaults to 0.75.
        full_attn_interval (int): Every n-th block has full attention, the others have sparse attention among the kept
            patches; 0 for none. Defaults to 1 (all), as in the reference.
        use_abs_pos_emb (bool): Whether to add position embeddings. ``False`` is the behaviour of the reference, whose
            table exists but is never added or trained: it is stored in the checkpoint, frozen. Defaults to True.
        drop_path_rate (float): Drop-path rate of the last block. Defaults to 0.1.
        **kwargs: Further arguments of :class:`SamplingViT`.

    Raises:
        ValueError: If patches do not fill the image, or the ratio is invalid; in the forward pass, if the size of the
            images or the number of bands differs.
    """

    def __init__(
        self,
        arch: str | dict = 'base',
        img_size: int | tuple[int, int] = 64,
        patch_size: int = 8,
        in_channels: int = 100,
        mask_ratio: float = 0.75,
        full_attn_interval: int = 1,
        use_abs_pos_emb: bool = True,
        drop_path_rate: float = 0.1,
        **kwargs,
    ) -> None:
        super().__init__(
            arch=arch,
            img_size=img_size,
            patch_size=patch_size,
            in_channels=in_channels,
            full_attn_interval=full_attn_interval,
            drop_path_rate=drop_path_rate,
            **kwargs,
        )
        if any(side % patch_size for side in self.img_size):
            raise ValueError(
                f'img_size {self.img_size} must be a multiple of patch_size {patch_size}: every pixel is reconstructed'
            )
        self.drop_path_rate = drop_path_rate
        self._prepare_masking(mask_ratio, use_abs_pos_emb)

    @property
    def grid(self) -> tuple[int, int]:
        """Grid of the patches."""
        return self.patch_grid

    @property
    def position_grid(self) -> tuple[int, int]:
        """Axes of the positions of the decoder."""
        return self.patch_grid

    @property
    def token_size(self) -> int:
        """Number of values in a patch."""
        return self.patch_size**2 * self.in_channels

    def check_images(self, x: Tensor) -> None:
        """Raise a ValueError if the size or the number of bands differs."""
        if tuple(x.shape[1:]) != (self.in_channels, *self.img_size):
            raise ValueError(
                f'the spatial encoder is built for images of {self.in_channels} bands and '
                f'{self.img_size[0]}x{self.img_size[1]} pixels, found {x.shape[1]} bands and '
                f'{x.shape[2]}x{x.shape[3]} pixels'
            )

    def embed(self, x: Tensor, ids_keep: Tensor | None) -> Tensor:
        """Images (B, C, H, W) → patches (B, K, E) at the positions ``ids_keep``, or all, row by row."""
        if ids_keep is not None:
            x = self._kept_patches(x, ids_keep)
        return self.patch_embed(x)[0]

    def _kept_patches(self, x: Tensor, ids_keep: Tensor) -> Tensor:
        """An image (B, C, p, K p) of the kept patches side by side, so that no others are embedded."""
        size, (rows, columns) = self.patch_size, self.grid
        patches = x.reshape(*x.shape[:2], rows, size, columns, size).permute(0, 2, 4, 1, 3, 5)
        sample = torch.arange(x.shape[0], device=x.device).unsqueeze(1)
        kept = patches[sample, ids_keep // columns, ids_keep % columns]  # (B, K, C, p, p)
        return kept.permute(0, 2, 3, 1, 4).flatten(3)


@MODELS.register_module()
class SpatMAE(MaskedAutoencoder):
    """Masked autoencoder over image patches (HyperSIGMA, section III); see :class:`MaskedAutoencoder`.

    Example:
        >>> model = SpatMAE(backbone=dict(type='MaskedSpatViT', arch='base', img_size=64, in_channels=100))
    """

    @staticmethod
    def _head_of(encoder: MaskedSpatViT) -> dict:
        return dict(type='mmhsi.SpatMAEHead', patch_size=encoder.patch_size)
