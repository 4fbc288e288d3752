"""Whitening that leaves each band where it is."""

from __future__ import annotations

import numpy as np

from mmhsi.datasets.transforms.spectral import SpectralTransform
from mmhsi.registry import TRANSFORMS
from mmhsi.utils.moments import Blocks, SpectralMoments


@TRANSFORMS.register_module()
class ZeroPhaseWhitening(SpectralTransform):
    r"""Standardises the bands and whitens them in part, without mixing them more than necessary.

    With the correlations :math:`R` of the bands, the standardised spectrum is multiplied by
    :math:`(R + \epsilon I)^{-power}`: 0.5 is the zero-phase (ZCA) whitening of Bell and Sejnowski (Vision Research
    37(23), 1997). Common brightness no longer dominates, as with principal components, but band i of the result is
    still about band i: networks that place bands by wavelength can be shared between scenes. Bands without variance
    become 0.

    Args:
        power (float): In [0, 0.5]; 0 only standardises. Defaults to 0.25.
        eps (float): Added to the eigenvalues of the correlations. Defaults to 1e-4.

    Raises:
        ValueError: If power is out of range.
    """

    state_names = ('mean', 'weights')
    streams = True

    def __init__(self, power: float = 0.25, eps: float = 1e-4):
        super().__init__()
        if not 0 <= power <= 0.5:
            raise ValueError(f'power must lie in [0, 0.5], found {power}')
        self.power = power
        self.eps = eps

    def fit_blocks(self, blocks: Blocks) -> None:
        moments = SpectralMoments.of(blocks)
        covariance = moments.scatter / moments.count
        std = np.sqrt(np.diag(covariance))
        used = std > 1e-6 * max(std.max(), np.finfo(np.float64).tiny)
        inverse = np.where(used, 1 / np.where(used, std, 1), 0)
        values, vectors = np.linalg.eigh((covariance * inverse * inverse[:, None])[np.ix_(used, used)])
        weights = np.zeros_like(covariance)
        root = (vectors * (np.maximum(values, 0) + self.eps) ** -self.power) @ vectors.T
        weights[np.ix_(used, used)] = inverse[used][:, None] * root
        self.mean, self.weights = moments.mean, weights

    def fitted_bands(self) -> int:
        return len(self.mean)

    def apply(self, spectra: np.ndarray) -> np.ndarray:
        return (spectra - self.mean.astype(np.float32)) @ self.weights.astype(np.float32)
