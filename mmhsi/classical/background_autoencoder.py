"""The network of Auto-AD, and its training on the background of a scene; needs torch, which its caller does not."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmhsi.utils.progress import progress_bar

_STOP_EVERY, _REWEIGH_EVERY = 50, 100  # iterations
_NEGATIVE_SLOPE = 0.2


def _block(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, padding_mode='reflect'),
        nn.BatchNorm2d(out_channels),
        nn.LeakyReLU(_NEGATIVE_SLOPE),
    )


class BackgroundAutoencoder(nn.Module):
    """Fully convolutional autoencoder with skip connections; its result lies between 0 and 1.

    Args:
        num_bands (int): Number C of bands.
        channels (int): Maps of every layer. Defaults to 128.
        depth (int): Number of halvings, fewer where an image is too small. Defaults to 5.
    """

    def __init__(self, num_bands: int, channels: int = 128, depth: int = 5) -> None:
        super().__init__()
        widths = [num_bands, *[channels] * depth]
        self.downs = nn.ModuleList(
            nn.Sequential(_block(width, channels, 3, stride=2), _block(channels, channels, 3)) for width in widths[:-1]
        )
        self.skips = nn.ModuleList(_block(width, channels, 1) for width in widths[:-1])
        self.ups = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(2 * channels), _block(2 * channels, channels, 3), _block(channels, channels, 1)
            )
            for _ in range(depth)
        )
        self.last = nn.Conv2d(channels, num_bands, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H, W)."""
        levels = [x]
        for down in self.downs:
            levels.append(down(levels[-1]))
        deep = levels.pop()
        for skip, up in zip(reversed(self.skips), reversed(self.ups), strict=True):
            level = levels.pop()
            deep = F.interpolate(deep, size=level.shape[2:], mode='nearest')
            deep = up(torch.cat([skip(level), deep], dim=1))
        return self.last(deep).sigmoid()


def learn_background(
    scene: Tensor, inside: Tensor, network: BackgroundAutoencoder, iterations: int, lr: float, tolerance: float
) -> Tensor:
    """Squared residuals (H, W) of a scene (1, C, H, W)."""
    noise = 0.1 * torch.rand_like(scene)
    weights, changes, last = inside, [], 0.0
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    for number in progress_bar(range(1, iterations + 1), 'autoencoder', 'iterations', after=2.0):
        background = network(noise + 0.1 * torch.randn_like(noise))
        loss = (weights * (background - scene)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        changes.append(abs(loss.item() - last))
        last = loss.item()
        residual = (background - scene).detach().square().sum(dim=1)[0]
        if number % _REWEIGH_EVERY == 0:
            inner = residual[inside > 0]
            span = (inner.max() - inner.min()).clamp_min(torch.finfo(residual.dtype).tiny)
            weights = (inner.max() - residual) / span * inside
        if number % _STOP_EVERY == 0 and np.mean(changes[-_STOP_EVERY:]) < tolerance:
            break
    return residual
