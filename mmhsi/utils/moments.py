"""Moments of spectra in one pass over any amount of data, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self

import numpy as np

Block = tuple[np.ndarray, 'np.ndarray | None']
"""Pixels (n, C) and which of them lies beside the next one, bool (n - 1,); None if all do."""
Blocks = Callable[[], Iterable[Block]]
"""Gives the blocks of a scene, from the first on each time it is called; no pixel lies beside one of another block."""
_BLOCK = 16384  # pixels that are taken to double precision at a time
_KEPT_BYTES = 2**28


class _Moments:
    """What is summed over pixels, for a number of bands."""

    def __init__(self, bands: int):
        raise NotImplementedError

    def add_pixels(self, pixels: np.ndarray) -> None:
        """Add pixels (n, C)."""
        raise NotImplementedError

    @classmethod
    def of(cls, blocks: Blocks) -> Self:
        """The moments of the pixels of all blocks, of which there is at least one."""
        moments = None
        for pixels, _ in blocks():
            moments = moments or cls(pixels.shape[-1])
            moments.add_pixels(pixels)
        assert moments is not None
        return moments


class BandMoments(_Moments):
    r"""Count, mean and sum of squared deviations of each band, in double precision.

    Two sets are merged by :math:`\delta = \mu_b - \mu_a`, :math:`\mu = \mu_a + \delta n_b / n`,
    :math:`M = M_a + M_b + \delta^2 n_a n_b / n` with n = n_a + n_b (Chan, Golub and LeVeque 1979, the pairwise form of
    Welford's update), which does not lose digits however many tiles are added.

    Args:
        bands (int): Number of bands C.
    """

    def __init__(self, bands: int):
        self.count = np.zeros(bands, dtype=np.int64)
        self.mean = np.zeros(bands)
        self.m2 = np.zeros(bands)

    def add_pixels(self, pixels: np.ndarray) -> None:
        """Add spectra of shape (N, C), all with data."""
        for start in range(0, len(pixels), _BLOCK):
            values = pixels[start : start + _BLOCK].astype(np.float64)
            mean = values.mean(axis=0)
            values -= mean
            self.merge(np.full(len(mean), len(values)), mean, np.einsum('nc,nc->c', values, values))

    def merge(
        self, count: np.ndarray, mean: np.ndarray, m2: np.ndarray, bands: np.ndarray | slice = slice(None)
    ) -> None:
        """Add the moments of other data; ``bands`` are the bands here that they belong to."""
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


class SpectralMoments(_Moments):
    """Mean and covariance of pixels, and covariance of the differences of neighbours about 0.

    Blocks are merged as by Chan, Golub and LeVeque (1979), which does not lose digits however many there are.

    Args:
        bands (int): Number of bands C.

    Attributes:
        count (int): Number of pixels.
        mean (np.ndarray): (C,).
        scatter (np.ndarray): Sum of (x - mean) (x - mean)^T, (C, C).
        pairs (int): Number of differences.
        noise (np.ndarray): Sum of d d^T of the differences d of neighbours over the root of 2, (C, C).
    """

    def __init__(self, bands: int):
        self.count = self.pairs = 0
        self.mean = np.zeros(bands)
        self.scatter, self.noise = np.zeros((bands, bands)), np.zeros((bands, bands))

    def add_pixels(self, pixels: np.ndarray) -> None:
        """Add pixels (n, C)."""
        for start in range(0, len(pixels), _BLOCK):
            block = pixels[start : start + _BLOCK].astype(np.float64)
            mean = block.mean(axis=0)
            block -= mean
            total = self.count + len(block)
            change = mean - self.mean
            self.scatter += block.T @ block + np.outer(change, change) * (self.count * len(block) / total)
            self.mean += change * (len(block) / total)
            self.count = total

    def add_differences(self, pixels: np.ndarray, neighbours: np.ndarray | None) -> None:
        """Add the differences of the neighbours among pixels (n, C)."""
        for difference in differences(pixels, neighbours):
            self.noise += difference.T @ difference
            self.pairs += len(difference)


def differences(pixels: np.ndarray, neighbours: np.ndarray | None) -> Iterable[np.ndarray]:
    """Differences (m, C) of neighbours among pixels (n, C) over the root of 2, part by part."""
    for start in range(0, len(pixels) - 1, _BLOCK):
        difference = np.diff(pixels[start : start + _BLOCK + 1].astype(np.float64), axis=0) / np.sqrt(2)
        yield difference if neighbours is None else difference[neighbours[start : start + _BLOCK]]


class ThinnedPairs:
    """Pairs of neighbours that represent all of a scene, in constant memory.

    Every n-th pair is kept; n is doubled whenever they become too many.

    Args:
        bands (int): Number of bands C.
    """

    def __init__(self, bands: int):
        self._most = max(_KEPT_BYTES // (8 * bands), 2 * bands)
        self._step, self._seen, self._kept = 1, 0, 0
        self._parts: list[np.ndarray] = []

    def add(self, pixels: np.ndarray, neighbours: np.ndarray | None) -> None:
        """Add the pairs of a block of pixels (n, C)."""
        first = np.arange(len(pixels) - 1) if neighbours is None else np.flatnonzero(neighbours)
        chosen = first[-self._seen % self._step :: self._step]
        self._seen += len(first)
        self._parts.append(np.stack([pixels[chosen], pixels[chosen + 1]], axis=1).astype(np.float32))
        self._kept += len(chosen)
        while self._kept > self._most:
            self._parts = [np.concatenate(self._parts)[::2].copy()]
            self._step, self._kept = 2 * self._step, len(self._parts[0])

    @property
    def pixels(self) -> np.ndarray:
        """Both pixels (2 m, C) of the m pairs, in succession; pixels 2 i and 2 i + 1 are neighbours."""
        pairs = np.concatenate(self._parts)
        return pairs.reshape(-1, pairs.shape[-1])
