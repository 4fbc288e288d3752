"""Heads of the restoration networks: an image from a feature map and the degraded image."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS
from mmhsi.utils.imresize import imresize


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1)


@MODELS.register_module()
class RestorationHead(BaseModule):
    """Fuse features with the degraded image by 3x3 convolutions without activations: the head of denoising.

    The features may first be reduced to the bands by two convolutions, as in SpatSIGMA; then they are concatenated
    after the image, fused to the bands, and convolved once more. The image is not added to the result.

    Args:
        num_bands (int): Number C of bands.
        in_channels (int, optional): Channels of the features. Defaults to ``num_bands``.
        mid_channels (int, optional): Channels between the two convolutions that reduce the features to the bands.
            Defaults to None, which fuses the features as they are.
        width (int, optional): Channels between fusion and tail. Defaults to ``num_bands``, as the reference has it;
            fewer take less time and restrict the result to a subspace of that many dimensions.
        init_cfg (dict, optional): Initialisation of the module.
    """

    scale = 1  # ratio of the sizes of result and image

    def __init__(
        self,
        num_bands: int,
        in_channels: int | None = None,
        mid_channels: int | None = None,
        width: int | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        in_channels = in_channels or num_bands
        if mid_channels is None:
            self.reduction = nn.Identity()
        else:
            self.reduction = nn.Sequential(_conv(in_channels, mid_channels), _conv(mid_channels, num_bands))
            in_channels = num_bands
        self.num_bands = num_bands
        self.width = width or num_bands
        self.fusion = _conv(num_bands + in_channels, self.width)
        self.tail = _conv(self.width, num_bands)

    @torch.no_grad()
    def start_from_subspace(self, mean: Tensor, directions: Tensor) -> None:
        """Initialise the head as a projection of every pixel onto a subspace of spectra, with little influence of the
        features.

        Args:
            mean: Mean spectrum (C,).
            directions: Orthonormal directions (r, C) of the subspace, r at most ``width``.

        Raises:
            ValueError: If the directions do not fit.
        """
        rank, bands = directions.shape
        if bands != self.num_bands or rank > self.width or mean.shape != (bands,):
            raise ValueError(
                f'a head of {self.num_bands} bands and width {self.width} cannot start from a mean of '
                f'shape {tuple(mean.shape)} and directions of shape {tuple(directions.shape)}'
            )
        self.fusion.weight[:, bands:] *= 0.1
        self.fusion.weight[:rank, :bands].zero_()
        self.tail.weight.zero_()  # channels beyond the rank start without effect
        self.fusion.weight[:rank, :bands, 1, 1] = directions
        self.fusion.bias[:rank] = -directions @ mean
        self.tail.weight[:, :rank, 1, 1] = directions.T
        self.tail.bias.copy_(mean)

    def fuse(self, features: Tensor, image: Tensor) -> Tensor:
        """Features (B, E, H, W) and image (B, C, H, W) → (B, C, H, W).

        Raises:
            ValueError: If the number of bands is wrong, or the features and the image differ in size.
        """
        if image.shape[1] != self.num_bands:
            raise ValueError(f'the head is built for {self.num_bands} bands, the image has {image.shape[1]}')
        if features.shape[2:] != image.shape[2:]:
            raise ValueError(
                f'features of {features.shape[2]}x{features.shape[3]} do not fit an image of '
                f'{image.shape[2]}x{image.shape[3]} pixels: the neck must undo the patches of the backbone, and the '
                'patches must fill the '
                'image'
            )
        return self.fusion(torch.cat([image, self.reduction(features)], dim=1))

    def forward(self, features: Tensor, image: Tensor) -> Tensor:
        """Restore an image.

        Args:
            features: (B, E, H, W).
            image: The degraded image (B, C, H, W).

        Returns:
            (B, C, H, W).
        """
        return self.tail(self.fuse(features, image))


@MODELS.register_module()
class SuperResolutionHead(RestorationHead):
    """Enlarge the fused features of :class:`RestorationHead` by pixel shuffling, and combine them with the bicubic
    image.

    Args:
        num_bands (int): Number C of bands.
        scale (int): Factor s of both sides: a power of two, by steps of 2, or 3.
        skip (str): 'add' adds the convolved enlarged image, as in SpatSIGMA; 'concat' concatenates it, as in
            HyperSIGMA. Defaults to 'add'.
        width (int, optional): Channels between fusion and tail. Defaults to ``num_bands``, as the reference has it,
            which takes long with hundreds of bands.
        residual (bool): Whether to add the result to the enlarged image itself. The tail is then initialised with zero,
            so that training starts at the bicubic image and a small network need not learn to copy it first. The
            reference has no such sum. Defaults to False.
        **kwargs: Further arguments of :class:`RestorationHead`.

    Raises:
        ValueError: If ``scale`` or ``skip`` is invalid.
    """

    def __init__(
        self, num_bands: int, scale: int, skip: str = 'add', width: int | None = None, residual: bool = False, **kwargs
    ) -> None:
        super().__init__(num_bands, **kwargs)
        if scale != 3 and (scale < 2 or scale & (scale - 1)):
            raise ValueError(f'scale must be a power of two or 3, found {scale}')
        if skip not in ('add', 'concat'):
            raise ValueError(f"skip must be 'add' or 'concat', found {skip!r}")
        self.scale = scale
        self.concatenates = skip == 'concat'
        self.residual = residual
        width = width or num_bands
        self.fusion = _conv(self.fusion.in_channels, width)
        self.upsample = nn.Sequential()
        for step in [3] if scale == 3 else [2] * (scale.bit_length() - 1):
            self.upsample.extend([_conv(width, width * step**2), nn.PixelShuffle(step)])
        self.skip = _conv(num_bands, width)
        self.tail = _conv(2 * width if self.concatenates else width, num_bands)
        if residual:
            nn.init.zeros_(self.tail.weight)
            nn.init.zeros_(self.tail.bias)

    def enlarge(self, image: Tensor) -> Tensor:
        """Bicubic enlargement (B, C, sH, sW) of an image (B, C, H, W), see :func:`mmhsi.utils.imresize.imresize`."""
        return imresize(image, self.scale)

    def forward(self, features: Tensor, image: Tensor, lms: Tensor | None = None) -> Tensor:
        """Restore an image.

        Args:
            features: (B, E, H, W).
            image: The small image (B, C, H, W).
            lms: The bicubically enlarged image (B, C, sH, sW). Defaults to that of :meth:`enlarge`.

        Returns:
            (B, C, sH, sW).

        Raises:
            ValueError: If ``lms`` has another size.
        """
        lms = self.enlarge(image) if lms is None else lms
        large = self.upsample(self.fuse(features, image))
        wanted = (*image.shape[:2], *large.shape[2:])
        if tuple(lms.shape) != wanted:
            raise ValueError(f'the enlarged image must have the shape {wanted}, found {tuple(lms.shape)}')
        skipped = self.skip(lms)
        result = self.tail(torch.cat([large, skipped], dim=1) if self.concatenates else large + skipped)
        return lms + result if self.residual else result
