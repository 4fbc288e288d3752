"""Minimum noise fraction: components ordered and weighed by how much of them is signal."""

from __future__ import annotations

import numpy as np

from mmhsi.datasets.transforms.spectral import SpectralComponents
from mmhsi.registry import TRANSFORMS


def _covariance_of_most(differences: np.ndarray, trim: float, steps: int = 3) -> np.ndarray:
    """Covariance (C, C) of differences (N, C) about 0 without the share ``trim`` that lies farthest out.

    As in the concentration steps of Rousseeuw and Van Driessen (Technometrics 41(3), 1999), the covariance of those
    that are left says anew which lie farthest out, in Mahalanobis' distance.
    """
    from scipy.linalg import cho_factor, cho_solve

    covariance = differences.T @ differences / len(differences)
    for _ in range(steps if trim else 0):
        distance = (differences * cho_solve(cho_factor(covariance), differences.T).T).sum(axis=1)
        most = differences[distance <= np.quantile(distance, 1 - trim)]
        covariance = most.T @ most / len(most)
    return covariance


@TRANSFORMS.register_module()
class MinimumNoiseFraction(SpectralComponents):
    r"""Components of largest signal-to-noise ratio (Green et al., IEEE TGRS 26(1), 1988), largest first.

    With the covariances :math:`\Sigma` of the pixels and :math:`\Sigma_N` of the noise, the components are the
    generalised eigenvectors :math:`\Sigma v = \lambda \Sigma_N v`: uncorrelated, and :math:`\lambda` is the variance of
    a component over that of its noise. The noise is taken from the differences of neighbours along a row, as in the
    paper: :math:`\Sigma_N` is half the covariance of the differences of successive pixels. A scene gives its pixels
    row by row; where only some are used (``fit_on``), successive ones are less alike, and the ratios come out lower.
    The largest differences, at the borders of objects and the ends of rows, are left out.

    Args:
        n_components (int): Number of components.
        power (float): Component i is scaled to standard deviation :math:`\lambda_i^{power}` over the fitted pixels: 0
            whitens, 0.5 gives noise of variance 1 to all, and what lies between favours components of much signal.
            Defaults to 0.5.
        trim (float): Share of the differences that is left out, in [0, 1); largest are those of the largest Mahalanobis
            norm. Defaults to 0.05.

    Raises:
        ValueError: If trim is out of range.
    """

    state_names = ('mean', 'components', 'ratio')

    def __init__(self, n_components: int, power: float = 0.5, trim: float = 0.05):
        super().__init__(n_components)
        if not 0 <= trim < 1:
            raise ValueError(f'trim must lie in [0, 1), found {trim}')
        self.power = power
        self.trim = trim

    def scaled(self) -> np.ndarray:
        # a component has variance ratio, so that this is its scale; one without variance is rounding noise
        return self.components.T * np.maximum(self.ratio, np.finfo(np.float64).eps)**(self.power - 0.5)

    def fit(self, pixels: np.ndarray) -> None:
        from scipy.linalg import LinAlgError, eigh

        bands = pixels.shape[-1]
        self.bind(bands)
        if len(pixels) < bands + 2:
            raise ValueError(f'MinimumNoiseFraction needs at least {bands + 2} pixels for {bands} bands, but '
                             f'{len(pixels)} are given')
        values = pixels.astype(np.float64)
        difference = np.diff(values, axis=0) / np.sqrt(2)
        mean = values.mean(axis=0)
        values -= mean
        covariance = values.T @ values / len(values)
        try:
            noise = _covariance_of_most(difference, self.trim)
            ratio, vectors = eigh(covariance, noise)  # V' noise V = 1
        except LinAlgError:
            raise ValueError('MinimumNoiseFraction: the bands have no full rank, as with bands that are constant or '
                             'combinations of others: leave them out with SelectBands') from None
        self.load_state_dict({
            'mean': mean,
            'components': vectors.T[::-1][:self.n_components],
            'ratio': np.maximum(ratio[::-1][:self.n_components], 0)
        })
