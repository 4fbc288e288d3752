"""Spectra of any sensor on one grid of wavelengths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmhsi.datasets.transforms.spectral import SpectralTransform
from mmhsi.registry import TRANSFORMS


@TRANSFORMS.register_module()
class WavelengthGrid(SpectralTransform):
    """Places the bands of any sensor on a common grid of wavelengths, so that one network can read many sensors.

    The value at a point of the grid is the mean of the bands nearer than the step of the grid, with weights that fall
    linearly with their distance; where there is none, as with bands wider than the step or in the gaps of water vapour,
    it is interpolated linearly. Points beyond the first and the last band are not covered: their value is 0. As all
    bands of a pixel are then standardised or compared with others, 0 means "as the mean of the scene".

    Args:
        wavelengths (Sequence[float]): The grid in nm, increasing, shape (G,).

    Raises:
        ValueError: If the grid does not increase; when bound to bands, if their wavelengths are not known or no point
            is covered.
    """

    state_names = ('weights',)
    streams = True

    def __init__(self, wavelengths: Sequence[float]):
        super().__init__()
        self.wavelengths = np.asarray(wavelengths, np.float64)
        if self.wavelengths.ndim != 1 or len(self.wavelengths) < 2 or (np.diff(self.wavelengths) <= 0).any():
            raise ValueError('the grid of wavelengths must have at least two points and increase')

    def bind(self, in_bands: int, wavelengths: np.ndarray | None = None) -> tuple[int, np.ndarray]:
        if wavelengths is None:
            raise ValueError(
                'WavelengthGrid places bands by their wavelengths, which are not known; state those of the image '
                '(wavelengths=...)'
            )
        self.weights = self._weights(np.asarray(wavelengths, np.float64))
        if not self.covered.any():
            raise ValueError(
                f'WavelengthGrid from {self.wavelengths[0]:g} to {self.wavelengths[-1]:g} nm lies outside the bands '
                f'from {min(wavelengths):g} to {max(wavelengths):g} nm'
            )
        return len(self.wavelengths), self.wavelengths

    def _weights(self, bands: np.ndarray) -> np.ndarray:
        """Weights (C, G) of the bands at each point."""
        grid, steps = self.wavelengths, np.gradient(self.wavelengths)
        weights = np.maximum(0, 1 - np.abs(bands[:, None] - grid) / steps)
        order = np.argsort(bands, kind='stable')
        linear = np.zeros_like(weights)
        linear[order] = np.stack([np.interp(grid, bands[order], row) for row in np.eye(len(bands))])
        total = weights.sum(axis=0)
        weights = np.where(total > 0, weights / np.where(total > 0, total, 1), linear)
        half = steps / 2  # a band also covers the points beside it
        return np.where((grid >= bands.min() - half) & (grid <= bands.max() + half), weights, 0)

    @property
    def covered(self) -> np.ndarray:
        """Points of the grid that the bands cover, bool (G,)."""
        return self.weights.any(axis=0)

    def out_bands(self, in_bands: int) -> int:
        return len(self.wavelengths)

    def fit_blocks(self, blocks) -> None:
        """Nothing to learn: the weights follow from the wavelengths."""

    def fitted_bands(self) -> int:
        return len(self.weights)

    def apply(self, spectra: np.ndarray) -> np.ndarray:
        return spectra @ self.weights.astype(np.float32)
