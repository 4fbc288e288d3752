"""Inverse square roots of covariance and correlation matrices that may be singular."""

from __future__ import annotations

import numpy as np

from .inputs import sum_by_block

SMALLEST_EIGENVALUE = 1e-12
"""Share of the largest eigenvalue below which a direction counts as empty."""
CONSTANT = 1e-12
"""Relative deviation of a band up to which it counts as constant."""


def whitening(pixels: np.ndarray, centred: bool, loading: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Linear map W with W^T M W = I for the second moments M of pixels: pixels times W have M = I.

    M is the covariance (divided by N - 1) of centred pixels, or the correlation matrix (1/N) sum of x x^T. A quadratic
    form a^T M^-1 b becomes the scalar product of W^T a and W^T b. Bands are scaled to a unit diagonal of M first, so
    that the units of a band do not matter. If M is singular, its pseudo-inverse replaces the inverse: bands without any
    variation, and directions with less than 1e-12 of the largest eigenvalue of the scaled M, are left out.

    Args:
        pixels (np.ndarray): Real numbers of shape (N, C); computed in float64.
        centred (bool): Whether to subtract the mean.
        loading (float): Diagonal loading, in medians of the eigenvalues of the scaled M: it is added to all of them, so
            that W is bounded in directions of little variance. Defaults to 0: W whitens.

    Returns:
        tuple[np.ndarray, np.ndarray]: The mean of shape (C,), zero if not ``centred``, and W of shape (C, r), with r
        the rank of M.

    Raises:
        ValueError: If a covariance is requested but all pixels are equal, or if all are zero.
    """
    count, bands = pixels.shape
    mean = sum_by_block(pixels, lambda block: block.sum(axis=0)) / count if centred else np.zeros(bands)

    def products(block: np.ndarray) -> np.ndarray:
        if centred:
            block -= mean
        return block.T @ block

    moments = sum_by_block(pixels, products)
    scale = np.sqrt(np.diagonal(moments) / count)
    varied = scale > CONSTANT * np.hypot(scale, mean)
    if not varied.any():
        raise ValueError(
            f'all {count} valid pixels are equal, there is no covariance'
            if centred
            else 'all valid pixels are zero in every band'
        )
    # W of the unscaled matrix is that of the scaled one, divided by the scale band by band
    scaled = moments[np.ix_(varied, varied)] / (count - centred) / np.outer(scale[varied], scale[varied])
    eigenvalues, eigenvectors = np.linalg.eigh(scaled)
    kept = eigenvalues > SMALLEST_EIGENVALUE * eigenvalues[-1]
    loaded = eigenvalues[kept] + loading * np.median(eigenvalues[kept])
    transform = np.zeros((bands, np.count_nonzero(kept)))
    transform[varied] = eigenvectors[:, kept] / np.sqrt(loaded) / scale[varied, None]
    return mean, transform
