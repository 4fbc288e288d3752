"""A2S2K-ResNet: 3-D residual blocks after weighted kernels of two sizes."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS

from .window_checks import check_smallest_window

_NORM_EPS = 1e-3
_SPECTRAL, _SPATIAL = (7, 1, 1), (1, 3, 3)  # bands, rows, columns


class _ChannelAttention(nn.Module):
    """Efficient channel attention: a 3 x 3 convolution over the means of channels, as a map of one column."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean(dim=(2, 3, 4))
        return x * self.conv(means[:, None, :, None]).sigmoid()[:, 0, :, :, None, None]


class _ResidualBlock(nn.Module):
    """Two convolutions with channel attention; except in the first block, norm and ReLU precede the first one.

    The last block has its norm after the sum, the first one after the second convolution.
    """

    def __init__(self, channels: int, kernel: tuple[int, int, int], first: bool = False, last: bool = False) -> None:
        super().__init__()
        self.first, self.last = first, last
        padding = tuple(side // 2 for side in kernel)
        self.norm0 = None if first else nn.BatchNorm3d(channels)
        self.conv1 = nn.Conv3d(channels, channels, kernel, padding=padding)
        self.norm1 = nn.BatchNorm3d(channels)
        self.conv2 = nn.Conv3d(channels, channels, kernel, padding=padding)
        self.norm2 = nn.BatchNorm3d(channels) if first or last else None
        self.attention = _ChannelAttention()

    def forward(self, x: Tensor) -> Tensor:
        out = x if self.norm0 is None else self.norm0(x).relu()
        out = self.conv2(self.norm1(self.conv1(out).relu()).relu())
        if self.first:
            out = self.norm2(out)
        out = self.attention(out) + x
        return self.norm2(out).relu() if self.last else out


@MODELS.register_module()
class A2S2KResNet(BaseModule):
    """Attention-based adaptive spectral-spatial kernel residual network (Roy et al., IEEE TGRS 59(9), 2021).

    Two 3-D convolutions process single spectra and 3 x 3 pixels; a softmax over the two, computed from the means of
    their sum, weights each map. They are followed by two spectral residual blocks, a convolution over the rest of the
    spectrum, two spatial residual blocks and the mean over the pixels; each block weights its channels. The paper's
    code computes both inputs of the softmax with one layer, so the weights are always one half; here each has its own
    layer, as in the text.

    Args:
        in_channels (int): Number C of bands, at least 8. Defaults to 200.
        channels (int): Maps of the blocks. Defaults to 24.
        reduced_channels (int): Maps after the convolution over the spectrum. Defaults to 128.
        init_cfg (dict, optional): Initialisation. Defaults to None, as PyTorch draws it.

    Attributes:
        out_channels (int): Length of the feature vector, ``channels``.
    """

    def __init__(
        self, in_channels: int = 200, channels: int = 24, reduced_channels: int = 128, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        if in_channels < 8:
            raise ValueError(f'the first convolutions span 7 bands by steps of 2, found in_channels = {in_channels}')
        self.in_channels = in_channels
        self.out_channels = channels
        self.kernels = nn.ModuleList(
            nn.Sequential(
                nn.Conv3d(1, channels, (7, side, side), stride=(2, 1, 1), padding=(0, side // 2, side // 2)),
                nn.BatchNorm3d(channels, eps=_NORM_EPS),
                nn.ReLU(),
            )
            for side in (1, 3)
        )
        self.squeeze = nn.Sequential(nn.Linear(channels, in_channels // 2), nn.ReLU())
        self.selections = nn.ModuleList(nn.Linear(in_channels // 2, channels) for _ in range(2))
        self.spectral_blocks = nn.Sequential(
            _ResidualBlock(channels, _SPECTRAL, first=True), _ResidualBlock(channels, _SPECTRAL)
        )
        self.whole_spectrum = nn.Sequential(
            nn.Conv3d(channels, reduced_channels, ((in_channels - 5) // 2, 1, 1)),
            nn.BatchNorm3d(reduced_channels, eps=_NORM_EPS),
            nn.ReLU(),
        )
        self.whole_depth = nn.Sequential(
            nn.Conv3d(1, channels, (reduced_channels, 3, 3)), nn.BatchNorm3d(channels, eps=_NORM_EPS), nn.ReLU()
        )
        self.spatial_blocks = nn.Sequential(
            _ResidualBlock(channels, _SPATIAL), _ResidualBlock(channels, _SPATIAL, last=True)
        )

    def select_kernels(self, x: Tensor) -> Tensor:
        """Windows (B, C, H, W) → weighted maps (B, channels, bands, H, W)."""
        maps = torch.stack([kernel(x[:, None]) for kernel in self.kernels])
        squeezed = self.squeeze(maps.sum(dim=0).mean(dim=(2, 3, 4)))
        weights = torch.stack([select(squeezed) for select in self.selections]).softmax(dim=0)
        return (weights[..., None, None, None] * maps).sum(dim=0)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Compute the feature vector.

        Args:
            x: Windows (B, C, H, W) of at least 3 x 3 pixels.

        Returns:
            One tensor (B, ``channels``), in a tuple as heads expect it.

        Raises:
            ValueError: If the number of bands differs, or the windows are smaller.
        """
        check_smallest_window(x, self.in_channels, 3)
        maps = self.whole_spectrum(self.spectral_blocks(self.select_kernels(x)))
        maps = self.spatial_blocks(self.whole_depth(maps.transpose(1, 2)))
        return (F.adaptive_avg_pool3d(maps, 1).flatten(1),)
