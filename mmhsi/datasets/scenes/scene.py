"""A scene: one hyperspectral cube with its labels, split and fitted preprocessing, shared by all its datasets."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from mmhsi.datasets.io import CubeInfo
from mmhsi.datasets.scenes.base_scene import BaseScene, Source, locate
from mmhsi.datasets.scenes.cube_source import CubeSource
from mmhsi.datasets.splits.split import Split
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.datasets.transforms.spectral import SpectralTransform
from mmhsi.registry import TASK_UTILS
from mmhsi.utils.windows import crop_window, gather, source_indices


@TASK_UTILS.register_module()
class Scene(BaseScene):
    """One hyperspectral scene.

    The header of the file is read at once; values, labels, split and the fit of the preprocessing follow when they are
    first needed, or with :meth:`prepare`. With ``cache`` the preprocessed cube is kept in memory and shared by all
    datasets and forked workers. Without it only windows are read, if the format allows, and each is preprocessed when
    it is asked for; then pixels are read block by block to find those without data and to fit the preprocessing.

    Pixels with a NaN, infinite or nodata value in any used band are masked: they are not ``valid``, carry no label, and
    are 0 after the preprocessing. A leading ``SelectBands`` keeps unused bands from masking anything.

    Args:
        image (str | dict | np.ndarray): File of the cube; or a dict of path, key (a name or several candidates) and
            layout ('auto', 'hwc', 'chw' or 'bil'); or a cube of shape (H, W, C) in memory.
        labels, classes, palette, label_codes, split, fit_on, fit_pixels: See :class:`BaseScene`.
        num_bands (int, optional): Number of bands that the file must have.
        preprocessing (Sequence[dict | SpectralTransform]): Spectral transforms, applied in this order to the whole
            scene.
        nodata (float, optional): Value of pixels without data, instead of the one that the file declares.
        cache (bool): Whether the cube is kept in memory. Defaults to True.
        data_root (str, optional): Folder that relative paths of ``image`` and ``labels`` start from.
        name (str, optional): Name of the scene. Defaults to the name of the file without suffix.

    Raises:
        FileNotFoundError: If a file is absent.
        ValueError: If a file does not hold what is expected; the message names file, expectation and finding.
    """

    def __init__(self,
                 image: Source,
                 labels: Source | list[Source] | None = None,
                 classes: Sequence[str] | str | None = None,
                 palette: Sequence[Sequence[int]] | None = None,
                 label_codes: Mapping[str, int | Sequence[int]] | None = None,
                 num_bands: int | None = None,
                 split: dict | Split | None = None,
                 preprocessing: Sequence[dict | SpectralTransform] = (),
                 fit_on: str = 'all',
                 fit_pixels: int = 500_000,
                 nodata: float | None = None,
                 cache: bool = True,
                 data_root: str | None = None,
                 name: str | None = None):
        super().__init__(labels, classes, palette, label_codes, split, fit_on, fit_pixels, data_root)
        self._source = CubeSource(locate(image, data_root), nodata)
        if num_bands not in (None, self.info.bands):
            raise ValueError(f'{self.info.path}: {num_bands} bands are expected, but the file has {self.info.bands}')
        self.name = name or Path(self.info.path).stem
        self.cached = cache or not self.info.windowed
        self._chain = SpectralChain(preprocessing)
        try:
            self.bands, self.wavelengths = self._chain.bind(self.info.bands, self.info.wavelengths)
        except ValueError as error:
            raise ValueError(f'{self.info.path}: {error}') from error
        self._source.select(self._chain.source_bands)
        self._cube = self._valid = None

    @property
    def info(self) -> CubeInfo:
        """What the file says about its cube, before the preprocessing."""
        return self._source.info

    @property
    def valid(self) -> np.ndarray:
        """Mask of the pixels that hold data, bool (H, W)."""
        if self._valid is None:
            if self.cached and not self._source.always_valid:
                self.prepare()
            else:
                self.find_valid()
        return self._valid

    def _set_valid(self, valid: np.ndarray) -> None:
        missing = valid.size - np.count_nonzero(valid)
        if missing == valid.size:
            bands = self._source.empty_bands()
            hint = f'; bands {bands} hold none at all, leave them out with SelectBands' if bands else ''
            raise ValueError(f'{self.info.path}: no pixel holds data in all bands that are used (NaN or nodata '
                             f'{self._source.nodata}){hint}')
        if missing:
            print_log(f'{self.info.path}: {missing} of {valid.size} pixels hold NaN or nodata ({self._source.nodata}) '
                      'and are masked', 'current', logging.WARNING)
        self._valid = valid

    @property
    def transforms(self) -> list[SpectralTransform]:
        """The spectral transforms of the preprocessing, which another scene can share."""
        return self._chain.transforms

    @property
    def fitted(self) -> bool:
        """Whether the preprocessing has all that it learns from data."""
        return self._chain.fitted

    def fit(self, pixels: np.ndarray) -> None:
        """Fit the preprocessing on raw pixels (N, C) as :meth:`fit_sample` gives them."""
        self._chain.fit(pixels)
        self._cube = None

    def fit_sample(self, limit: int | None = None) -> np.ndarray:
        """Raw pixels (N, C) float32 to fit the preprocessing on, at most ``limit`` of them (``fit_pixels``)."""
        return self.raw_pixels(self.fit_indices(limit))

    def raw_pixels(self, indices: np.ndarray) -> np.ndarray:
        """Spectra (N, C) float32 of flat indices before the preprocessing."""
        return self._source.read_pixels(indices)

    def find_valid(self) -> np.ndarray:
        """Mask of the pixels that hold data, bool (H, W), found without fitting the preprocessing."""
        if self._valid is None:
            self._set_valid(self._source.scan_valid())
        return self._valid

    def prepare(self) -> None:
        """Fit the preprocessing and, with ``cache``, load the cube; best called before workers are started."""
        if not self.cached:
            if not self.fitted:
                self.fit(self.fit_sample())
            return
        if self._cube is not None:
            return
        raw, valid = self._source.read()
        self._source.close()
        if self._valid is None:
            self._set_valid(valid)
        if not self.fitted:
            indices = self.fit_indices()
            pixels = raw.reshape(-1, raw.shape[-1])
            self.fit(pixels if len(indices) == len(pixels) else pixels[indices])
        cube = np.empty(self.shape, dtype=np.float32)
        for top, rows in self._source.row_blocks():
            part = slice(top, top + rows)
            cube[part] = self._preprocess(raw[part], valid[part])
        self._cube = cube

    def _preprocess(self, raw: np.ndarray, valid: np.ndarray) -> np.ndarray:
        values = self._chain(raw)
        return values if valid.all() else np.where(valid[..., None], values, np.float32(0))

    def window(self,
               top: int,
               left: int,
               height: int,
               width: int,
               pad_mode: str = 'constant',
               pad_value: float = 0.) -> np.ndarray:
        """Preprocessed window, which may hang over the border of the scene.

        Args:
            top (int): First row.
            left (int): First column.
            height (int): Number of rows h.
            width (int): Number of columns w.
            pad_mode (str): 'constant', 'symmetric' or 'reflect'.
            pad_value (float): Value outside the scene with pad_mode 'constant'. Defaults to 0.

        Returns:
            np.ndarray: New float32 array of shape (h, w, C').
        """
        self.prepare()
        if self.cached:
            return crop_window(self._cube, top, left, height, width, pad_mode, pad_value)
        rows = source_indices(top, height, self.height, pad_mode)
        cols = source_indices(left, width, self.width, pad_mode)
        used_rows, used_cols = rows[rows >= 0], cols[cols >= 0]
        if not (used_rows.size and used_cols.size):
            return np.full((height, width, self.bands), pad_value, dtype=np.float32)
        first_row, first_col = int(used_rows.min()), int(used_cols.min())
        part = self._preprocess(*self._source.read((first_row, first_col, int(used_rows.max()) - first_row + 1,
                                                    int(used_cols.max()) - first_col + 1)))
        rows[rows >= 0] -= first_row
        cols[cols >= 0] -= first_col
        return gather(part, rows, cols, pad_value)

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        """Preprocessed spectra of single pixels.

        Args:
            indices (np.ndarray): N flat indices ``row * W + col``.

        Returns:
            np.ndarray: float32 array of shape (N, C').
        """
        self.prepare()
        if self.cached:
            return self._cube.reshape(-1, self.bands)[indices]
        return self._preprocess(self.raw_pixels(indices), self.valid.ravel()[indices])

    def preprocess_spectra(self, spectra: np.ndarray) -> np.ndarray:
        """Put spectra (..., C) of the bands of the file, e.g. of a library, through the preprocessing: (..., C')."""
        self.prepare()
        used = self._chain.source_bands
        return self._chain(np.asarray(spectra if used is None else spectra[..., used], dtype=np.float32))

    def stored_bands(self, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Some bands of the whole scene as stored, before the preprocessing, e.g. for a false-colour picture.

        Args:
            bands (Sequence[int]): n bands of the file, counted from 0.

        Returns:
            tuple[np.ndarray, np.ndarray]: Values of shape (H, W, n) float32, 0 without data, and bool of shape (H, W),
            True where the pixel is valid and holds data in these bands.
        """
        values, valid = self._source.read(bands=bands)
        self._source.close()
        return values, valid & self.valid

    def state_dict(self) -> dict[str, np.ndarray]:
        """The fitted state of all spectral transforms, by '<position>.<transform>.<name>'."""
        self.prepare()
        return self._chain.state_dict()

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Use a state fitted before instead of fitting on this scene.

        Args:
            state (Mapping[str, np.ndarray]): What :meth:`state_dict` gave for a scene with the same preprocessing.

        Raises:
            ValueError: If the state is of another preprocessing.
        """
        try:
            self._chain.load_state_dict(state)
        except ValueError as error:
            raise ValueError(f'scene {self.name!r}: {error}') from error
        self._source.select(self._chain.source_bands)
        self._cube = None
