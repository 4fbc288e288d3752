"""Anomaly detectors: one score per pixel, larger is more anomalous.

All take the cube (H, W, C) and the mask of the valid pixels, use only these for the background, and compute in float64.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg.blas import dsyrk
from scipy.ndimage import label

from .dual_window import check_dual_window, dual_window_batches, over_dual_window_moments
from .inputs import pixel_blocks, score_map, scores_by_block, valid_pixels
from .parallel import over_cores, solve_positive
from .whitening import whitening

_WINDOWS = (7, 15), (15, 23)  # of CRD
WIDER_BY = 14  # pixels, the outer window of local RX than the inner one
_TOP = 0.01  # share of the pixels that are taken for anomalies, to see their size
# Relative to the mean squared norm of the neighbours: keeps the system solvable if a pixel equals a neighbour.
_SMALLEST_PENALTY = 1e-10


def rx(cube: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Global RX detector: the squared Mahalanobis distance of each pixel from the scene.

    s(x) = (x - m)^T S^-1 (x - m) with the mean m and the covariance S of the valid pixels, and the pseudo-inverse where
    S is singular. Source: Reed and Yu, IEEE Trans. Acoust. Speech Signal Process. 38(10), 1990.

    Args:
        cube (np.ndarray): (H, W, C).
        valid (np.ndarray, optional): bool of shape (H, W), True where there is data. By default everywhere.

    Returns:
        np.ndarray: float64 scores of shape (H, W), not negative, NaN where not valid.

    Raises:
        ValueError: If no pixel is valid or all are equal.
    """
    pixels, valid = valid_pixels(cube, valid)
    mean, transform = whitening(pixels, centred=True)

    def distance(block: np.ndarray) -> np.ndarray:
        block -= mean
        white = block @ transform
        return np.einsum('ij,ij->i', white, white)

    return score_map(scores_by_block(pixels, distance), valid)


def local_rx(
    cube: np.ndarray, valid: np.ndarray | None = None, inner: int = 7, outer: int = 21, ridge: float = 1e-3
) -> np.ndarray:
    """Local RX detector: the squared Mahalanobis distance of each pixel from its surroundings.

    s(x) = (x - m)^T (L + ridge S)^-1 (x - m) with the mean m and the covariance L of the neighbours in a dual window,
    and the covariance S of the whole scene. Without the second term L could not be inverted when there are fewer
    neighbours than bands. The score does not depend on the units of the bands. Source: Reed and Yu, IEEE Trans. Acoust.
    Speech Signal Process. 38(10), 1990; the dual window keeps the anomaly itself out of its background.

    Args:
        cube (np.ndarray): (H, W, C).
        valid (np.ndarray, optional): bool of shape (H, W), True where there is data. By default everywhere.
        inner (int): Side of the inner window in pixels, odd, about the size of an anomaly. Defaults to 7.
        outer (int): Side of the outer window in pixels, odd; near the border of the scene the window is shifted inwards
            to keep its size. Defaults to 21.
        ridge (float): Weight of the covariance of the scene, positive. Defaults to 1e-3.

    Returns:
        np.ndarray: float64 scores of shape (H, W), not negative, NaN where not valid.

    Raises:
        ValueError: If a window is even, larger than the scene or not larger than the inner one, ``ridge`` is not
            positive, no pixel is valid, all are equal, or a pixel has fewer than two valid neighbours.
    """
    pixels, valid = valid_pixels(cube, valid)
    check_dual_window(valid, inner, outer)
    if not ridge > 0:
        raise ValueError(f'ridge {ridge}, expected a positive number')
    mean, transform = whitening(pixels, centred=True)
    bands = transform.shape[1]
    # in the whitened space S is the identity
    white = np.zeros((*valid.shape, bands))
    white[valid] = np.concatenate([(block - mean) @ transform for _, block in pixel_blocks(pixels)])
    diagonal = np.arange(bands)

    def distance(count: float, difference: np.ndarray, scatter: np.ndarray) -> float:
        scatter[diagonal, diagonal] += ridge * (count - 1)
        return (count - 1) * (difference @ solve_positive(scatter, difference))

    return over_dual_window_moments(white, valid, inner, outer, distance)


