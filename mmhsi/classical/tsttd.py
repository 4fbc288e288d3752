"""TSTTD: a network learns to distinguish mixtures with the target spectrum from the pixels of one scene."""

from __future__ import annotations

import numpy as np

from .inputs import checked_target, score_map, valid_pixels


def tsttd(
    cube: np.ndarray,
    target: np.ndarray,
    valid: np.ndarray | None = None,
    iterations: int = 3000,
    group_size: int = 20,
    stride: int = 1,
    channels: int = 128,
    num_layers: int = 4,
    batch_size: int = 64,
    lr: float = 2e-4,
    seed: int = 0,
) -> np.ndarray:
    """Triplet spectralwise transformer: the cosine between the features of a pixel and of the target spectrum.

    The scene is scaled to [0, 1]. In each iteration a network sees random pixels as background, mixtures of other
    pixels (up to a tenth) with the target spectrum as targets, and the target spectrum itself. It learns to give the
    mixtures features like those of the target, with a triplet loss of cosines and a cross-entropy. The few targets of
    the scene that it sees as background do not matter. No label is used. The paper chooses the best of 20 epochs by the
    labels; here the last iteration counts. Source: Jiao et al., IEEE Trans. Geosci. Remote Sens. 61, 2023.

    Args:
        cube (np.ndarray): (H, W, C).
        target (np.ndarray): Spectrum d of shape (C,) in the units of the cube.
        valid (np.ndarray, optional): bool of shape (H, W), True where there is data. By default everywhere.
        iterations (int): Number of iterations. Defaults to 3000, about 20 epochs of 10 000 pixels.
        group_size (int): Neighbouring bands of a token. Defaults to 20.
        stride (int): Bands between tokens; more than 1 saves time. Defaults to 1, a token for each band.
        channels (int): Width of the tokens. Defaults to 128.
        num_layers (int): Layers of the transformer. Defaults to 4.
        batch_size (int): Background pixels, and mixtures, of an iteration. Defaults to 64.
        lr (float): Largest learning rate of AdamW, which is reached after a tenth of the iterations from half of it and
            then falls to zero along a cosine. Defaults to 2e-4.
        seed (int): Seed of weights and batches. Defaults to 0.

    Returns:
        np.ndarray: float64 scores of shape (H, W) from -1 to 1, NaN where not valid.

    Raises:
        ValueError: If the target is zero or has another number of bands, no pixel is valid, or all are equal.
    """
    pixels, valid = valid_pixels(cube, valid)
    target = checked_target(target, pixels.shape[1])
    pixels = pixels.astype(np.float64)
    low, high = pixels.min(), pixels.max()
    if low == high:
        raise ValueError('all values of the cube are equal: there is no background to learn')
    import torch

    from .spectral_group_transformer import SpectralGroupTransformer, learn_target, target_cosines

    scaled = torch.from_numpy(((pixels - low) / (high - low)).astype(np.float32))
    prior = torch.from_numpy(((target - low) / (high - low)).astype(np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SpectralGroupTransformer(pixels.shape[1], group_size, stride, channels, num_layers)
        learn_target(network, scaled, prior, iterations, batch_size, lr)
        cosines = target_cosines(network, scaled, prior)
    return score_map(cosines.numpy().astype(np.float64), valid)


LEARNT_TARGET_DETECTORS = {'tsttd': tsttd}
"""Target detectors that train on a scene for minutes: they run only if they are named."""
