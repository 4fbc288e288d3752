"""Gaussian means of several widths around the middle of a window."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from mmcv.transforms import BaseTransform

from mmhsi.registry import TRANSFORMS


@lru_cache(maxsize=64)
def _means(length: int, size: int, sigma: float) -> np.ndarray:
    """Weights (size, length) of the Gaussian means around the ``size`` middle places of ``length``; rows sum to 1."""
    middle = np.arange(size) + (length - size) // 2
    weights = np.exp(-0.5 * ((np.arange(length) - middle[:, None]) / sigma)**2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


@TRANSFORMS.register_module()
class SmoothWindow(BaseTransform):
    """Replaces 'img' by Gaussian means of several widths around each of its middle pixels, stacked as bands.

    A network then needs to look at few pixels and still sees a wide neighbourhood, without the noise of single pixels:
    the scale space of Witkin (IJCAI 1983), per band. The window ends the Gaussians; what of them lies inside has sum 1.

    Args:
        sigmas (Sequence[float]): Standard deviations of the Gaussians in pixels.
        size (int): Height and width of the result.
    """

    def __init__(self, sigmas: Sequence[float], size: int):
        if not sigmas or min(sigmas) <= 0:
            raise ValueError(f'sigmas must be positive and at least one, found {tuple(sigmas)}')
        self.sigmas = tuple(sigmas)
        self.size = size

    def transform(self, results: dict) -> dict:
        """Turn 'img' (h, w, C) into (size, size, C * len(sigmas)), the narrowest Gaussian's bands as given first."""
        image = results['img']
        height, width, bands = image.shape
        if min(height, width) < self.size:
            raise ValueError(f'SmoothWindow is to give {self.size} x {self.size} pixels, but the window has '
                             f'{height} x {width}')
        over_rows = np.concatenate([_means(height, self.size, sigma) for sigma in self.sigmas])
        rows = (over_rows @ image.reshape(height, -1)).reshape(len(self.sigmas), self.size, width, bands)
        smoothed = [np.matmul(_means(width, self.size, sigma), part)
                    for sigma, part in zip(self.sigmas, rows, strict=True)]
        results['img'] = np.concatenate(smoothed, axis=-1)
        results['img_shape'] = (self.size, self.size)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(sigmas={self.sigmas}, size={self.size})'
