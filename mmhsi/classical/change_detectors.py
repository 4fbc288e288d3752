"""Change detectors for two co-registered dates: each function returns the intensity of change of each pixel.

All take the two cubes (H, W, C) and the mask of the pixels that are valid on both dates, and compute in float64.
Radiometric normalisation of the dates is up to the caller; only :func:`isfa` is not affected by it.
:func:`change_threshold` turns an intensity into a binary map.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.special import chdtrc

from mmhsi.utils.progress import progress_bar

from .inputs import pixel_blocks, score_map, valid_mask
from .whitening import CONSTANT, SMALLEST_EIGENVALUE

_OUTLIER = 4.0  # robust standard deviations above the median
_FREQUENT = 1 / 3  # share of changed pixels by Otsu's rule above which the median is no longer that of unchanged pixels
_DEVIATION = 1.4826  # standard deviation of a normal distribution in median absolute deviations
_THRESHOLDS = ('robust', 'otsu', 'li', 'triangle')


def cva(first: np.ndarray, second: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Change vector analysis: the length of the difference of the two spectra of each pixel.

    s = |x2 - x1|. Source: Malila, Change vector analysis: an approach for detecting forest changes with Landsat, Proc.
    Machine Processing of Remotely Sensed Data, 1980.

    Args:
        first (np.ndarray): First date, (H, W, C).
        second (np.ndarray): Second date, (H, W, C).
        valid (np.ndarray, optional): bool of shape (H, W), True where both dates hold data. By default everywhere.

    Returns:
        np.ndarray: float64 of shape (H, W), not negative, NaN where not valid.

    Raises:
        ValueError: If the dates have different shapes, or no pixel is valid.
    """
    first, second, valid = _checked_pair(first, second, valid)
    blocks = zip(pixel_blocks(first[valid]), pixel_blocks(second[valid]), strict=True)
    lengths = [np.linalg.norm(later - earlier, axis=1) for (_, earlier), (_, later) in blocks]
    return score_map(np.concatenate(lengths), valid)


def isfa(
    first: np.ndarray,
    second: np.ndarray,
    valid: np.ndarray | None = None,
    max_iterations: int = 50,
    tolerance: float = 1e-6,
) -> np.ndarray:
    """Iterative slow feature analysis: distance between the dates in the features that changed least over the scene.

    Both dates are standardised band by band. With the difference d of a pixel, A = mean of d d^T and B = the mean of
    the covariances of the dates, the slow features w solve A w = l B w, and the chi-square distance T is the sum over
    them of (w^T d)^2 / l. All means are weighted by the probability that a chi-square variable exceeds the T of a
    pixel, so that changed pixels lose their influence, and this is repeated until the eigenvalues l converge. Features
    in which the scene does not vary (B is singular) are left out. The intensity is the square root of T, because the
    long tail of T would mislead :func:`change_threshold`; like that of :func:`cva`, it is the length of a difference.
    It does not depend on the gain and offset of a band on either date. Source: Wu, Du and Zhang, IEEE Trans. Geosci.
    Remote Sens. 52(5), 2014.

    Args:
        first (np.ndarray): First date, (H, W, C).
        second (np.ndarray): Second date, (H, W, C).
        valid (np.ndarray, optional): bool of shape (H, W), True where both dates hold data. By default everywhere.
        max_iterations (int): Largest number of iterations; 1 is plain slow feature analysis. Defaults to 50.
        tolerance (float): Largest change of an eigenvalue at convergence. Defaults to 1e-6.

    Returns:
        np.ndarray: float64 of shape (H, W), not negative, NaN where not valid. Without change, its square follows the
        chi-square distribution with as many degrees of freedom as there are features (C, if B is regular).

    Raises:
        ValueError: If the dates have different shapes, no pixel is valid, a date is the same in all valid pixels, or
            ``max_iterations`` is less than 1.
    """
    first, second, valid = _checked_pair(first, second, valid)
    if max_iterations < 1:
        raise ValueError(f'max_iterations is {max_iterations}, expected at least 1')
    dates = first[valid], second[valid]
    weights, previous = np.ones(len(dates[0])), None
    for _ in progress_bar(range(max_iterations), 'ISFA', 'iterations', after=2.0):
        centres, gains = zip(*(_standardisation(date, weights) for date in dates), strict=True)
        for name, gain in zip(('first', 'second'), gains, strict=True):
            if not gain.any():
                raise ValueError(f'the {name} date is the same in all valid pixels, there is nothing to compare')
        features, eigenvalues = _slow_features(dates, centres, gains, weights)
        distances = np.concatenate(
            [
                (np.square((later - earlier) @ features) / eigenvalues).sum(axis=1)
                for _, earlier, later in _standardised(dates, centres, gains)
            ]
        )
        settled = (
            previous is not None
            and len(previous) == len(eigenvalues)
            and np.abs(eigenvalues - previous).max() < tolerance
        )
        weights, previous = chdtrc(len(eigenvalues), distances), eigenvalues
        # with fewer weighted pixels than features, no covariance can be estimated
        if settled or weights.sum() <= len(eigenvalues):
            break
    return score_map(np.sqrt(distances), valid)


