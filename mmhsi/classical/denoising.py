"""Classical denoising of a cube: wavelet shrinkage, low rank across the bands, both, and low rank with outliers.

All functions take a noisy cube (H, W, C) without missing values, compute in float64, and estimate the noise from the
cube itself.
"""

from __future__ import annotations

import numpy as np
import pywt
from scipy.special import ndtri

from mmhsi.utils.progress import progress_bar

from .inputs import valid_mask

_SMALLEST_SIDE = 8  # pixels, for a wavelet decomposition
_FILTERING = 0.8  # strength of non-local means in standard deviations of the noise


def _checked(cube: np.ndarray) -> np.ndarray:
    cube = np.asarray(cube)
    valid_mask(cube, None, 'the noisy cube')
    if min(cube.shape[:2]) < _SMALLEST_SIDE:
        raise ValueError(
            f'the noisy cube has {cube.shape[0]} x {cube.shape[1]} pixels, at least {_SMALLEST_SIDE} x '
            f'{_SMALLEST_SIDE} are needed'
        )
    return cube.astype(np.float64)


def noise_sigmas(cube: np.ndarray) -> np.ndarray:
    """Standard deviation of the noise of each band: the median of its finest diagonal wavelet coefficients / 0.6745.

    Source: Donoho, Johnstone, Ideal spatial adaptation by wavelet shrinkage, Biometrika 81(3), 1994.

    Args:
        cube (np.ndarray): (H, W, C), at least 8 x 8 pixels.

    Returns:
        np.ndarray: float64 (C,), 0 for a band without noise.

    Raises:
        ValueError: If the cube is not three-dimensional, holds non-finite or complex values, or is too small.
    """
    cube = _checked(cube)
    details = np.abs(pywt.dwtn(cube, 'db2', axes=(0, 1))['dd'])
    sigmas = np.zeros(cube.shape[-1])
    for band in np.flatnonzero(np.ptp(cube, axis=(0, 1)) > 0):
        found = details[..., band][details[..., band] > 0]
        sigmas[band] = np.median(found) / ndtri(0.75) if found.size else 0.0
    return sigmas


def wavelet(cube: np.ndarray) -> np.ndarray:
    """Shrink the wavelet coefficients of each band separately (BayesShrink, soft, Daubechies 2).

    Source: Chang, Yu, Vetterli, Adaptive wavelet thresholding for image denoising and compression, IEEE TIP 9(9), 2000;
    scikit-image's ``denoise_wavelet``.

    Args:
        cube (np.ndarray): (H, W, C), at least 8 x 8 pixels.

    Returns:
        np.ndarray: float64 (H, W, C).

    Raises:
        ValueError: As :func:`noise_sigmas`.
    """
    return _shrink(_checked(cube), noise_sigmas(cube))


