"""Minimum noise fraction: components ordered and weighted by their signal-to-noise ratio."""

from __future__ import annotations

import numpy as np

from mmhsi.datasets.transforms.spectral import SpectralComponents
from mmhsi.registry import TRANSFORMS
from mmhsi.utils.moments import Blocks, SpectralMoments, ThinnedPairs, differences


def _covariance_of_most(pixels: np.ndarray, covariance: np.ndarray, trim: float, ridge: float = 0.0) -> np.ndarray:
    """Covariance (C, C) of the differences in pairs of pixels (2 m, C) about 0 without the share ``trim`` that lies
    farthest out.

    As in the concentration steps of Rousseeuw and Van Driessen (Technometrics 41(3), 1999), the covariance of the
    remaining ones determines again which are the most outlying, by Mahalanobis distance. ``ridge`` as in the transform.
    """
    from scipy.linalg import cho_factor, cho_solve

    def distances(difference: np.ndarray, factor: tuple) -> np.ndarray:
        return (difference * cho_solve(factor, difference.T).T).sum(axis=1)

    neighbours = np.arange(len(pixels) - 1) % 2 == 0
    for _ in range(3):
        factor = cho_factor(covariance)
        found = [distances(difference, factor) for difference in differences(pixels, neighbours)]
        limit = np.quantile(np.concatenate(found), 1 - trim)
        covariance, count = np.zeros_like(covariance), 0
        for difference, distance in zip(differences(pixels, neighbours), found, strict=True):
            most = difference[distance <= limit]
            covariance += most.T @ most
            count += len(most)
        covariance = _with_ridge(covariance / count, ridge)
    return covariance


def _unequal(pixels: np.ndarray, neighbours: np.ndarray | None) -> np.ndarray:
    """Which of the neighbours among pixels (n, C) differ in a band, bool (n - 1,)."""
    unequal = (pixels[1:] != pixels[:-1]).any(axis=1)
    return unequal if neighbours is None else unequal & neighbours


def _with_ridge(covariance: np.ndarray, ridge: float) -> np.ndarray:
    """A covariance (C, C) with this multiple of its mean variance added to the diagonal."""
    return covariance + ridge * np.trace(covariance) / len(covariance) * np.eye(len(covariance))


@TRANSFORMS.register_module()
class MinimumNoiseFraction(SpectralComponents):
    r"""Components of largest signal-to-noise ratio (Green et al., IEEE TGRS 26(1), 1988), largest first.

    With the covariances :math:`\Sigma` of the pixels and :math:`\Sigma_N` of the noise, the components are the
    generalised eigenvectors :math:`\Sigma v = \lambda \Sigma_N v`: uncorrelated, and :math:`\lambda` is the variance of
    a component over that of its noise. The noise is estimated from the differences of neighbours along a row, as in the
    paper: :math:`\Sigma_N` is half the covariance of the differences of adjacent pixels. A scene states which pixels
    are adjacent; to fit on a sample, it draws runs of neighbours. The largest differences, at the borders of objects,
    are left out, and so are pairs of equal pixels, which are fill: no sensor measures the same spectrum twice.

    Args:
        n_components (int): Number of components.
        power (float): Component i is scaled to standard deviation :math:`\lambda_i^{power}` over the fitted pixels: 0
            whitens, 0.5 gives all the same noise variance of 1, and values in between favour components with much
            signal. Defaults to 0.5.
        trim (float): Share of the differences that is left out, in [0, 1): those with the largest Mahalanobis norm.
            Defaults to 0.05.
        ridge (float): This multiple of the mean noise variance is added to the noise of every band. Any value above 0
            allows bands without noise and linear combinations of other bands. Defaults to 0: they are refused.

    Raises:
        ValueError: If trim is out of range.
    """

    state_names = ('mean', 'components', 'ratio')
    uses_neighbours = True
    streams = True

    def __init__(self, n_components: int, power: float = 0.5, trim: float = 0.05, ridge: float = 0.0):
        super().__init__(n_components)
        if not 0 <= trim < 1:
            raise ValueError(f'trim must lie in [0, 1), found {trim}')
        self.power = power
        self.trim = trim
        self.ridge = ridge

    def scaled(self) -> np.ndarray:
        # the variance of a component is ratio, so this is its scale; one without variance is rounding noise
        return self.components.T * np.maximum(self.ratio, np.finfo(np.float64).eps) ** (self.power - 0.5)

    def fit(self, pixels: np.ndarray, neighbours: np.ndarray | None = None) -> None:
        """Learn the state, see :meth:`SpectralTransform.fit`.

        Args:
            pixels (np.ndarray): Pixels (N, C).
            neighbours (np.ndarray, optional): bool (N - 1,), True where a pixel and the next one are adjacent. Defaults
                to None: all do.

        Raises:
            ValueError: For too few pixels or pairs of neighbours, or rank-deficient bands.
        """
        self.fit_blocks(lambda: [(pixels, neighbours)])

    def fit_blocks(self, blocks: Blocks) -> None:
        """Learn the state in one pass; outliers are found among at most every n-th pair of neighbours."""
        from scipy.linalg import LinAlgError, eigh

        moments = kept = None
        for pixels, neighbours in blocks():
            if moments is None:
                bands = pixels.shape[-1]
                self.bind(bands)
                moments, kept = SpectralMoments(bands), ThinnedPairs(bands)
            moments.add_pixels(pixels)
            noisy = _unequal(pixels, neighbours)
            moments.add_differences(pixels, noisy)
            if self.trim:
                kept.add(pixels, noisy)
        if moments.count < bands + 2:
            raise ValueError(
                f'MinimumNoiseFraction needs at least {bands + 2} pixels for {bands} bands, but {moments.count} are '
                'given'
            )
        if moments.pairs < bands + 1:
            raise ValueError(
                'MinimumNoiseFraction estimates the noise from adjacent pixels and needs at '
                f'least {bands + 1} such pairs for {bands} bands, but {moments.pairs} of the {moments.count} pixels '
                "to fit on have their neighbour among them; fit_on='all' or 'unevaluated' gives more"
            )
        noise = moments.noise / moments.pairs
        try:
            noise = _with_ridge(noise, self.ridge)
            if self.trim:
                noise = _covariance_of_most(kept.pixels, noise, self.trim, self.ridge)
            ratio, vectors = eigh(moments.scatter / moments.count, noise)  # V' noise V = 1
        except LinAlgError:
            raise ValueError(
                'MinimumNoiseFraction: the bands do not have full rank, as with bands that are constant or linear '
                'combinations of others; leave these out with '
                'SelectBands'
            ) from None
        self.load_state_dict(
            {
                'mean': moments.mean,
                'components': vectors.T[::-1][: self.n_components],
                'ratio': np.maximum(ratio[::-1][: self.n_components], 0),
            }
        )