def crd(
    cube: np.ndarray, valid: np.ndarray | None = None, inner: int = 7, outer: int = 15, penalty: float = 1e-2
) -> np.ndarray:
    """Collaborative representation detector: how badly the surroundings represent a pixel.

    The weights a of the neighbours X (C, n) of a pixel y minimise |y~ - X~ a|^2 + penalty |G a|^2, where the diagonal
    matrix G holds the distances |y - x_i|, and y~ and X~ have an additional row of ones, so that the weights sum to
    about one. The score is |y - X a|. The row of ones assumes values up to one: the cube is divided by its largest
    absolute value for the computation, and the score is in the units of the cube. Source: Li and Du, IEEE Trans.
    Geosci. Remote Sens. 53(3), 2015.

    Args:
        cube (np.ndarray): (H, W, C).
        valid (np.ndarray, optional): bool of shape (H, W), True where there is data. By default everywhere.
        inner (int): Side of the inner window in pixels, odd, about the size of an anomaly. Defaults to 7.
        outer (int): Side of the outer window in pixels, odd; near the border of the scene the window is shifted inwards
            to keep its size. Defaults to 15.
        penalty (float): Weight of the second term, positive. Defaults to 1e-2; the paper takes 1e-6, with which the
            neighbours represent anomalies too, and most public scenes score lower.

    Returns:
        np.ndarray: float64 scores of shape (H, W), not negative, NaN where not valid.

    Raises:
        ValueError: If a window is even, larger than the scene or not larger than the inner one, ``penalty`` is not
            positive, no pixel is valid, or a pixel has fewer than two valid neighbours.
    """
    pixels, valid = valid_pixels(cube, valid)
    check_dual_window(valid, inner, outer)
    if not penalty > 0:
        raise ValueError(f'penalty {penalty}, expected a positive number')
    bands = pixels.shape[1]
    largest = max(abs(float(pixels.max())), abs(float(pixels.min()))) or 1.0
    # pixels that are not valid are zero, their row of ones included, and so get no weight
    augmented = np.zeros((valid.size, bands + 1))
    augmented[valid.ravel(), :bands] = pixels / largest
    augmented[valid.ravel(), bands] = 1
    norms = np.square(augmented).sum(axis=1)
    scores = np.empty(valid.size)

    def score(batch: tuple[np.ndarray, np.ndarray]) -> None:
        centres, neighbours = batch
        surroundings, spectra = augmented[neighbours], augmented[centres]
        products = (surroundings @ spectra[..., None])[..., 0]
        distances = norms[neighbours] + norms[centres, None] - 2 * products
        usable = surroundings[..., bands]
        floor = _SMALLEST_PENALTY * norms[neighbours].sum(axis=1) / usable.sum(axis=1)
        penalties = np.maximum(penalty * distances, floor[:, None])
        for centre, spectrum, x, products_of_one, penalties_of_one in zip(
            centres, spectra, surroundings, products, penalties, strict=True
        ):
            residual = _residual(spectrum, x, penalties_of_one, products_of_one)
            scores[centre] = largest * np.linalg.norm(residual[:bands])

    over_cores(score, dual_window_batches(valid, inner, outer, bands), 'CRD')
    return score_map(scores[valid.ravel()], valid)


def fitting_windows(scores: Sequence[np.ndarray]) -> tuple[int, int]:
    """Inner and outer window of CRD that fit the size of the anomalies of a scene, or of the scenes of a set.

    The inner window has to hold an anomaly around each of its pixels, or the anomaly represents itself: 7 pixels
    suffice for objects of up to 4 x 4 pixels, 15 for 8 x 8. The size is that of the connected regions of the 1 % of the
    pixels that a detector without a window scores highest, averaged over these pixels.

    Args:
        scores (Sequence[np.ndarray]): Scores of RX, (H, W) of each scene, NaN where not valid.

    Returns:
        tuple[int, int]: (7, 15), or (15, 23) if the mean size is above 16 pixels and each scene holds a window of 29
        pixels, which local RX takes with the larger inner one.
    """
    small, large = _WINDOWS
    sizes: list[np.ndarray] = []
    for scene in scores:
        known = np.isfinite(scene)
        if known.any():
            top = known & (scene > np.quantile(scene[known], 1 - _TOP))
            sizes.append(np.bincount(label(top, np.ones((3, 3)))[0].ravel())[1:])
    found = np.concatenate(sizes) if sizes else np.zeros(0)
    longest = (small[0] + 1) // 2
    fits = min(min(scene.shape) for scene in scores) >= large[0] + WIDER_BY
    return large if fits and np.square(found).sum() > longest**2 * found.sum() else small


def _residual(y: np.ndarray, x: np.ndarray, penalties: np.ndarray, products: np.ndarray) -> np.ndarray:
    """y - X^T a (C,) for the weights a = (X X^T + P)^-1 X y of the neighbours X (n, C), with the diagonal matrix P.

    The same is (1 + X^T P^-1 X)^-1 y (Woodbury's identity), a system of C equations instead of n. The smaller is
    solved.
    """
    if len(y) <= len(x):
        matrix = dsyrk(1.0, (x * (1 / np.sqrt(penalties))[:, None]).T, lower=1)
        matrix[np.diag_indices(len(y))] += 1
        return solve_positive(matrix, y)
    matrix = dsyrk(1.0, x.T, trans=1, lower=1)
    matrix[np.diag_indices(len(x))] += penalties
    return y - solve_positive(matrix, products) @ x


ANOMALY_DETECTORS = {'rx': rx, 'local_rx': local_rx, 'crd': crd}