def _shrink(cube: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    from skimage.restoration import denoise_wavelet  # takes long to import

    denoised = cube.copy()
    for band in np.flatnonzero(sigmas > 0):
        denoised[..., band] = denoise_wavelet(
            cube[..., band], sigma=sigmas[band], wavelet='db2', mode='soft', method='BayesShrink', rescale_sigma=False
        )
    return denoised


def singular_value_threshold(pixels: int, bands: int) -> float:
    r"""Optimal threshold for singular values of a matrix with unit white noise.

    .. math:: \lambda(\beta) \sqrt{n}, \quad
        \lambda(\beta) = \sqrt{2 (\beta + 1) + \frac{8 \beta}{\beta + 1 + \sqrt{\beta^2 + 14 \beta + 1}}}

    with n the longer side and :math:`\beta` the shorter side over the longer. Source: Gavish, Donoho, The optimal hard
    threshold for singular values is 4/sqrt(3), IEEE Transactions on Information Theory 60(8), 2014, equation 11.
    """
    shorter, longer = sorted((pixels, bands))
    beta = shorter / longer
    factor = 2 * (beta + 1) + 8 * beta / (beta + 1 + np.sqrt(beta**2 + 14 * beta + 1))
    return float(np.sqrt(factor * longer))


def _components(cube: np.ndarray, rank: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images (H, W, r) and directions (r, C) of the leading components of the whitened cube, mean (C,), scale (C,)."""
    height, width, bands = cube.shape
    sigmas = noise_sigmas(cube)
    # bands without noise are whitened as if they had a hundredth of the median noise
    scale = np.maximum(sigmas, max(0.01 * np.median(sigmas), 1e-6 * max(float(np.ptp(cube)), 1e-12)))
    mean = cube.mean(axis=(0, 1))
    pixels = ((cube - mean) / scale).reshape(-1, bands)
    values, directions = np.linalg.eigh(pixels.T @ pixels)
    values, directions = values[::-1], directions[:, ::-1].T
    if rank is None:
        rank = max(int(np.count_nonzero(np.sqrt(np.maximum(values, 0)) > singular_value_threshold(*pixels.shape))), 1)
    elif not 1 <= rank <= bands:
        raise ValueError(f'the rank must lie between 1 and {bands}, the number of bands, not {rank}')
    directions = directions[:rank]
    return (pixels @ directions.T).reshape(height, width, rank), directions, mean, scale


def low_rank(cube: np.ndarray, rank: int | None = None) -> np.ndarray:
    """Keep the leading principal components of the cube after scaling its bands to unit noise.

    Args:
        cube (np.ndarray): (H, W, C), at least 8 x 8 pixels.
        rank (int, optional): Number of components, 1 to C. By default those with a singular value above
            :func:`singular_value_threshold`, at least 1.

    Returns:
        np.ndarray: float64 (H, W, C).

    Raises:
        ValueError: As :func:`noise_sigmas`, and if the rank is out of range.
    """
    images, directions, mean, scale = _components(_checked(cube), rank)
    return images @ directions * scale + mean


def low_rank_wavelet(cube: np.ndarray, rank: int | None = None) -> np.ndarray:
    """:func:`low_rank` whose component images, in which the noise has deviation 1, are denoised by :func:`wavelet`.

    The idea is that of Zhuang, Bioucas-Dias, Fast hyperspectral image denoising and inpainting based on low-rank and
    sparse representations, IEEE JSTARS 11(3), 2018, with wavelet shrinkage instead of BM3D.

    Args:
        cube (np.ndarray): (H, W, C), at least 8 x 8 pixels.
        rank (int, optional): As :func:`low_rank`.

    Returns:
        np.ndarray: float64 (H, W, C).

    Raises:
        ValueError: As :func:`low_rank`.
    """
    images, directions, mean, scale = _components(_checked(cube), rank)
    return _shrink(images, np.ones(images.shape[-1])) @ directions * scale + mean


def low_rank_non_local(cube: np.ndarray, rank: int | None = None) -> np.ndarray:
    """:func:`low_rank` whose component images, in which the noise has deviation 1, are denoised by non-local means.

    As :func:`low_rank_wavelet`, with the mean of similar patches (Buades, Coll, Morel, CVPR 2005; scikit-image's
    ``denoise_nl_means``, 5 x 5 pixels within 13 x 13) instead of BM3D.

    Args:
        cube (np.ndarray): (H, W, C), at least 8 x 8 pixels.
        rank (int, optional): As :func:`low_rank`.

    Returns:
        np.ndarray: float64 (H, W, C).

    Raises:
        ValueError: As :func:`low_rank`.
    """
    from skimage.restoration import denoise_nl_means  # takes long to import

    images, directions, mean, scale = _components(_checked(cube), rank)
    denoised = [
        denoise_nl_means(image, patch_size=5, patch_distance=6, h=_FILTERING, sigma=1.0, fast_mode=True)
        for image in np.moveaxis(images, -1, 0)
    ]
    return np.stack(denoised, axis=-1) @ directions * scale + mean


def robust_low_rank(
    cube: np.ndarray, weight: float | None = None, max_iterations: int = 60, tolerance: float = 1e-5
) -> np.ndarray:
    r"""Split the cube into a low-rank and a sparse part and keep the former: for impulses, stripes, dead lines.

    Principal component pursuit, :math:`\min \|L\|_* + \lambda \|S\|_1` with L + S the (pixels, bands) matrix, by the
    inexact augmented Lagrange multiplier method. Source: Candes, Li, Ma, Wright, Robust principal component analysis?,
    Journal of the ACM 58(3), 2011; Lin, Chen, Ma, arXiv 1009.5055.

    Args:
        cube (np.ndarray): (H, W, C), at least 8 x 8 pixels.
        weight (float, optional): :math:`\lambda`. Defaults to 1 / sqrt(max(pixels, bands)).
        max_iterations (int): Largest number of steps. Defaults to 60.
        tolerance (float): Relative error of L + S at convergence. Defaults to 1e-5.

    Returns:
        np.ndarray: float64 (H, W, C), the low-rank part.

    Raises:
        ValueError: As :func:`noise_sigmas`, and if the weight is not positive.
    """
    cube = _checked(cube)
    matrix = cube.reshape(-1, cube.shape[-1])
    weight = 1 / np.sqrt(max(matrix.shape)) if weight is None else weight
    if not weight > 0:
        raise ValueError(f'weight must be positive, not {weight}')
    norm = np.linalg.norm(matrix)
    if not norm:
        return cube
    largest = np.linalg.norm(matrix, 2)
    dual = matrix / max(largest, np.abs(matrix).max() / weight)
    penalty, sparse = 1.25 / largest, np.zeros_like(matrix)
    for _ in progress_bar(range(max_iterations), 'robust low rank', 'iterations', after=2.0):
        left, values, right = np.linalg.svd(matrix - sparse + dual / penalty, full_matrices=False)
        kept = np.maximum(values - 1 / penalty, 0)
        rank = max(np.count_nonzero(kept), 1)
        low = left[:, :rank] * kept[:rank] @ right[:rank]
        rest = matrix - low + dual / penalty
        sparse = np.sign(rest) * np.maximum(np.abs(rest) - weight / penalty, 0)
        error = matrix - low - sparse
        dual += penalty * error
        penalty = min(1.5 * penalty, 1.25e7 / largest)
        if np.linalg.norm(error) <= tolerance * norm:
            break
    return low.reshape(cube.shape)


DENOISERS = {
    'wavelet': wavelet,
    'low_rank': low_rank,
    'low_rank_wavelet': low_rank_wavelet,
    'low_rank_non_local': low_rank_non_local,
    'robust_low_rank': robust_low_rank,
}
"""Denoisers by name: f(cube (H, W, C), **options) → (H, W, C)."""
