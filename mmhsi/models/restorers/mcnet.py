"""MCNet: super-resolution with parallel 3-D and 2-D convolutions."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from mmhsi.registry import MODELS


class _Separable(nn.Sequential):
    """3 x 3 pixels, then 3 bands, each with a ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            weight_norm(nn.Conv3d(channels, channels, (1, 3, 3), padding=(0, 1, 1))),
            nn.ReLU(),
            weight_norm(nn.Conv3d(channels, channels, (3, 1, 1), padding=(1, 0, 0))),
            nn.ReLU(),
        )


class _MixedModule(nn.Module):
    """Three residual 3-D units, each with a 2-D unit on its result, joined with learnt weights."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.units_3d = nn.ModuleList(_Separable(channels) for _ in range(3))
        self.units_2d = nn.ModuleList(
            nn.Sequential(
                weight_norm(nn.Conv3d(channels, channels, (1, 3, 3), padding=(0, 1, 1))),
                nn.ReLU(),
                weight_norm(nn.Conv3d(channels, channels, (1, 3, 3), padding=(0, 1, 1))),
            )
            for _ in range(3)
        )
        self.weights = nn.Parameter(torch.ones(3))
        self.joining = nn.Sequential(weight_norm(nn.Conv3d(3 * channels, channels, 1)), nn.ReLU())
        self.last = _Separable(channels)

    def forward(self, x: Tensor) -> Tensor:
        volume, parts = x, []
        for unit_3d, unit_2d, weight in zip(self.units_3d, self.units_2d, self.weights, strict=True):
            volume = unit_3d(volume) + volume
            parts.append(weight * unit_2d(volume))
        return self.last(self.joining(torch.cat(parts, dim=1)) + x)


@MODELS.register_module()
class MCNet(BaseModule):
    """Mixed 2-D/3-D convolutional network for super-resolution (Li, Wang and Li, Remote Sensing 12(10), 1660, 2020).

    Bands are a third axis, so any number of them is accepted. A 3-D convolution is followed by four modules of
    separable 3-D units and 2-D units on each band; its result is added to that of each module. A transposed convolution
    enlarges the image.

    Args:
        scale (int): Factor s of both sides, even. Defaults to 4.
        channels (int): Maps of the volumes. Defaults to 64.
        num_modules (int): Number of modules. Defaults to 4.
        init_cfg (dict, optional): Initialisation. Defaults to None, as PyTorch draws it.
    """

    def __init__(self, scale: int = 4, channels: int = 64, num_modules: int = 4, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.scale = scale
        self.first = weight_norm(nn.Conv3d(1, channels, 3, padding=1))
        self.mixed = nn.ModuleList(_MixedModule(channels) for _ in range(num_modules))
        self.enlarging = weight_norm(
            nn.ConvTranspose3d(channels, channels, (3, 2 + scale, 2 + scale), (1, scale, scale), 1), dim=1
        )
        self.last = nn.Conv3d(channels, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) → (B, C, sH, sW)."""
        shallow = volume = self.first(x[:, None])
        for module in self.mixed:
            volume = module(volume) + shallow
        return self.last(self.enlarging(volume)).squeeze(1)
