"""A pair of scenes: one place at two dates, seen by everything behind it as one image of twice the bands."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence

import numpy as np
from mmengine.logging import print_log

from mmhsi.datasets.class_info import BLACK_AND_WHITE
from mmhsi.datasets.io import CubeInfo
from mmhsi.datasets.scenes.base_scene import BaseScene, Source
from mmhsi.datasets.scenes.scene import Scene
from mmhsi.datasets.splits.split import Split
from mmhsi.datasets.transforms.spectral import SpectralTransform
from mmhsi.registry import TASK_UTILS

CHANGE_CLASSES = ('unchanged', 'changed')
_SAME_BAND = 5.  # nm


@TASK_UTILS.register_module()
class PairScene(BaseScene):
    """Two co-registered dates of one place, and what changed between them.

    A window holds the bands of the first date, then those of the second: 2 C' bands, which
    :class:`mmhsi.models.SiameseBackbone` takes apart. A pixel is valid if it holds data at both dates.

    Args:
        image (Sequence[str | dict | np.ndarray]): The two cubes, each as in :class:`mmhsi.datasets.Scene`.
        classes (Sequence[str]): Defaults to ('unchanged', 'changed').
        num_bands (int, optional): Number of bands C that each file must have.
        preprocessing (Sequence[dict | SpectralTransform]): Spectral transforms of each date, which see C bands.
        joint (bool): Whether the preprocessing is fitted once, on the pixels of both dates together, so that a value
            means the same at both. Otherwise each date gets a fit of its own, which evens out differences of light
            and sensor. Defaults to True.
        palette (Sequence[Sequence[int]]): RGB colours. Defaults to black and white.
        labels, label_codes, split, fit_on, fit_pixels: See :class:`BaseScene`.
        nodata, cache, data_root, name: See :class:`mmhsi.datasets.Scene`; the name is that of the first file.

    Attributes:
        first (Scene): The first date.
        second (Scene): The second date.

    Raises:
        FileNotFoundError: If a file is absent.
        ValueError: If there are not two cubes, or they differ in size or number of bands.
    """

    def __init__(self,
                 image: Sequence[Source],
                 labels: Source | list[Source] | None = None,
                 classes: Sequence[str] = CHANGE_CLASSES,
                 palette: Sequence[Sequence[int]] = BLACK_AND_WHITE,
                 label_codes: Mapping[str, int | Sequence[int]] | None = None,
                 num_bands: int | None = None,
                 split: dict | Split | None = None,
                 preprocessing: Sequence[dict | SpectralTransform] = (),
                 joint: bool = True,
                 fit_on: str = 'all',
                 fit_pixels: int = 500_000,
                 nodata: float | None = None,
                 cache: bool = True,
                 data_root: str | None = None,
                 name: str | None = None):
        super().__init__(labels, classes, palette, label_codes, split, fit_on, fit_pixels, data_root)
        if isinstance(image, (str, Mapping, np.ndarray)) or len(image) != 2:
            raise ValueError(f'a PairScene needs the cubes of two dates, found {type(image).__name__}'
                             f'{"" if isinstance(image, (str, Mapping, np.ndarray)) else f" of {len(image)}"}')
        options = dict(num_bands=num_bands, fit_pixels=fit_pixels, nodata=nodata, cache=cache, data_root=data_root)
        self.joint = joint
        self.first = Scene(image[0], preprocessing=preprocessing, name=name, **options)
        shared = self.first.transforms if joint else copy.deepcopy(preprocessing)
        self.second = Scene(image[1], preprocessing=shared, name=name, **options)
        self._check_dates()
        self.name = self.first.name
        self.bands = self.first.bands + self.second.bands
        waves = [date.wavelengths for date in self.dates]
        self.wavelengths = None if any(values is None for values in waves) else np.concatenate(waves)

    def _check_dates(self) -> None:
        first, second = self.first.info, self.second.info
        for what, sizes in (('pixels', (first.shape[:2], second.shape[:2])),
                            ('bands', ((first.bands, ), (second.bands, )))):
            if sizes[0] != sizes[1]:
                shown = [' x '.join(map(str, size)) for size in sizes]
                raise ValueError(f'the two dates must have the same {what}: {first.path} has {shown[0]}, '
                                 f'{second.path} has {shown[1]}')
        if first.wavelengths is not None and second.wavelengths is not None:
            apart = np.abs(first.wavelengths - second.wavelengths)
            if apart.max() > _SAME_BAND:
                band = int(apart.argmax())
                print_log(f'the dates differ in their wavelengths, most in band {band}: {first.wavelengths[band]:.1f} '
                          f'nm in {first.path}, {second.wavelengths[band]:.1f} nm in {second.path}', 'current',
                          logging.WARNING)

    @property
    def dates(self) -> tuple[Scene, Scene]:
        """The scenes of the first and of the second date."""
        return self.first, self.second

    @property
    def info(self) -> CubeInfo:
        """What the file of the first date says about its cube."""
        return self.first.info

    @property
    def cached(self) -> bool:
        """Whether the preprocessed cubes are kept in memory."""
        return self.first.cached and self.second.cached

    @property
    def valid(self) -> np.ndarray:
        """Mask of the pixels that hold data at both dates, bool (H, W)."""
        return self.first.find_valid() & self.second.find_valid()

    @property
    def fitted(self) -> bool:
        """Whether the preprocessing has all that it learns from data."""
        return self.first.fitted and self.second.fitted

    def fit(self, pixels: np.ndarray) -> None:
        """Fit the preprocessing of both dates on raw pixels (N, C)."""
        for date in self.dates:
            date.fit(pixels)

    def fit_sample(self, limit: int | None = None) -> np.ndarray:
        """Raw pixels (N, C) float32 of both dates, the first half of the first date."""
        indices = self.fit_indices(None if limit is None else max(limit // 2, 1))
        return np.concatenate([date.raw_pixels(indices) for date in self.dates])

    def prepare(self) -> None:
        """Fit the preprocessing and, with ``cache``, load the cubes; best called before workers are started."""
        if not self.fitted:
            if self.joint:
                self.fit(self.fit_sample())
            else:
                indices = self.fit_indices()
                for date in self.dates:
                    date.fit(date.raw_pixels(indices))
        for date in self.dates:
            date.prepare()

    def window(self,
               top: int,
               left: int,
               height: int,
               width: int,
               pad_mode: str = 'constant',
               pad_value: float = 0.) -> np.ndarray:
        """Preprocessed window of both dates, (h, w, 2 C') float32; see :meth:`mmhsi.datasets.Scene.window`."""
        self.prepare()
        return np.concatenate([date.window(top, left, height, width, pad_mode, pad_value) for date in self.dates],
                              axis=-1)

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        """Preprocessed spectra of both dates, (N, 2 C') float32, of flat indices ``row * W + col``."""
        self.prepare()
        return np.concatenate([date.pixels(indices) for date in self.dates], axis=-1)

    def stored_bands(self, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Some bands of the first date as stored; see :meth:`mmhsi.datasets.Scene.stored_bands`."""
        return self.first.stored_bands(bands)

    def state_dict(self) -> dict[str, np.ndarray]:
        """The fitted state of all spectral transforms; with separate fits the names begin with the date."""
        self.prepare()
        if self.joint:
            return self.first.state_dict()
        return {f'{date}.{name}': value
                for date in ('first', 'second') for name, value in getattr(self, date).state_dict().items()}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Use a state fitted before instead of fitting on this pair.

        Raises:
            ValueError: If the state is of another preprocessing.
        """
        for name in ('first', 'second'):
            part = state if self.joint else {
                key.removeprefix(f'{name}.'): value for key, value in state.items() if key.startswith(f'{name}.')}
            getattr(self, name).load_state_dict(part)
