"""Random changes of a training window: rotation by quarter turns, noise.

For flips use ``mmcv.RandomFlip`` (``type='RandomFlip'``), which works with any number of bands.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmhsi.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomRotate90(BaseTransform):
    """Rotates 'img' and, if present, 'gt_seg_map' by a random number of quarter turns.

    Adds the key 'rotate90', the number of counter-clockwise quarter turns. The window must be square.

    Args:
        turns (Sequence[int]): The numbers to draw from, with equal probability. Defaults to (0, 1, 2, 3); the published
            multispectral change detection of HyperSIGMA never leaves a crop as it is, (1, 2, 3).

    Raises:
        ValueError: If there is no number or one outside 0 to 3, or if the window is not square.
    """

    only_turns = True
    """Whether images are only turned and mirrored: filters that are alike in all directions may come before or after.
    Transforms without this attribute do more."""

    def __init__(self, turns: Sequence[int] = (0, 1, 2, 3)):
        if not len(turns) or not set(turns) <= {0, 1, 2, 3}:
            raise ValueError(f'turns must be numbers of quarter turns from 0 to 3, found {turns}')
        self.turns = tuple(turns)

    def transform(self, results: dict) -> dict:
        """Rotate 'img' of shape (H, W, C) and 'gt_seg_map' of shape (H, W)."""
        height, width = results['img'].shape[:2]
        if height != width:
            raise ValueError(f'RandomRotate90 needs square windows, not {height} x {width}')
        turns = self.turns[np.random.randint(len(self.turns))]
        results['rotate90'] = turns
        for key in ('img', 'gt_seg_map'):
            if turns and key in results:
                results[key] = np.ascontiguousarray(np.rot90(results[key], turns))
        return results


@TRANSFORMS.register_module()
class RandomBandNoise(BaseTransform):
    """Adds Gaussian noise to every value of 'img'.

    Args:
        sigma (float): Standard deviation of the noise, in the units of the preprocessed values; whitened components
            have variance 1, so 0.1 is a tenth of their spread. Defaults to 0.1.
        prob (float): Probability that a window is changed. Defaults to 0.5.
    """

    def __init__(self, sigma: float = 0.1, prob: float = 0.5):
        if not 0 <= prob <= 1:
            raise ValueError(f'prob must lie in [0, 1], not {prob}')
        self.sigma = sigma
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Add noise to 'img' of shape (H, W, C)."""
        if np.random.rand() < self.prob:
            image = results['img']
            results['img'] = image + np.random.normal(0.0, self.sigma, image.shape).astype(image.dtype)
        return results
