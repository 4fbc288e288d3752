"""The preprocessing of a view: its transforms, and their fit to pixels of the cube."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from mmhsi.datasets.scenes.cube_source import CubeSource, Extent
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.datasets.transforms.spectral import SpectralTransform
from mmhsi.utils.moments import Block, Blocks
from mmhsi.utils.progress import progress_bar


class FittedView(Extent):
    """The part of :class:`mmhsi.datasets.scenes.cube_view.CubeView` that fits its preprocessing."""

    name: str
    _chain: SpectralChain
    _source: CubeSource
    _raw: np.ndarray | None
    _cube: np.ndarray | None

    def _select(self) -> None:
        """Read only the bands that the preprocessing uses."""
        raise NotImplementedError

    def raw_pixels(self, indices: np.ndarray) -> np.ndarray:
        """Spectra (N, S) float32 of flat indices before the preprocessing."""
        raise NotImplementedError

    @property
    def transforms(self) -> list[SpectralTransform]:
        """The spectral transforms of the preprocessing, which another view can share."""
        return self._chain.transforms

    @property
    def used_bands(self) -> np.ndarray | None:
        """Bands before the preprocessing that a leading ``SelectBands`` keeps, None for all."""
        return self._chain.source_bands

    @property
    def fitted(self) -> bool:
        """Whether the preprocessing is fitted, or needs no fit."""
        return self._chain.fitted

    def fit(self, pixels: np.ndarray, neighbours: np.ndarray | None = None) -> None:
        """Fit the preprocessing on raw pixels (N, C), see :meth:`SpectralChain.fit`."""
        self._chain.fit(pixels, neighbours)
        self._cube = None

    def fit_sample(self, indices: np.ndarray) -> np.ndarray:
        """Raw pixels (N, C) float32 of flat indices, to fit the preprocessing on."""
        return self.raw_pixels(indices)

    def fit_at(self, indices: np.ndarray) -> None:
        """Fit the preprocessing on the pixels of flat indices."""
        self.fit(self.fit_sample(indices), self.neighbours(indices))

    @property
    def streams(self) -> bool:
        """Whether the memory for fitting the preprocessing does not grow with the number of pixels."""
        return self._chain.streams

    def fit_on(self, chosen: np.ndarray) -> None:
        """Fit the preprocessing on all pixels of a mask (H, W), block by block."""
        self.fit_blocks(partial(self.raw_blocks, chosen))

    def fit_blocks(self, blocks: Blocks) -> None:
        """Fit the preprocessing on blocks of raw pixels."""
        self._chain.fit_blocks(blocks)
        self._cube = None

    def raw_blocks(self, chosen: np.ndarray) -> Iterator[Block]:
        """Raw pixels of a mask (H, W), whole rows at a time, and which of them are neighbours of the next."""
        for top, rows in progress_bar(list(self._source.row_blocks()), 'fitting', 'blocks', after=2.0):
            part = chosen[top : top + rows]
            if part.any():
                area = (top, 0, rows, self.width)
                raw = self._source.read(area)[0] if self._raw is None else self._raw[top : top + rows]
                yield raw[part], self.neighbours(np.flatnonzero(part))

    def neighbours(self, indices: np.ndarray) -> np.ndarray:
        """Which of N flat indices is followed by its neighbour in the same row, bool (N - 1,)."""
        return (np.diff(indices) == 1) & (indices[1:] % self.width != 0)

    def require_fitted(self) -> None:
        """Raise a ValueError if the preprocessing is not fitted."""
        if not self.fitted:
            missing = ', '.join(type(step).__name__ for step in self.transforms if not step.fitted)
            raise ValueError(
                f'{self.info.path}: the preprocessing ({missing}) is fitted in the training and kept in '
                'its checkpoint, but the weights that are given hold none; it is never fitted to the '
                'scene that is predicted'
            )

    def state_dict(self) -> dict[str, np.ndarray]:
        """The fitted state of all spectral transforms, by '<position>.<transform>.<name>'."""
        return self._chain.state_dict()

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Use an existing fitted state instead of fitting to this cube.

        Args:
            state (Mapping[str, np.ndarray]): Result of :meth:`state_dict` for a view with the same preprocessing.

        Raises:
            ValueError: If the state is of another preprocessing.
        """
        try:
            self._chain.load_state_dict(state)
        except ValueError as error:
            raise ValueError(f'scene {self.name!r}: {error}') from error
        self._select()
        self._cube = None
