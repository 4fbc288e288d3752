"""A view of a cube: its windows and pixels, band-matched, preprocessed and masked, for training and prediction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from mmhsi.datasets.io import CubeInfo
from mmhsi.datasets.scenes.band_matching import Bands, match_file
from mmhsi.datasets.scenes.cube_source import CubeSource, Source
from mmhsi.datasets.scenes.fitted_view import FittedView
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.datasets.transforms.spectral import SpectralTransform
from mmhsi.utils.progress import progress_bar
from mmhsi.utils.windows import crop_window, gather, source_indices

Area = tuple[int, int, int, int]
"""Top, left, height and width in pixels."""


class CubeView(FittedView):
    """A cube with its preprocessing, without labels.

    The header of the file is read at once, values when they are first needed. Without ``cache`` only windows are read,
    if the format allows, and each is preprocessed on demand. Pixels with a NaN, infinite or nodata value in any used
    band are not valid, and are 0 after the preprocessing. A leading ``SelectBands`` keeps unused bands from masking
    anything. Values are physical, with the scale and the offset stated in the file, and bands that it marks as bad are
    left out, unless a leading ``SelectBands`` names bands by number.

    Args:
        image (str | dict | np.ndarray): File of the cube; or a dict of the arguments of
            :class:`mmhsi.datasets.scenes.cube_source.CubeSource`; or a cube of shape (H, W, C) in memory.
        preprocessing (Sequence[dict | SpectralTransform]): Spectral transforms, applied in this order.
        num_bands (int, optional): Number of bands before the preprocessing.
        wanted (Bands, optional): The bands that a model was trained on, if their wavelengths are known; those of the
            file are matched with them.
        matching (str): The method, see :func:`mmhsi.datasets.scenes.band_matching.match_bands`. Defaults to 'check'.
        trust_band_order (bool): Whether to assume that bands without wavelengths are the wanted ones, in the same
            order. Defaults to False: they are refused.
        nodata (float, optional): Value of pixels without data, instead of the one that the file declares.
        cache (bool): Whether the preprocessed cube is kept in memory. Defaults to False.
        name (str, optional): Name of the scene. Defaults to the name of the file without suffix.

    Attributes:
        name (str): Name of the scene.
        bands (int): Number C' of bands after the preprocessing.
        wavelengths (np.ndarray, optional): Their centres in nm, (C',).
        raw_bands (int): Number C of bands before the preprocessing, after the matching.
        raw_wavelengths (np.ndarray, optional): Their centres in nm, (C,).
        matched (str): Result of the matching, in words.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file has unexpected content; the message names the file, what was expected and what was
            found.
    """

    dates: tuple[CubeView, ...]

    def __init__(
        self,
        image: Source,
        preprocessing: Sequence[dict | SpectralTransform] = (),
        num_bands: int | None = None,
        wanted: Bands | None = None,
        matching: str = 'check',
        trust_band_order: bool = False,
        nodata: float | None = None,
        cache: bool = False,
        name: str | None = None,
    ):
        self._chain = SpectralChain(preprocessing)
        self._source = CubeSource(image, nodata, self._chain.names_bands)
        self.dates = (self,)
        self.name = name or Path(self.info.path).stem
        self.cached = cache or not self.info.windowed
        match, self.matched = match_file(self.info, wanted, matching, trust_band_order)
        if match is None:
            self._source.check_bands(num_bands)
        self.raw_bands, self.raw_wavelengths = (
            (self.info.bands, self.info.wavelengths) if match is None else (len(wanted), wanted.wavelengths)
        )
        try:
            self.bands, self.wavelengths = self._chain.bind(self.raw_bands, self.raw_wavelengths)
        except ValueError as error:
            raise ValueError(f'{self.info.path}: {error}') from error
        self._all_match = self._used_match = match
        self._select()
        self._raw = self._cube = self._valid = None
        self._last: tuple[Area, np.ndarray] | None = None

    def _select(self) -> None:
        """Read only the bands that the preprocessing uses."""
        used = self._chain.source_bands
        if self._all_match is None:
            self._source.select(used)
        else:
            self._used_match = self._all_match if used is None else self._all_match.select(used)
            self._source.select(self._used_match.source)

    @property
    def info(self) -> CubeInfo:
        """What the file says about its cube, before the preprocessing."""
        return self._source.info

    @property
    def valid(self) -> np.ndarray:
        """Mask of the valid pixels, bool (H, W); without ``cache`` this takes a pass over the whole file.

        Raises:
            ValueError: If there are none; the message names the bands that mask all of them.
        """
        if self._valid is None:
            if self.cached and not self._source.always_valid:
                self.load()
            else:
                self.find_valid()
        return self._valid

    def find_valid(self) -> np.ndarray:
        """:attr:`valid`, found without keeping the cube in memory."""
        if self._valid is None:
            self._set_valid(self._source.scan_valid())
        return self._valid

    def _set_valid(self, valid: np.ndarray) -> None:
        missing = valid.size - np.count_nonzero(valid)
        if missing == valid.size:
            raise ValueError(self.why_empty())
        if missing:
            print_log(
                f'{self.info.path}: {missing} of {valid.size} pixels hold NaN or nodata ({self._source.nodata}) '
                'and are masked',
                'current',
                logging.WARNING,
            )
        self._valid = valid

    def why_empty(self) -> str:
        """A message that names the bands without any data; this takes a pass over the whole file."""
        bands = self._source.empty_bands()
        hint = f'; bands {bands} hold none at all, leave them out with SelectBands' if bands else ''
        return (
            f'{self.info.path}: no pixel holds data in all bands that are used (NaN or nodata '
            f'{self._source.nodata}){hint}'
        )

    def load(self) -> None:
        """With ``cache``, read the cube into memory; the preprocessing need not be fitted yet."""
        if self.cached and self._raw is None and self._cube is None:
            self._raw, valid = self._source.read()
            self._source.close()
            if self._valid is None:
                self._set_valid(valid)

    def prepare(self) -> None:
        """With ``cache``, preprocess the cube in memory; best called before workers are started."""
        if not self.cached or self._cube is not None:
            return
        self.load()
        cube = np.empty((self.height, self.width, self.bands), dtype=np.float32)
        for top, rows in progress_bar(list(self._source.row_blocks()), 'preprocessing', 'blocks', after=2.0):
            part = slice(top, top + rows)
            cube[part] = self._preprocess(self._raw[part], self.valid[part])
        self._cube, self._raw = cube, None

    def _preprocess(self, raw: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Preprocessed values (..., C'), 0 where ``valid`` (...) is not.

        Raises:
            ValueError: If the preprocessing produces non-finite values from finite ones.
        """
        values = self._chain(raw if self._used_match is None else self._used_match(raw))
        if not valid.all():
            values = np.where(valid[..., None], values, np.float32(0))
        if not np.isfinite(values).all():
            wrong = np.flatnonzero(~np.isfinite(values).all(axis=tuple(range(values.ndim - 1))))
            raise ValueError(
                f'{self.info.path}: the preprocessing makes NaN or infinity of valid values, in '
                f'{len(wrong)} of {values.shape[-1]} bands, the first is band {wrong[0]}'
            )
        return values

    def _read(self, area: Area) -> np.ndarray:
        """Preprocessed values of an area inside the cube; its validity is remembered."""
        raw, valid = self._source.read(area)
        self._last = area, valid
        return self._preprocess(raw, valid)

    def window(
        self, top: int, left: int, height: int, width: int, pad_mode: str = 'constant', pad_value: float = 0.0
    ) -> np.ndarray:
        """Preprocessed window, which may extend beyond the border of the cube.

        Args:
            top (int): First row.
            left (int): First column.
            height (int): Number of rows h.
            width (int): Number of columns w.
            pad_mode (str): See :func:`mmhsi.utils.windows.source_indices`.
            pad_value (float): Value outside the cube with pad_mode 'constant'. Defaults to 0.

        Returns:
            np.ndarray: New float32 array of shape (h, w, C').
        """
        if self.cached:
            self.prepare()
            return crop_window(self._cube, top, left, height, width, pad_mode, pad_value)
        rows = source_indices(top, height, self.height, pad_mode)
        cols = source_indices(left, width, self.width, pad_mode)
        used_rows, used_cols = rows[rows >= 0], cols[cols >= 0]
        if not (used_rows.size and used_cols.size):
            return np.full((height, width, self.bands), pad_value, dtype=np.float32)
        first_row, first_col = int(used_rows.min()), int(used_cols.min())
        area = (first_row, first_col, int(used_rows.max()) - first_row + 1, int(used_cols.max()) - first_col + 1)
        values = self._read(area)
        if area == (top, left, height, width):
            return values
        rows[rows >= 0] -= first_row
        cols[cols >= 0] -= first_col
        return gather(values, rows, cols, pad_value)

    def advise(self, height: int, width: int) -> str | None:
        """See :meth:`mmhsi.datasets.scenes.cube_source.CubeSource.advise`."""
        return self._source.advise(height, width)

    def validity(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Valid pixels (h, w) of a window, False outside the cube; free after :meth:`window` for it."""
        bottom, right = min(top + height, self.height), min(left + width, self.width)
        area = (max(top, 0), max(left, 0), bottom - max(top, 0), right - max(left, 0))
        if self._source.always_valid:
            inner = np.ones(area[2:], bool)
        elif self._valid is not None or self.cached:
            inner = self.valid[area[0] : bottom, area[1] : right]
        elif self._last is not None and _inside(area, self._last[0]):
            (row, col, *_), known = self._last
            inner = known[area[0] - row : bottom - row, area[1] - col : right - col]
        else:
            inner = self._source.read(area)[1]
        result = np.zeros((height, width), bool)
        result[area[0] - top : bottom - top, area[1] - left : right - left] = inner
        return result

    def subset(self, name: str) -> np.ndarray:
        """Flat indices of all valid pixels, the only subset of a cube without labels."""
        if name != 'all':
            raise ValueError(f'{self.info.path}: a scene without labels has only the subset "all", not {name!r}')
        return np.flatnonzero(self.valid)

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        """Preprocessed spectra of single pixels.

        Args:
            indices (np.ndarray): N flat indices ``row * W + col``.

        Returns:
            np.ndarray: float32 array of shape (N, C').
        """
        if self.cached:
            self.prepare()
            return self._cube.reshape(-1, self.bands)[indices]
        return self._preprocess(self.raw_pixels(indices), self.valid.ravel()[indices])

    def raw_pixels(self, indices: np.ndarray) -> np.ndarray:
        """Spectra (N, S) float32 of flat indices before matching and preprocessing, of the bands that are read."""
        if self._raw is not None:
            pixels = self._raw.reshape(-1, self._raw.shape[-1])
            return pixels if len(indices) == len(pixels) else pixels[indices]
        return self._source.read_pixels(indices)

    def raw_window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Values (h, w, C) float32 of an area inside the cube before the preprocessing, matched with the wanted bands;
        values of masked pixels are meaningless."""
        if self._raw is not None:
            raw = self._raw[top : top + height, left : left + width]
        else:
            raw = self._source.read((top, left, height, width))[0]
        return raw if self._used_match is None else self._used_match(raw)

    def preprocess_spectra(self, spectra: np.ndarray) -> np.ndarray:
        """Preprocess spectra (..., C) of the bands before the preprocessing, e.g. from a library: (..., C')."""
        used = self.used_bands
        return self._chain(np.asarray(spectra if used is None else spectra[..., used], dtype=np.float32))

    def stored_bands(self, bands: Sequence[int], step: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Some bands of the file before the preprocessing, e.g. for a false-colour picture.

        Args:
            bands (Sequence[int]): n bands of the file, counted from 0.
            step (int): Takes every ``step``-th row and column. Defaults to 1.

        Returns:
            tuple[np.ndarray, np.ndarray]: Values of shape (h, w, n) float32, 0 without data, and bool of shape (h, w),
            True where these bands hold data and the pixel is valid, if that is known.
        """
        parts = []
        for top, rows in progress_bar(list(self._source.row_blocks()), 'reading bands', 'blocks', after=2.0):
            first = -top % step
            if first < rows:
                values, valid = self._source.read((top, 0, rows, self.width), bands)
                parts.append((values[first::step, ::step], valid[first::step, ::step]))
        self._source.close()
        values, valid = (np.concatenate(part) for part in zip(*parts, strict=True))
        return values, valid if self._valid is None else valid & self._valid[::step, ::step]

    def stored(self, area: Area, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Bands of an area inside the cube as stored: values (h, w, n) and validity (h, w)."""
        return self._source.read(area, bands)

    def close(self) -> None:
        """Release the file; the next reading opens it again."""
        self._source.close()


def _inside(area: Area, other: Area) -> bool:
    return (
        area[0] >= other[0]
        and area[1] >= other[1]
        and area[0] + area[2] <= other[0] + other[2]
        and (area[1] + area[3] <= other[1] + other[3])
    )
