"""A view of two dates of a place, used as one image with twice the bands."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
from mmengine.logging import print_log

from mmhsi.datasets.io import CubeInfo
from mmhsi.datasets.io.same_ground import check_same_ground
from mmhsi.datasets.scenes.band_matching import unlike_band
from mmhsi.datasets.scenes.cube_source import Extent, Source
from mmhsi.datasets.scenes.cube_view import Area, CubeView
from mmhsi.datasets.transforms.spectral import SpectralTransform


class PairView(Extent):
    """Two co-registered dates with the interface of :class:`CubeView`.

    A window holds the bands of the first date, then those of the second: 2 C' bands. A pixel is valid if it holds data
    at both dates.

    Args:
        image (Sequence[str | dict | np.ndarray]): The two cubes, each as in :class:`CubeView`.
        preprocessing (Sequence[dict | SpectralTransform]): Spectral transforms of each date.
        joint (bool): Whether to fit the preprocessing once to the pixels of both dates together, so that a value has
            the same meaning at both. Otherwise each date is fitted separately, which removes differences of light and
            sensor. Defaults to True.
        **kwargs: See :class:`CubeView`; the name is that of the first file.

    Attributes:
        dates (tuple[CubeView, CubeView]): The view of the first and of the second date.

    Raises:
        FileNotFoundError: If a file is absent.
        ValueError: If there are not two cubes, they differ in size or number of bands, or do not lie on the same
            ground.
    """

    def __init__(
        self,
        image: Sequence[Source],
        preprocessing: Sequence[dict | SpectralTransform] = (),
        joint: bool = True,
        **kwargs,
    ):
        single = isinstance(image, (str, Mapping, np.ndarray))
        if single or len(image) != 2:
            raise ValueError(
                'a pair of dates consists of two cubes, found '
                f'{type(image).__name__}{"" if single else f" of {len(image)}"}'
            )
        self.joint = joint
        first = CubeView(image[0], preprocessing, **kwargs)
        second = CubeView(image[1], first.transforms if joint else copy.deepcopy(preprocessing), **kwargs)
        self.dates = (first, second)
        self._check_dates()
        self.name, self.matched = first.name, first.matched
        self.bands = first.bands + second.bands
        self.raw_bands, self.raw_wavelengths = first.raw_bands, first.raw_wavelengths
        waves = [date.wavelengths for date in self.dates]
        self.wavelengths = None if any(values is None for values in waves) else np.concatenate(waves)

    def _check_dates(self) -> None:
        first, second = (date.info for date in self.dates)
        check_same_ground(second, first, 'the two dates')
        numbers = [date.raw_bands for date in self.dates]
        if numbers[0] != numbers[1]:
            raise ValueError(
                f'the two dates must have the same bands: {first.path} has {numbers[0]}, {second.path} has {numbers[1]}'
            )
        waves = [date.raw_wavelengths for date in self.dates]
        band = unlike_band(*waves)
        if band is not None:
            print_log(
                f'the dates differ in their wavelengths, most in band {band}: {waves[0][band]:.1f} nm in '
                f'{first.path}, {waves[1][band]:.1f} nm in {second.path}',
                'current',
                logging.WARNING,
            )

    @property
    def info(self) -> CubeInfo:
        """Description of the cube of the first date."""
        return self.dates[0].info

    @property
    def cached(self) -> bool:
        """Whether the preprocessed cubes are kept in memory."""
        return all(date.cached for date in self.dates)

    @property
    def transforms(self) -> list[SpectralTransform]:
        """The spectral transforms of the first date."""
        return self.dates[0].transforms

    @property
    def fitted(self) -> bool:
        """Whether the preprocessing is fitted, or needs no fit."""
        return all(date.fitted for date in self.dates)

    def fit(self, pixels: np.ndarray, neighbours: np.ndarray | None = None) -> None:
        """Fit the preprocessing of both dates on raw pixels (N, C), see :meth:`SpectralChain.fit`."""
        for date in self.dates:
            date.fit(pixels, neighbours)

    def fit_sample(self, indices: np.ndarray) -> np.ndarray:
        """Raw pixels (2 N, C) float32 of flat indices, those of the first date first."""
        return np.concatenate([date.raw_pixels(indices) for date in self.dates])

    def neighbours(self, indices: np.ndarray) -> np.ndarray:
        """Which pixels of :meth:`fit_sample` are adjacent to the next one in the same row and date, bool (2 N - 1,)."""
        beside = self.dates[0].neighbours(indices)
        return np.concatenate([beside, [False], beside])

    def fit_at(self, indices: np.ndarray) -> None:
        """Fit the preprocessing on the pixels of flat indices, for both dates together or separately."""
        if self.joint:
            self.fit(self.fit_sample(indices), self.neighbours(indices))
        else:
            for date in self.dates:
                date.fit_at(indices)

    @property
    def streams(self) -> bool:
        """Whether the memory for fitting the preprocessing does not grow with the number of pixels."""
        return all(date.streams for date in self.dates)

    def fit_on(self, chosen: np.ndarray) -> None:
        """Fit the preprocessing on all pixels of a mask (H, W), for both dates together or separately."""
        for date in self.dates:
            if self.joint:
                date.fit_blocks(lambda: chain.from_iterable(other.raw_blocks(chosen) for other in self.dates))
            else:
                date.fit_on(chosen)

    def require_fitted(self) -> None:
        """Raise a ValueError if the preprocessing is not fitted."""
        for date in self.dates:
            date.require_fitted()

    def state_dict(self) -> dict[str, np.ndarray]:
        """The fitted state of all spectral transforms; with separate fits the names begin with the date."""
        if self.joint:
            return self.dates[0].state_dict()
        return {f'{name}.{key}': value for name, date in self._named() for key, value in date.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Use an existing fitted state instead of fitting to this pair.

        Raises:
            ValueError: If the state is of another preprocessing.
        """
        for name, date in self._named():
            date.load_state_dict(
                state
                if self.joint
                else {key.removeprefix(f'{name}.'): value for key, value in state.items() if key.startswith(f'{name}.')}
            )

    def _named(self) -> list[tuple[str, CubeView]]:
        return list(zip(('first', 'second'), self.dates, strict=True))

    @property
    def valid(self) -> np.ndarray:
        """Mask of the pixels that hold data at both dates, bool (H, W)."""
        return np.logical_and(*(date.find_valid() for date in self.dates))

    def why_empty(self) -> str:
        """The message that no pixel is valid at both dates."""
        return (
            f'no pixel holds data at both dates, in all bands that are used: '
            f'{" and ".join(date.info.path for date in self.dates)}'
        )

    def load(self) -> None:
        """With ``cache``, read the cubes into memory; the preprocessing need not be fitted yet."""
        for date in self.dates:
            date.load()

    def prepare(self) -> None:
        """With ``cache``, preprocess the cubes in memory; best called before workers are started."""
        for date in self.dates:
            date.prepare()

    def window(self, *args, **kwargs) -> np.ndarray:
        """Preprocessed window (h, w, 2 C') float32 of both dates; see :meth:`CubeView.window`."""
        return np.concatenate([date.window(*args, **kwargs) for date in self.dates], axis=-1)

    def validity(self, *area: int) -> np.ndarray:
        """Which pixels of a window hold data at both dates; see :meth:`CubeView.validity`."""
        return np.logical_and(*(date.validity(*area) for date in self.dates))

    def subset(self, name: str) -> np.ndarray:
        """Flat indices of all pixels that are valid at both dates; see :meth:`CubeView.subset`."""
        self.dates[0].subset(name)
        return np.flatnonzero(self.valid)

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        """Preprocessed spectra (N, 2 C') float32 of both dates."""
        return np.concatenate([date.pixels(indices) for date in self.dates], axis=-1)

    def raw_pixels(self, indices: np.ndarray) -> np.ndarray:
        """Spectra (N, 2 C) float32 of both dates before the preprocessing; see :meth:`CubeView.raw_pixels`."""
        return np.concatenate([date.raw_pixels(indices) for date in self.dates], axis=-1)

    def raw_window(self, *area: int) -> np.ndarray:
        """Values (h, w, 2 C) float32 of both dates before the preprocessing; see :meth:`CubeView.raw_window`."""
        return np.concatenate([date.raw_window(*area) for date in self.dates], axis=-1)

    def stored_bands(self, bands: Sequence[int], step: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Some bands of the first date; see :meth:`CubeView.stored_bands`."""
        return self.dates[0].stored_bands(bands, step)

    def stored(self, area: Area, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Bands of an area of the first date as stored; see :meth:`CubeView.stored`."""
        return self.dates[0].stored(area, bands)

    def close(self) -> None:
        """Release the files."""
        for date in self.dates:
            date.close()
