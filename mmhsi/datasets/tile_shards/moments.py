"""Mean and variance of bands in one pass over any amount of data."""

from __future__ import annotations

import numpy as np


class BandMoments:
    r"""Count, mean and sum of squared deviations of each band, in double precision.

    Two sets are merged by :math:`\delta = \mu_b - \mu_a`, :math:`\mu = \mu_a + \delta n_b / n`,
    :math:`M = M_a + M_b + \delta^2 n_a n_b / n` with n = n_a + n_b (Chan, Golub and LeVeque 1979, the pairwise form of
    Welford's update), which loses no precision, however many tiles are added.

    Args:
        bands (int): Number of bands C.
    """

    def __init__(self, bands: int):
        self.count = np.zeros(bands, dtype=np.int64)
        self.mean = np.zeros(bands)
        self.m2 = np.zeros(bands)

    def add_pixels(self, pixels: np.ndarray) -> None:
        """Add spectra of shape (N, C), all with data."""
        values = pixels.astype(np.float64)
        mean = values.mean(axis=0)
        values -= mean
        self.merge(np.full(len(mean), len(values)), mean, np.einsum('nc,nc->c', values, values))

    def merge(
        self, count: np.ndarray, mean: np.ndarray, m2: np.ndarray, bands: np.ndarray | slice = slice(None)
    ) -> None:
        """Add the moments of other data, which belong to ``bands`` of these."""
        total = self.count[bands] + count
        share = np.divide(count, total, out=np.zeros(len(total)), where=total > 0)
        delta = mean - self.mean[bands]
        self.m2[bands] += m2 + np.square(delta) * self.count[bands] * share
        self.mean[bands] += delta * share
        self.count[bands] = total

    @property
    def std(self) -> np.ndarray:
        """Standard deviation of each band, with the divisor n; 0 without data."""
        return np.sqrt(np.divide(self.m2, self.count, out=np.zeros(len(self.m2)), where=self.count > 0))
