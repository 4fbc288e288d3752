"""Spatially smoothed bands: the simplest way to give a pixel classifier information on the neighbours of a pixel."""

import numpy as np
from scipy import ndimage


def smoothed_cube(cube: np.ndarray, valid: np.ndarray, sigma: float) -> np.ndarray:
    """Mean of each band around every pixel, weighted by a Gaussian; pixels without data are ignored.

    Smoothed components of principal component analysis are a simple relative of the extended morphological profiles of
    Benediktsson et al. (IEEE TGRS 43(3), 2005).

    Args:
        cube (np.ndarray): Values (H, W, C).
        valid (np.ndarray): bool (H, W), where there is data.
        sigma (float): Standard deviation of the Gaussian in pixels, which is cut off at 4 sigma; 0 means no smoothing.

    Returns:
        np.ndarray: float32 (H, W, C), 0 without data.

    Raises:
        ValueError: If sigma is negative.
    """
    if sigma < 0:
        raise ValueError(f'sigma must not be negative, found {sigma}')
    values = np.where(valid[..., None], cube, 0).astype(np.float32)
    if sigma == 0:
        return values
    weight = ndimage.gaussian_filter(valid.astype(np.float64), sigma, mode='constant')
    summed = ndimage.gaussian_filter(values, (sigma, sigma, 0), mode='constant')
    with np.errstate(divide='ignore', invalid='ignore'):
        return np.where(valid[..., None], summed / weight[..., None], 0).astype(np.float32)