Pair = tuple[np.ndarray, np.ndarray]


def _standardisation(pixels: np.ndarray, weights: np.ndarray) -> Pair:
    """Weighted means (C,) and inverse standard deviations (C,) of bands, 0 for a band without variation."""
    bands = pixels.shape[1]
    mean, variance, largest = np.zeros(bands), np.zeros(bands), np.zeros(bands)
    for part, block in pixel_blocks(pixels):
        mean += weights[part] @ block
        largest = np.maximum(largest, np.abs(block).max(axis=0))
    mean /= weights.sum()
    for part, block in pixel_blocks(pixels):
        variance += weights[part] @ np.square(block - mean)
    deviation = np.sqrt(variance / weights.sum())
    varied = deviation > CONSTANT * largest
    return mean, np.where(varied, 1 / np.where(varied, deviation, 1), 0)


def _standardised(dates: Pair, centres: Pair, gains: Pair) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    for (part, earlier), (_, later) in zip(pixel_blocks(dates[0]), pixel_blocks(dates[1]), strict=True):
        yield part, (earlier - centres[0]) * gains[0], (later - centres[1]) * gains[1]


def _slow_features(dates: Pair, centres: Pair, gains: Pair, weights: np.ndarray) -> Pair:
    """Features (C, r) of the standardised difference, of unit variance on average over the dates, and eigenvalues."""
    bands = dates[0].shape[1]
    differences, sums = np.zeros((bands, bands)), np.zeros((bands, bands))
    for part, earlier, later in _standardised(dates, centres, gains):
        root = np.sqrt(weights[part, None])
        for moments, block in ((differences, (later - earlier) * root), (sums, (later + earlier) * root)):
            moments += block.T @ block
    differences, sums = differences / weights.sum(), sums / weights.sum()
    # x x^T + y y^T = ((x + y)(x + y)^T + (x - y)(x - y)^T) / 2
    eigenvalues, vectors = np.linalg.eigh((sums + differences) / 4)
    kept = eigenvalues > SMALLEST_EIGENVALUE * eigenvalues[-1]
    white = vectors[:, kept] / np.sqrt(eigenvalues[kept])
    eigenvalues, vectors = np.linalg.eigh(white.T @ differences @ white)
    # a feature that is equal on both dates has no variance to be scaled by; only rounding errors are left of it
    return white @ vectors, np.maximum(eigenvalues, SMALLEST_EIGENVALUE)


