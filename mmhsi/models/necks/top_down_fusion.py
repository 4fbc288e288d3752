"""Top-down neck: deep levels are upsampled and added to the shallower ones."""

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.models.layers import conv_norm_relu
from mmhsi.registry import MODELS


@MODELS.register_module()
class TopDownFusion(BaseModule):
    r"""Reduce each level, then add the sum of the deeper levels to it, as in multispectral change detection.

    With g_l the 1x1 convolution, norm and ReLU of level l, the deepest level is :math:`f_L = g_L`, and every other
    :math:`f_l = g_l + \mathrm{up}(f_{l+1})`, bilinear with corners not aligned. Unlike in a feature pyramid network,
    levels are not smoothed afterwards.

    Args:
        in_channels (Sequence[int]): Channels of each level, shallow to deep.
        out_channels (int): Channels D of every level of the result. Defaults to 128.
        norm_cfg (dict, optional): Config of the norms. Defaults to batch norm.
        init_cfg (dict, optional): Initialisation of the module.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int = 128,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.laterals = nn.ModuleList(conv_norm_relu(channels, out_channels, 1, norm_cfg) for channels in in_channels)

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Fuse the levels.

        Args:
            levels: Maps (B, C_i, h_i, w_i), shallow to deep.

        Returns:
            The same number of maps (B, D, h_i, w_i); the first one, the finest, contains all levels.

        Raises:
            ValueError: If the number of levels differs from that of the neck.
        """
        if len(levels) != len(self.laterals):
            raise ValueError(f'the neck is built for {len(self.laterals)} levels, the backbone gives {len(levels)}')
        fused = []
        for lateral, level in zip(reversed(self.laterals), reversed(levels), strict=True):
            level = lateral(level)
            if fused:
                deeper = F.interpolate(fused[-1], size=level.shape[2:], mode='bilinear', align_corners=False)
                level = level + deeper
            fused.append(level)
        return tuple(reversed(fused))
