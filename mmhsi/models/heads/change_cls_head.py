"""Change detection in windows: one label for a pair of windows from their fused feature maps."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmpretrain.models.heads import ClsHead
from torch import Tensor, nn

from mmhsi.models.layers import conv_norm_relu
from mmhsi.registry import MODELS


@MODELS.register_module()
class ChangeClsHead(ClsHead):
    """Two convolutions per level, concatenation from shallow to deep, and 3x3 convolutions without padding down to a
    label.

    The block of a level is a convolution to half its channels and a 1x1 convolution to ``level_channels``, each with
    norm and ReLU. Levels of other sizes than the shallowest are resized to it (bilinear). Each 3x3 convolution of the
    classifier removes 2 rows and columns; the remaining grid is averaged.

    Args:
        in_channels (Sequence[int]): Channels of each level, shallow to deep.
        num_classes (int): Number K of classes. Defaults to 2: unchanged and changed.
        level_channels (int): Channels of each level after its block. Defaults to 64.
        kernel_sizes (Sequence[int]): Kernel of the first convolution of each level, odd. Defaults to (3, 3, 1, 1).
        hidden_channels (Sequence[int]): Widths of the 3x3 convolutions. Defaults to (256, 128), for grids of 5x5 and
            more; the reference takes (128, 64, 64) for 7x7.
        norm_cfg (dict, optional): Config of the norms. Defaults to batch norm.
        loss (dict, optional): Config of the loss. Defaults to cross-entropy.
        **kwargs: Arguments of mmpretrain's ``ClsHead``: ``topk``, ``cal_acc``, ``init_cfg``.

    Raises:
        ValueError: If the length of ``kernel_sizes`` differs from that of ``in_channels``.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int = 2,
        level_channels: int = 64,
        kernel_sizes: Sequence[int] = (3, 3, 1, 1),
        hidden_channels: Sequence[int] = (256, 128),
        norm_cfg: dict | None = None,
        loss: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(loss=loss or dict(type='mmpretrain.CrossEntropyLoss'), **kwargs)
        if len(kernel_sizes) != len(in_channels):
            raise ValueError(f'kernel_sizes holds {len(kernel_sizes)} entries for {len(in_channels)} levels')
        self.in_channels = tuple(in_channels)
        self.num_classes = num_classes
        self.blocks = nn.ModuleList(
            nn.Sequential(
                *conv_norm_relu(channels, channels // 2, kernel, norm_cfg),
                *conv_norm_relu(channels // 2, level_channels, 1, norm_cfg),
            )
            for channels, kernel in zip(in_channels, kernel_sizes, strict=True)
        )
        self.classifier = nn.Sequential()
        widths = [level_channels * len(in_channels), *hidden_channels]
        for width, next_width in zip(widths[:-1], widths[1:], strict=True):
            self.classifier.extend([nn.Conv2d(width, next_width, 3), nn.ReLU()])
        self.classifier.append(nn.Conv2d(widths[-1], num_classes, 1))
        self.min_grid = 2 * len(hidden_channels) + 1

    def pre_logits(self, feats: Sequence[Tensor]) -> Tensor:
        """Hidden features before the last layer.

        Args:
            feats: Maps (B, C_i, h_i, w_i), shallow to deep.

        Returns:
            (B, D), the mean over the remaining positions.

        Raises:
            ValueError: If the number of levels differs from that of the head, or the grid is too small for the
                convolutions.
        """
        if len(feats) != len(self.blocks):
            raise ValueError(f'the head is built for {len(self.blocks)} levels, found {len(feats)}')
        size = tuple(feats[0].shape[2:])
        if min(size) < self.min_grid:
            raise ValueError(
                f'{len(self.classifier) // 2} convolutions of 3x3 without padding need a grid of at least '
                f'{self.min_grid}x{self.min_grid}, found {size[0]}x{size[1]}'
            )
        levels = [block(level) for block, level in zip(self.blocks, feats, strict=True)]
        levels = [
            level if level.shape[2:] == size else F.interpolate(level, size, mode='bilinear', align_corners=False)
            for level in levels
        ]
        return self.classifier[:-1](torch.cat(levels, dim=1)).mean(dim=(2, 3))

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Maps (B, C_i, h_i, w_i), shallow to deep → logits (B, K)."""
        # the last convolution is linear, so it can be applied after the mean over the positions
        return self.classifier[-1](self.pre_logits(feats)[:, :, None, None]).flatten(1)
