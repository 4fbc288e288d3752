"""Auto-AD: a network learns the background of one scene, and what it does not learn is anomalous."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .inputs import score_map, valid_pixels

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


def auto_ad(
    cube: np.ndarray,
    valid: np.ndarray | None = None,
    iterations: int = 1000,
    channels: int = 128,
    depth: int = 5,
    lr: float = 0.01,
    tolerance: float = 1.5e-5,
    seed: int = 0,
) -> np.ndarray:
    """Auto-AD: the squared residual of each pixel behind a network that reconstructs the scene from noise.

    The network starts from random weights and sees fixed uniform noise, to which new noise is added in every
    iteration; it learns the scene, scaled to [0, 1], by the squared error. Every 100 iterations a pixel of large
    residual gets a smaller weight in the loss, so that anomalies are not learnt. It ends when the loss changes by less
    than ``tolerance`` on the mean of 50 iterations. Source: Wang et al., IEEE Trans. Geosci. Remote Sens. 60, 2022.

    Args:
        cube (np.ndarray): (H, W, C), sides of at least 4 pixels.
        valid (np.ndarray, optional): bool of shape (H, W), True where there is data. By default everywhere.
        iterations (int): Largest number of iterations. Defaults to 1000.
        channels (int): Maps of every layer. Defaults to 128.
        depth (int): Number of halvings; as many as leave 2 pixels in smaller scenes. Defaults to 5.
        lr (float): Learning rate of Adam. Defaults to 0.01.
        tolerance (float): See above. Defaults to 1.5e-5.
        seed (int): Seed of weights and noise. Defaults to 0.

    Returns:
        np.ndarray: float64 scores of shape (H, W), not negative, NaN where not valid.

    Raises:
        ValueError: If no pixel is valid or all are equal, or the scene is too small.
    """
    pixels, valid = valid_pixels(cube, valid)
    low, high = pixels.min(), pixels.max()
    if low == high:
        raise ValueError('all values of the cube are equal: there is no background to learn')
    depth = min(depth, int(np.log2(min(valid.shape))) - 1)
    if depth < 1:
        raise ValueError(f'the scene must have at least 4 x 4 pixels, found {valid.shape[0]} x {valid.shape[1]}')
    scaled = np.zeros((*valid.shape, pixels.shape[1]), np.float32)
    scaled[valid] = (pixels - low) / (high - low)
    scene = torch.from_numpy(scaled.transpose(2, 0, 1).copy())[None]
    inside = torch.from_numpy(valid.astype(np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        residual = _learn(
            scene, inside, BackgroundAutoencoder(pixels.shape[1], channels, depth), iterations, lr, tolerance
        )
    return score_map(residual.numpy().astype(np.float64)[valid], valid)


def _learn(
    scene: Tensor, inside: Tensor, network: BackgroundAutoencoder, iterations: int, lr: float, tolerance: float
) -> Tensor:
    """Squared residuals (H, W) of a scene (1, C, H, W)."""
    noise = 0.1 * torch.rand_like(scene)
    weights, changes, last = inside, [], 0.0
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    for number in range(1, iterations + 1):
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


LEARNT_DETECTORS = {'auto_ad': auto_ad}
"""Anomaly detectors that learn a scene, for minutes: they run where they are named."""
