"""Measuring the displacement between the two dates of a pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.registration import phase_cross_correlation

_DETAIL = 10.0  # pixels: sigma of the blur that removes slow changes of brightness and large fields
_STEPS = 20  # per pixel
_AGREEMENT = 0.3  # pixels


@dataclass(frozen=True)
class Displacement:
    """Result of :func:`measure_displacement`.

    Args:
        rows (float): Pixels by which the second date must be moved down to match the first.
        columns (float): Pixels by which it must be moved to the right.
        agreement (float): Share of the single measurements that differ from these by at most 0.3 pixels.
        correlation (float): Correlation of the details of both dates before the correction.
    """

    rows: float
    columns: float
    agreement: float
    correlation: float

    @property
    def length(self) -> float:
        """The larger absolute value of both."""
        return max(abs(self.rows), abs(self.columns))


def _details(bands: np.ndarray) -> np.ndarray:
    logarithm = np.log1p(np.maximum(bands, 0).astype(np.float64))
    return np.stack([band - gaussian_filter(band, _DETAIL) for band in np.moveaxis(logarithm, -1, 0)])


def _faded(quarter: np.ndarray) -> np.ndarray:
    # the border of a crop is a strong edge at the same position on both dates
    return quarter * np.hanning(len(quarter))[:, None] * np.hanning(quarter.shape[1])


def measure_displacement(first: np.ndarray, second: np.ndarray) -> Displacement:
    """Measure the shift between two dates by phase correlation, to a twentieth of a pixel.

    Each quarter of each band is measured separately, and the median is used: it is robust against changes of land or
    clouds, and deformation or chance results show as disagreement.

    Args:
        first (np.ndarray): Some bands of the first date, (H, W, B), at least 0.
        second (np.ndarray): The same bands of the second date.

    Returns:
        Displacement: The shift and its reliability.
    """
    first, second = _details(first), _details(second)
    height, width = first.shape[1:]
    halves = [(slice(0, length // 2), slice(length // 2, None)) for length in (height, width)]
    shifts = np.array(
        [
            phase_cross_correlation(_faded(one[rows, columns]), _faded(other[rows, columns]), upsample_factor=_STEPS)[0]
            for one, other in zip(first, second, strict=True)
            for rows in halves[0]
            for columns in halves[1]
        ]
    )
    middle = np.median(shifts, axis=0)
    agreement = (np.abs(shifts - middle).max(axis=1) <= _AGREEMENT).mean()
    correlation = np.mean(
        [np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in zip(first, second, strict=True)]
    )
    return Displacement(float(middle[0]), float(middle[1]), float(agreement), float(correlation))
