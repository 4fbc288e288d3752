"""Scores of a restored cube against the clean one, for denoising and super-resolution.

All functions take the restored and the clean cube, real and finite, of shape (H, W, C), and compute in float64.
"""

from __future__ import annotations

import numpy as np


def _checked(restored: np.ndarray, clean: np.ndarray, data_range: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    restored, clean = np.asarray(restored), np.asarray(clean)
    if restored.shape != clean.shape:
        raise ValueError(f'the restored cube {restored.shape} and the clean one {clean.shape} must have the same shape')
    if clean.ndim != 3 or 0 in clean.shape:
        raise ValueError(f'the cubes have the shape {clean.shape}, expected (H, W, C)')
    for name, cube in (('restored', restored), ('clean', clean)):
        if cube.dtype.kind not in 'iuf':
            raise ValueError(f'the {name} cube holds values of type {cube.dtype}, expected real numbers')
        broken = ~np.isfinite(cube)
        if broken.any():
            raise ValueError(f'{np.count_nonzero(broken)} of {cube.size} values of the {name} cube are NaN or infinite')
    if not 0 < data_range < np.inf:
        raise ValueError(f'data_range must be positive, not {data_range}')
    return restored.astype(np.float64), clean.astype(np.float64)


def _band_mse(restored: np.ndarray, clean: np.ndarray) -> np.ndarray:
    return ((restored - clean) ** 2).mean(axis=(0, 1))


def band_psnr(restored: np.ndarray, clean: np.ndarray, data_range: float = 1.0, ceiling: float = 100.0) -> np.ndarray:
    r"""Peak signal-to-noise ratio of each band, :math:`10 \log_{10}(L^2 / \mathrm{MSE}_b)`.

    Args:
        restored (np.ndarray): (H, W, C).
        clean (np.ndarray): (H, W, C).
        data_range (float): Range L of the values. Defaults to 1.
        ceiling (float): Upper limit in dB, so that a perfect band does not make every mean infinite; ``float('inf')``
            for no limit. Defaults to 100.

    Returns:
        np.ndarray: float64 of shape (C,), in dB.

    Raises:
        ValueError: If the shapes differ or are not (H, W, C), a value is NaN or infinite, or the range is not positive.
    """
    restored, clean = _checked(restored, clean, data_range)
    with np.errstate(divide='ignore'):
        return np.minimum(10 * np.log10(data_range**2 / _band_mse(restored, clean)), ceiling)


def psnr(restored: np.ndarray, clean: np.ndarray, data_range: float = 1.0, ceiling: float = 100.0) -> float:
    """Mean over the bands of :func:`band_psnr` (MPSNR), in dB.

    It is not the ratio of the whole cube, which pools the errors of all bands before the logarithm.
    """
    return float(band_psnr(restored, clean, data_range, ceiling).mean())


def ssim(restored: np.ndarray, clean: np.ndarray, data_range: float = 1.0, gaussian: bool = False) -> float:
    """Structural similarity, mean over the bands, by scikit-image with K1 = 0.01 and K2 = 0.03.

    Args:
        restored (np.ndarray): (H, W, C), at least 7 x 7 pixels (11 x 11 with ``gaussian``).
        clean (np.ndarray): (H, W, C).
        data_range (float): Range of the values. Defaults to 1.
        gaussian (bool): Whether windows are weighted as in Wang et al., "Image quality assessment: from error
            visibility to structural similarity", IEEE TIP 13(4), 2004: a Gaussian of deviation 1.5 on 11 x 11 pixels,
            population covariance. By default windows of 7 x 7 pixels have uniform weights and the sample covariance is
            used, as by default in scikit-image and in the super-resolution scores of HyperSIGMA.

    Returns:
        float: At most 1.

    Raises:
        ValueError: As :func:`band_psnr`, and if the cube is smaller than a window.
    """
    from skimage.metrics import structural_similarity  # slow to import, and needed only for this score

    restored, clean = _checked(restored, clean, data_range)
    window = 11 if gaussian else 7
    if min(clean.shape[:2]) < window:
        raise ValueError(
            f'SSIM compares windows of {window} x {window} pixels, but the cube has {clean.shape[0]} x {clean.shape[1]}'
        )
    options = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False) if gaussian else dict(win_size=window)
    return float(structural_similarity(restored, clean, data_range=data_range, channel_axis=-1, **options))


