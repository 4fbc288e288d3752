"""Make the low-resolution image for super-resolution from the true one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from mmcv.transforms import BaseTransform
from scipy.ndimage import gaussian_filter

from mmhsi.registry import TRANSFORMS
from mmhsi.utils.imresize import imresize


@TRANSFORMS.register_module()
class BicubicDegradation(BaseTransform):
    """Downsamples the true image with the antialiased bicubic method of MATLAB, and upsamples the result with the same.

    'gt' (H, W, C), of a float type, is kept; 'img' (H / s, W / s, C) and 'enlarged' (H, W, C) of the same type are made
    from it. Both steps use :func:`mmhsi.utils.imresize.imresize`; nothing is clipped, so values may slightly exceed the
    range of the true image at edges.

    Published data for hyperspectral super-resolution are made without blur and noise, which is the default. For other
    sensors, the true image is first blurred, then downsampled, and then noise is added, which 'enlarged' shares.

    Args:
        scale (int): Factor s for both sides, at least 2.
        blur (float): Standard deviation of a Gaussian blur in pixels of the true image, whose border is mirrored,
            including its last pixel. Defaults to 0, no blur.
        noise (dict | Callable, optional): Config of a noise of 'img', e.g. ``dict(type='GaussianNoise', sigma=5)``, see
            :mod:`mmhsi.datasets.transforms.noise`. Defaults to None.

    Raises:
        ValueError: If the scale does not divide both sides of the true image, or the image is not a cube of a float
            type.
    """

    def __init__(self, scale: int, blur: float = 0.0, noise: Mapping | BaseTransform | None = None):
        if scale != int(scale) or scale < 2:
            raise ValueError(f'scale must be a whole number of at least 2, not {scale}')
        if not 0 <= blur < np.inf:
            raise ValueError(f'blur must be a standard deviation in pixels, not {blur}')
        self.scale = int(scale)
        self.blur = blur
        self.noise = TRANSFORMS.build(noise) if isinstance(noise, Mapping) else noise

    def transform(self, results: dict) -> dict:
        """Make 'img' and 'enlarged' from 'gt'."""
        truth = results['gt']
        if truth.ndim != 3 or truth.dtype.kind != 'f':
            raise ValueError(
                f'BicubicDegradation takes a cube (H, W, C) of a float type, not {truth.dtype} of shape {truth.shape}'
            )
        height, width = truth.shape[:2]
        if height % self.scale or width % self.scale:
            fitting = [side - side % self.scale for side in (height, width)]
            raise ValueError(
                f'BicubicDegradation by {self.scale}: the true image has {height} x {width} pixels, of '
                f'which {self.scale} does not divide both sides; take a crop or an area of multiples of '
                f'{self.scale}, here at most {fitting[0]} x {fitting[1]}'
            )
        if self.blur:
            truth = gaussian_filter(truth, (self.blur, self.blur, 0), mode='reflect')
        results['img'] = imresize(truth, size=(height // self.scale, width // self.scale))
        if self.noise is not None:
            results = self.noise(results)
        results['enlarged'] = imresize(results['img'], self.scale)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(scale={self.scale}, blur={self.blur}, noise={self.noise})'
