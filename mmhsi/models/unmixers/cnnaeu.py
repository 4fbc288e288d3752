"""The encoder of CNNAEU, in the two parts of an ``Unmixer``."""

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS

_NEGATIVE_SLOPE = 0.02


def _block(in_channels: int, out_channels: int, kernel_size: int, dropout_ratio: float) -> nn.Sequential:
    """Convolution, leaky ReLU, batch norm, and dropout of whole maps."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2),
        nn.LeakyReLU(_NEGATIVE_SLOPE),
        nn.BatchNorm2d(out_channels),
        nn.Dropout2d(dropout_ratio),
    )


@MODELS.register_module()
class CNNAEUEncoder(BaseModule):
    """First block of the convolutional autoencoder for unmixing (Palsson et al., IEEE TGRS 59(1), 2021).

    With a :class:`SoftmaxAbundanceHead` and an ``EndmemberDecoder`` of 13 x 13 pixels it forms the complete network.

    Args:
        in_channels (int): Number C of bands.
        channels (int): Maps of the block. Defaults to 48.
        kernel_size (int): Side of its kernel, odd. Defaults to 3.
        dropout_ratio (float): Rate at which maps are dropped. Defaults to 0.2.
        init_cfg (dict, optional): Initialisation. Defaults to None, as PyTorch draws it.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 48,
        kernel_size: int = 3,
        dropout_ratio: float = 0.2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.block = _block(in_channels, channels, kernel_size, dropout_ratio)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Images (B, C, H, W) → one map (B, ``channels``, H, W)."""
        return (self.block(x),)


@MODELS.register_module()
class SoftmaxAbundanceHead(BaseModule):
    """A 1x1 block and a scaled softmax: the second part of CNNAEU's encoder.

    Args:
        in_channels (int): Channels of the deepest map. Defaults to 48.
        num_endmembers (int): Number P of endmembers. Defaults to 3.
        scale (float): Factor of the logits. Defaults to 3.
        dropout_ratio (float): Rate at which logits of an endmember are dropped everywhere. Defaults to 0.2.
        init_cfg (dict, optional): Initialisation. Defaults to None, as PyTorch draws it.
    """

    def __init__(
        self,
        in_channels: int = 48,
        num_endmembers: int = 3,
        scale: float = 3.0,
        dropout_ratio: float = 0.2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.num_endmembers = num_endmembers
        self.scale = scale
        self.block = _block(in_channels, num_endmembers, 1, dropout_ratio)

    def forward(self, levels: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor:
        """Deepest map (B, C, h, w) → abundances (B, P, *size), non-negative, with sum 1 over the endmembers."""
        logits = self.scale * self.block(levels[-1])
        if tuple(logits.shape[2:]) != tuple(size):
            logits = F.interpolate(logits, size=tuple(size), mode='bilinear', align_corners=False)
        return logits.softmax(dim=1)
