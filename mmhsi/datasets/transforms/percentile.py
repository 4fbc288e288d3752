"""Scaling of bands between two percentiles, which is robust to a few extreme pixels."""

from __future__ import annotations

import numpy as np

from mmhsi.datasets.transforms.spectral import SpectralTransform
from mmhsi.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PercentileScale(SpectralTransform):
    r"""Clips each band to two of its percentiles and maps these to 0 and almost 1.

    .. math:: \frac{\min(\max(x, q_0), q_1) - q_0}{q_1 - q_0 + \epsilon}

    Percentiles between two values are interpolated linearly.

    Args:
        low (float): Percentile q0, in percent. Defaults to 2.
        high (float): Percentile q1, in percent. Defaults to 98.
        eps (float): Added to the range, in the units of the values, for constant bands, which become 0. Defaults to
            1e-3, which the published denoising data of HyperSIGMA are made with.

    Raises:
        ValueError: Unless 0 <= low < high <= 100 and eps is positive.
    """

    state_names = ('lower', 'upper')

    def __init__(self, low: float = 2.0, high: float = 98.0, eps: float = 1e-3):
        super().__init__()
        if not 0 <= low < high <= 100:
            raise ValueError(f'the percentiles must be 0 <= low < high <= 100, not {low} and {high}')
        if not eps > 0:
            raise ValueError(f'eps must be positive, not {eps}')
        self.low = low
        self.high = high
        self.eps = eps

    def fit(self, pixels: np.ndarray) -> None:
        if not np.isfinite(pixels).all():
            raise ValueError('PercentileScale cannot be fitted on pixels that hold NaN or infinity')
        self.lower, self.upper = np.percentile(pixels.astype(np.float64), [self.low, self.high], axis=0)

    def fitted_bands(self) -> int:
        return len(self.lower)

    def apply(self, spectra: np.ndarray) -> np.ndarray:
        lower, upper = self.lower.astype(np.float32), self.upper.astype(np.float32)
        return (np.clip(spectra, lower, upper) - lower) / (self.upper - self.lower + self.eps).astype(np.float32)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(low={self.low}, high={self.high}, eps={self.eps})'
