"""Heads of the masked autoencoders: prediction targets of tokens, and the loss."""

from abc import abstractmethod

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from mmhsi.registry import MODELS

_VARIANCE_EPS = 1e-6


class MAEHead(BaseModule):
    r"""Mean squared error of the masked tokens; a branch defines how an image is cut into tokens.

    .. math:: L = \frac{\sum_{bn} m_{bn} \operatorname{mean}_d (y_{bnd} - t_{bnd})^2}{\sum_{bn} m_{bn}}

    Args:
        norm_pix_loss (bool): Whether the content of a token is normalised to :math:`(t - \bar t) / \sqrt{v + 10^{-6}}`
            with the unbiased variance v of the token. The official code has this option, but its factories do not pass
            it on: the reference trains with ``False``. Defaults to True.
        init_cfg (dict, optional): Initialisation of the module.
    """

    def __init__(self, norm_pix_loss: bool = True, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.norm_pix_loss = norm_pix_loss

    @abstractmethod
    def tokenize(self, images: Tensor) -> Tensor:
        """Cut images (B, C, H, W) into tokens (B, N, D)."""

    @abstractmethod
    def untokenize(self, tokens: Tensor, image_shape: tuple[int, int, int]) -> Tensor:
        """Assemble tokens (B, N, D) to images (B, C, H, W); ``image_shape`` is (C, H, W)."""

    def target(self, images: Tensor) -> Tensor:
        """The prediction targets: images (B, C, H, W) → (B, N, D)."""
        tokens = self.tokenize(images)
        if not self.norm_pix_loss:
            return tokens
        mean, std = self._statistics(tokens)
        return (tokens - mean) / std

    def loss(self, pred: Tensor, images: Tensor, mask: Tensor) -> Tensor:
        """Loss of the masked tokens.

        Args:
            pred: Predicted tokens (B, N, D).
            images: Images (B, C, H, W).
            mask: (B, N), 1 where a token is masked.

        Returns:
            Scalar, in float32.
        """
        error = F.mse_loss(pred.float(), self.target(images), reduction='none').mean(dim=-1)
        return (error * mask).sum() / mask.sum()

    def reconstruct(self, pred: Tensor, images: Tensor) -> Tensor:
        """Predicted tokens as images (B, C, H, W).

        Predictions of normalised tokens get the mean and the variance of the true tokens, since their own are unknown.
        """
        if self.norm_pix_loss:
            mean, std = self._statistics(self.tokenize(images))
            pred = pred * std + mean
        return self.untokenize(pred, tuple(images.shape[1:]))

    @staticmethod
    def _statistics(tokens: Tensor) -> tuple[Tensor, Tensor]:
        variance, mean = torch.var_mean(tokens, dim=-1, keepdim=True)
        return mean, (variance + _VARIANCE_EPS).sqrt()


@MODELS.register_module()
class SpatMAEHead(MAEHead):
    """Tokens are square patches; their values run over row, column and band, the band fastest.

    Args:
        patch_size (int): Side p of a patch in pixels.
        **kwargs: Arguments of :class:`MAEHead`.
    """

    def __init__(self, patch_size: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.patch_size = patch_size

    def tokenize(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → (B, (H / p) (W / p), p p C)."""
        size = self.patch_size
        batch, bands, height, width = images.shape
        patches = images.reshape(batch, bands, height // size, size, width // size, size)
        return patches.permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, size * size * bands)

    def untokenize(self, tokens: Tensor, image_shape: tuple[int, int, int]) -> Tensor:
        """(B, (H / p) (W / p), p p C) → (B, C, H, W)."""
        size = self.patch_size
        bands, height, width = image_shape
        patches = tokens.reshape(-1, height // size, width // size, size, size, bands)
        return patches.permute(0, 5, 1, 3, 2, 4).reshape(-1, bands, height, width)


@MODELS.register_module()
class SpecMAEHead(MAEHead):
    """Tokens are groups of neighbouring bands; their values run over band, row and column, the column fastest.

    Args:
        num_tokens (int): Number T of tokens.
        **kwargs: Arguments of :class:`MAEHead`.
    """

    def __init__(self, num_tokens: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.num_tokens = num_tokens

    def tokenize(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → (B, T, (C / T) H W)."""
        return images.reshape(images.shape[0], self.num_tokens, -1)

    def untokenize(self, tokens: Tensor, image_shape: tuple[int, int, int]) -> Tensor:
        """(B, T, (C / T) H W) → (B, C, H, W)."""
        return tokens.reshape(-1, *image_shape)