def global_ssim(restored: np.ndarray, clean: np.ndarray, data_range: float = 1.0) -> float:
    r"""Structural similarity with the whole band as the only window, mean over the bands.

    .. math::
        \frac{(2 \mu_x \mu_y + c_1)(2 \sigma_{xy} + c_2)}{(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)},
        \quad c_1 = (0.01 L)^2, \quad c_2 = (0.03 L)^2

    with the covariance over n - 1 and the variances over n, which is what the denoising code of HyperSIGMA calls SSIM.
    It is no substitute for :func:`ssim` and usually larger.

    Args:
        restored (np.ndarray): (H, W, C), at least 2 pixels.
        clean (np.ndarray): (H, W, C).
        data_range (float): Range L of the values. Defaults to 1.

    Raises:
        ValueError: As :func:`band_psnr`, and for a single pixel.
    """
    restored, clean = _checked(restored, clean, data_range)
    pixels = clean.shape[0] * clean.shape[1]
    if pixels < 2:
        raise ValueError('the covariance of a single pixel is not defined')
    mean_x, mean_y = restored.mean(axis=(0, 1)), clean.mean(axis=(0, 1))
    covariance = ((restored - mean_x) * (clean - mean_y)).sum(axis=(0, 1)) / (pixels - 1)
    first, second = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    similarity = (
        (2 * mean_x * mean_y + first)
        * (2 * covariance + second)
        / ((mean_x**2 + mean_y**2 + first) * (restored.var(axis=(0, 1)) + clean.var(axis=(0, 1)) + second))
    )
    return float(similarity.mean())


def spectral_angle(restored: np.ndarray, clean: np.ndarray, unit: str = 'degrees', skip_zeros: bool = False) -> float:
    r"""Spectral angle (SAM) between restored and clean spectra, mean over the pixels.

    .. math:: \arccos \frac{\langle x, y \rangle}{\|x\| \|y\|}

    Args:
        restored (np.ndarray): (H, W, C).
        clean (np.ndarray): (H, W, C).
        unit (str): 'degrees' or 'radians'. Defaults to 'degrees'.
        skip_zeros (bool): Whether pixels that are zero in all bands of either cube are left out, as the
            super-resolution scores of HyperSIGMA do. By default such a pixel counts as a right angle if one of the two
            spectra is zero, and as 0 if both are, so that a network cannot gain by predicting zeros. Defaults to False.

    Returns:
        float: The mean angle; NaN if all pixels are left out.

    Raises:
        ValueError: As :func:`band_psnr`, and for an unknown unit.
    """
    if unit not in ('degrees', 'radians'):
        raise ValueError(f"unit must be 'degrees' or 'radians', not {unit!r}")
    restored, clean = _checked(restored, clean)
    norm_x, norm_y = np.linalg.norm(restored, axis=-1), np.linalg.norm(clean, axis=-1)
    zero = (norm_x == 0) | (norm_y == 0)
    norms = np.where(zero, 1, norm_x * norm_y)
    # rounding can push the cosine of equal spectra above 1
    angle = np.arccos(np.clip((restored * clean).sum(axis=-1) / norms, -1, 1))
    angle[(norm_x == 0) & (norm_y == 0)] = 0
    if skip_zeros:
        angle = angle[~zero]
    if not angle.size:
        return float('nan')
    mean = float(angle.mean())
    return float(np.degrees(mean)) if unit == 'degrees' else mean


