"""Auto-AD: a network learns the background of one scene; what it cannot reconstruct is anomalous."""

from __future__ import annotations

import numpy as np

from .inputs import score_map, valid_pixels


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
    """Auto-AD: the squared residual of each pixel of a network that reconstructs the scene from noise.

    The network starts from random weights; its input is fixed uniform noise, to which new noise is added in every
    iteration. It learns the scene, scaled to [0, 1], with the squared error. Every 100 iterations pixels with large
    residuals get smaller weights in the loss, so that anomalies are not learnt. Training ends when the loss changes by
    less than ``tolerance`` on average over 50 iterations. Source: Wang et al., IEEE Trans. Geosci. Remote Sens. 60,
    2022.

    Args:
        cube (np.ndarray): (H, W, C), sides of at least 4 pixels.
        valid (np.ndarray, optional): bool of shape (H, W), True where there is data. By default everywhere.
        iterations (int): Largest number of iterations. Defaults to 1000.
        channels (int): Maps of every layer. Defaults to 128.
        depth (int): Number of downsampling steps; fewer in small scenes, so that 2 pixels are left. Defaults to 5.
        lr (float): Learning rate of Adam. Defaults to 0.01.
        tolerance (float): See above. Defaults to 1.5e-5.
        seed (int): Seed of weights and noise. Defaults to 0.

    Returns:
        np.ndarray: float64 scores of shape (H, W), not negative, NaN where not valid.

    Raises:
        ValueError: If no pixel is valid or all are equal, or the scene is too small.
    """
    pixels, valid = valid_pixels(cube, valid)
    pixels = pixels.astype(np.float64)
    low, high = pixels.min(), pixels.max()
    if low == high:
        raise ValueError('all values of the cube are equal: there is no background to learn')
    depth = min(depth, int(np.log2(min(valid.shape))) - 1)
    if depth < 1:
        raise ValueError(f'the scene must have at least 4 x 4 pixels, found {valid.shape[0]} x {valid.shape[1]}')
    scaled = np.zeros((*valid.shape, pixels.shape[1]), np.float32)
    scaled[valid] = (pixels - low) / (high - low)
    import torch

    from .background_autoencoder import BackgroundAutoencoder, learn_background

    scene = torch.from_numpy(scaled.transpose(2, 0, 1).copy())[None]
    inside = torch.from_numpy(valid.astype(np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        residual = learn_background(
            scene, inside, BackgroundAutoencoder(pixels.shape[1], channels, depth), iterations, lr, tolerance
        )
    return score_map(residual.numpy().astype(np.float64)[valid], valid)


LEARNT_DETECTORS = {'auto_ad': auto_ad}
"""Anomaly detectors that train on a scene for minutes: they run only if they are named."""
