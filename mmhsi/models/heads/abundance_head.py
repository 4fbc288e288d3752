"""Abundances of endmembers from feature maps of several levels."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS

_NEGATIVE_SLOPE = 0.02


@MODELS.register_module()
class AbundanceHead(BaseModule):
    r"""One convolution per level, concatenation, upsampling to the image, smoothing, and a softmax over endmembers.

    Each level passes through a block of convolution, leaky ReLU (slope 0.02), norm and dropout. The concatenated levels
    are resized to the image (bilinear, corners aligned), smoothed by a 3x3 convolution to ``channels``, optionally with
    one more block before it, and mapped by a 1x1 block to the logits z. The abundances :math:`\mathrm{softmax}(s\,z)`
    are positive and sum to one. Dropout is also applied before the softmax: in training it sets logits to zero.

    Args:
        in_channels (Sequence[int]): Channels of each level, shallow to deep.
        num_endmembers (int): Number P of endmembers.
        channels (int): Channels of each level after its block, and of the smoothed map. Defaults to 64.
        kernel_sizes (Sequence[int]): Kernel of each level's convolution, odd. Defaults to (3, 3, 1, 1).
        smooth_channels (int, optional): Channels of a block inside the smoothing; HyperSIGMA uses 128. Defaults to
            None, a single convolution, as SpatSIGMA has it.
        scale (float): Factor s of the logits. Defaults to 1.
        dropout_ratio (float): Element-wise dropout rate at the end of each block. Defaults to 0.2.
        norm_cfg (dict, optional): Config of the norms. Defaults to batch norm.
        init_cfg (dict, optional): Initialisation of the module.

    Raises:
        ValueError: If the length of ``kernel_sizes`` differs from that of ``in_channels``, or it contains an even
            number.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_endmembers: int,
        channels: int = 64,
        kernel_sizes: Sequence[int] = (3, 3, 1, 1),
        smooth_channels: int | None = None,
        scale: float = 1.0,
        dropout_ratio: float = 0.2,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if len(kernel_sizes) != len(in_channels) or any(kernel % 2 == 0 for kernel in kernel_sizes):
            raise ValueError(
                f'kernel_sizes must hold an odd number for each of {len(in_channels)} levels, found '
                f'{tuple(kernel_sizes)}'
            )
        self.num_endmembers = num_endmembers
        self.scale = scale

        def block(width: int, next_width: int, kernel: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(width, next_width, kernel, padding=kernel // 2),
                nn.LeakyReLU(_NEGATIVE_SLOPE),
                build_norm_layer(norm_cfg or dict(type='BN'), next_width)[1],
                nn.Dropout(dropout_ratio),
            )

        self.branches = nn.ModuleList(
            block(width, channels, kernel) for width, kernel in zip(in_channels, kernel_sizes, strict=True)
        )
        merged = channels * len(in_channels)
        if smooth_channels is None:
            self.smooth = nn.Sequential(nn.Conv2d(merged, channels, 3, padding=1))
        else:
            self.smooth = block(merged, smooth_channels, 3).append(nn.Conv2d(smooth_channels, channels, 1))
        self.projection = block(channels, num_endmembers, 1)

    def logits(self, levels: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Logits (B, P, H, W); the arguments are those of :meth:`forward`."""
        if len(levels) != len(self.branches):
            raise ValueError(f'the head is built for {len(self.branches)} levels, found {len(levels)}')

        def resized(level: Tensor, wanted: tuple[int, int]) -> Tensor:
            if tuple(level.shape[2:]) == tuple(wanted):
                return level
            return F.interpolate(level, size=tuple(wanted), mode='bilinear', align_corners=True)

        grid = levels[0].shape[2:]
        maps = [resized(branch(level), grid) for branch, level in zip(self.branches, levels, strict=True)]
        return self.projection(self.smooth(resized(torch.cat(maps, dim=1), size)))

    def forward(self, levels: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Estimate abundances.

        Args:
            levels: Maps (B, C_i, h_i, w_i), shallow to deep; other sizes are resized to the first one.
            size: Height and width of the image in pixels.

        Returns:
            Abundances (B, P, *size), non-negative, with sum 1 over the endmembers.

        Raises:
            ValueError: If the number of levels differs from that of the head.
        """
        return (self.scale * self.logits(levels, size)).softmax(dim=1)