def ergas(restored: np.ndarray, clean: np.ndarray, ratio: float | None = None) -> float:
    r"""Relative dimensionless global error in synthesis (ERGAS), smaller is better.

    .. math:: \frac{100}{s} \sqrt{\frac{1}{C} \sum_b \frac{\mathrm{MSE}_b}{\mu_b^2}}

    with the mean :math:`\mu_b` of the clean band. L. Wald, "Quality of high resolution synthesised images: is there a
    simple criterion?", Fusion of Earth Data, 2000.

    Args:
        restored (np.ndarray): (H, W, C).
        clean (np.ndarray): (H, W, C).
        ratio (float, optional): Scale factor s of super-resolution. None for denoising, without this factor. Defaults
            to None.

    Returns:
        float: NaN if the mean of a clean band is 0, for which the error is undefined.

    Raises:
        ValueError: As :func:`band_psnr`, and if the ratio is not positive.
    """
    if ratio is not None and not ratio > 0:
        raise ValueError(f'ratio must be positive, not {ratio}')
    restored, clean = _checked(restored, clean)
    mean = clean.mean(axis=(0, 1))
    if not mean.all():
        return float('nan')
    return float(100 / (ratio or 1) * np.sqrt((_band_mse(restored, clean) / mean**2).mean()))


def rmse(restored: np.ndarray, clean: np.ndarray, factor: float = 1.0) -> float:
    """Root mean squared error of all values, times ``factor``: 255 gives the scale of 8-bit images.

    Raises:
        ValueError: As :func:`band_psnr`.
    """
    restored, clean = _checked(restored, clean)
    return float(factor * np.sqrt(((restored - clean) ** 2).mean()))


def cross_correlation(restored: np.ndarray, clean: np.ndarray) -> float:
    """Pearson correlation of restored and clean band, mean over the bands (CC).

    Bands that are constant in the clean cube have no correlation and are left out; a band that is constant only in the
    restored cube counts as 0.

    Returns:
        float: In [-1, 1]; NaN if all clean bands are constant.

    Raises:
        ValueError: As :func:`band_psnr`.
    """
    restored, clean = _checked(restored, clean)
    varies = np.ptp(clean, axis=(0, 1)) > 0
    if not varies.any():
        return float('nan')
    flat = ~(np.ptp(restored, axis=(0, 1)) > 0)
    restored, clean = (cube - cube.mean(axis=(0, 1)) for cube in (restored, clean))
    norms = np.sqrt((restored**2).sum(axis=(0, 1)) * (clean**2).sum(axis=(0, 1)))
    usable = varies & ~flat & (norms > 0)
    correlation = np.zeros(len(norms))
    correlation[usable] = (restored * clean).sum(axis=(0, 1))[usable] / norms[usable]
    return float(correlation[varies].mean())


def restoration_scores(
    restored: np.ndarray, clean: np.ndarray, data_range: float = 1.0, ratio: float | None = None
) -> dict[str, float]:
    """All scores of a restored cube.

    Args:
        restored (np.ndarray): (H, W, C).
        clean (np.ndarray): (H, W, C).
        data_range (float): Range of the values. Defaults to 1.
        ratio (float, optional): Scale factor of super-resolution for ERGAS. Defaults to None.

    Returns:
        dict[str, float]: ``PSNR`` (dB), ``SSIM`` (7 x 7 windows), ``SSIM_global``, ``SAM`` (degrees), ``ERGAS``,
        ``RMSE`` (in the units of the cubes) and ``CC``.

    Raises:
        ValueError: As the functions of the scores.
    """
    return dict(
        PSNR=psnr(restored, clean, data_range),
        SSIM=ssim(restored, clean, data_range),
        SSIM_global=global_ssim(restored, clean, data_range),
        SAM=spectral_angle(restored, clean),
        ERGAS=ergas(restored, clean, ratio),
        RMSE=rmse(restored, clean),
        CC=cross_correlation(restored, clean),
    )