def pca_cva(
    first: np.ndarray,
    second: np.ndarray,
    valid: np.ndarray | None = None,
    block: int = 5,
    components: int = 3,
    seed: int = 0,
) -> np.ndarray:
    """PCA and k-means on blocks of change vector lengths.

    The lengths of :func:`cva` in the block around each pixel are projected onto the leading principal components of the
    blocks that tile the scene without overlap, and k-means finds two clusters of these features. The intensity is the
    position along the line between their centres: 0 at the centre of the cluster of the smaller mean length
    (unchanged), 1 at that of the larger, so the threshold 0.5 separates the two clusters. Pixels that are not valid
    take the value of the nearest valid one inside a block. Source: Celik, IEEE Geosci. Remote Sens. Lett. 6(4), 2009,
    for a single band; here the length of the change vector replaces the difference image.

    Args:
        first (np.ndarray): First date, (H, W, C).
        second (np.ndarray): Second date, (H, W, C).
        valid (np.ndarray, optional): bool of shape (H, W), True where both dates hold data. By default everywhere.
        block (int): Side of a block in pixels, odd. Defaults to 5.
        components (int): Number of principal components, 1 to block * block. Defaults to 3.
        seed (int): Seed of k-means. Defaults to 0.

    Returns:
        np.ndarray: float64 of shape (H, W), NaN where not valid; 0 everywhere if all lengths are equal.

    Raises:
        ValueError: If the dates have different shapes, no pixel is valid, the block is even or larger than the scene,
            or there are too many components.
    """
    lengths = cva(first, second, valid)
    valid = ~np.isnan(lengths)
    if block < 1 or block % 2 == 0 or block > min(lengths.shape):
        raise ValueError(
            f'the block has the side {block}, expected an odd number up to the side of the scene of '
            f'{lengths.shape[0]} x {lengths.shape[1]} pixels'
        )
    if not 1 <= components <= block * block:
        raise ValueError(
            f'{components} components were requested; blocks of {block} x {block} pixels have 1 to {block * block}'
        )
    if np.ptp(lengths[valid]) == 0:
        return score_map(np.zeros(np.count_nonzero(valid)), valid)
    nearest = distance_transform_edt(~valid, return_distances=False, return_indices=True)
    padded = np.pad(lengths[tuple(nearest)], block // 2, mode='symmetric')
    blocks = np.lib.stride_tricks.sliding_window_view(padded, (block, block))
    own: np.ndarray = np.lib.stride_tricks.sliding_window_view(np.pad(valid, block // 2), (block, block))
    own = np.all(own, axis=(2, 3))
    tiles = blocks[block // 2 :: block, block // 2 :: block][own[block // 2 :: block, block // 2 :: block]]
    # a small or patchy scene may have too few complete blocks to find the components
    tiles = tiles if len(tiles) > block * block else blocks[valid]
    tiles = tiles.reshape(len(tiles), -1)
    mean = tiles.mean(axis=0)
    basis = np.linalg.eigh(np.cov(tiles, rowvar=False).reshape(block * block, block * block))[1][:, -components:]
    features = (blocks[valid].reshape(-1, block * block) - mean) @ basis
    from sklearn.cluster import KMeans  # takes seconds to import

    clusters = KMeans(2, n_init=10, random_state=seed).fit(features)
    changed = int(lengths[valid][clusters.labels_ == 1].mean() > lengths[valid][clusters.labels_ == 0].mean())
    unchanged_centre, changed_centre = clusters.cluster_centers_[[1 - changed, changed]]
    line = changed_centre - unchanged_centre
    return score_map((features - unchanged_centre) @ line / (line @ line), valid)


def change_threshold(intensity: np.ndarray, valid: np.ndarray | None = None, method: str = 'robust') -> float:
    """Threshold that divides an intensity of change into unchanged (up to it) and changed (above it).

    'robust' is the median plus four times the median absolute deviation, scaled to a standard deviation. A few very
    large intensities, such as clouds, do not move it. If Otsu's rule marks a third of the pixels or more, changes are
    not rare, and its threshold is used instead. The other methods are the functions of ``skimage.filters``; if there
    are clouds, Otsu's rule separates these from everything else.

    Args:
        intensity (np.ndarray): Any shape; NaN where not valid.
        valid (np.ndarray, optional): bool of the same shape. By default all but NaN.
        method (str): 'robust', 'otsu', 'li' or 'triangle'. Defaults to 'robust'.

    Returns:
        float: The threshold; the common value if all are equal, so that nothing counts as changed.

    Raises:
        ValueError: If the method is unknown, no pixel is valid, or a valid intensity is NaN or infinite.
    """
    if method not in _THRESHOLDS:
        raise ValueError(f'the method is {method!r}, expected one of {", ".join(_THRESHOLDS)}')
    intensity = np.asarray(intensity, np.float64)
    valid = ~np.isnan(intensity) if valid is None else np.asarray(valid)
    if valid.shape != intensity.shape or valid.dtype != bool:
        raise ValueError(
            f'the mask of valid pixels is {valid.dtype} of the shape {valid.shape}, expected bool of the '
            f'shape {intensity.shape} of the intensity'
        )
    values = intensity[valid]
    if not values.size:
        raise ValueError('the intensity of change has no valid pixel')
    if not np.isfinite(values).all():
        raise ValueError('the intensity of change holds NaN or infinity in valid pixels')
    if np.ptp(values) == 0:
        return float(values[0])
    filters = importlib.import_module('skimage.filters')  # takes long to import
    if method != 'robust':
        return float(getattr(filters, f'threshold_{method}')(values))
    otsu = float(filters.threshold_otsu(values))
    if np.mean(values > otsu) >= _FREQUENT:
        return otsu
    median = np.median(values)
    return float(median + _OUTLIER * _DEVIATION * np.median(np.abs(values - median)))


def _checked_pair(
    first: np.ndarray, second: np.ndarray, valid: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape:
        raise ValueError(f'the first date has the shape {first.shape}, the second {second.shape}; expected the same')
    valid = valid_mask(first, valid, 'the first date')
    return first, second, valid_mask(second, valid, 'the second date')


CHANGE_DETECTORS = {'cva': cva, 'isfa': isfa, 'pca_cva': pca_cva}
