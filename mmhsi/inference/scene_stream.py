"""A new scene, read window by window and preprocessed by what was fitted in the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmhsi.datasets.io import CubeInfo
from mmhsi.datasets.scenes.band_matching import BandMatch, Bands, match_bands
from mmhsi.datasets.scenes.base_scene import Source
from mmhsi.datasets.scenes.cube_source import CubeSource
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.utils.windows import gather, source_indices


class SceneStream:
    """One cube without labels, of which only windows are in memory.

    It has what the loading transforms of a pipeline ask a scene for: ``window``, ``pixels``, ``subset`` and ``valid``.

    Args:
        image (str | dict | np.ndarray): The cube, see :class:`mmhsi.datasets.Scene`.
        preprocessing (Sequence[dict]): Spectral transforms of the config.
        state (Mapping[str, np.ndarray]): Their fitted state.
        num_bands (int, optional): Number of bands that the model was trained on, before the preprocessing.
        wanted (Bands, optional): The bands the model was trained on, if their wavelengths are known.
        matching (str): How the bands of the file are matched with them, see
            :func:`mmhsi.datasets.scenes.band_matching.match_bands`. Defaults to 'check'.
        nodata (float, optional): Value of pixels without data, instead of the one that the file declares.
        name (str, optional): Name of the scene. Defaults to that of the file.

    Attributes:
        matched (str): What was found about the bands, in words.

    Raises:
        ValueError: If the bands do not suit the model, or the preprocessing lacks its fitted state.
    """

    def __init__(self,
                 image: Source,
                 preprocessing: Sequence[dict] = (),
                 state: Mapping[str, np.ndarray] | None = None,
                 num_bands: int | None = None,
                 wanted: Bands | None = None,
                 matching: str = 'check',
                 nodata: float | None = None,
                 name: str | None = None):
        self._source = CubeSource(image, nodata)
        self.name = name or Path(self.info.path).stem
        self._chain = SpectralChain(preprocessing)
        match = self._match(num_bands, wanted, matching)
        self.raw_bands = self.info.bands if match is None else len(wanted)
        self.raw_wavelengths = self.info.wavelengths if match is None else wanted.wavelengths
        try:
            self.bands, self.wavelengths = self._chain.bind(self.raw_bands, self.raw_wavelengths)
            if any(step.state_names for step in self._chain.transforms) and state is not None:
                self._chain.load_state_dict(state)
        except ValueError as error:
            raise ValueError(f'{self.info.path}: {error}') from error
        if not self._chain.fitted:
            missing = ', '.join(type(step).__name__ for step in self._chain.transforms if not step.fitted)
            raise ValueError(f'{self.info.path}: the preprocessing ({missing}) is fitted in the training and kept in '
                             'its checkpoint, but the weights that are given hold none; it is never fitted to the '
                             'scene that is predicted')
        used = self._chain.source_bands
        if match is not None:
            self._match_used = match if used is None else match.select(used)
            self._source.select(self._match_used.source)
        else:
            self._match_used = None
            self._source.select(used)
        self._valid = self._last = None
        self.window(0, 0, 1, 1)  # names a number of bands that the state was not fitted on

    def _match(self, num_bands: int | None, wanted: Bands | None, matching: str) -> BandMatch | None:
        info = self.info
        if wanted is not None and info.wavelengths is not None:
            found = Bands(info.wavelengths, info.fwhm, info.path)
            match = match_bands(wanted, found, matching)
            self.matched = {'check': 'the same bands by their wavelengths', 'off': 'not compared'}.get(
                matching, f'matched by {matching}')
            if match is not None:
                return match
        else:
            unknown = 'the file states no wavelengths' if info.wavelengths is None else (
                'the wavelengths that the model was trained on are not known')
            self.matched = f'by their number alone: {unknown}'
            if matching in ('nearest', 'resample'):
                raise ValueError(f'{info.path}: the bands cannot be matched by wavelength: {unknown}')
        if num_bands not in (None, info.bands):
            hint = '' if info.wavelengths is None else (
                f'; it has the wavelengths {info.wavelengths.min():.0f} to {info.wavelengths.max():.0f} nm, by which '
                'they can be matched if those of the model are given')
            raise ValueError(f'{info.path}: the model was trained on {num_bands} bands, the file has '
                             f'{info.bands}{hint}')
        return None

    @property
    def info(self) -> CubeInfo:
        """What the file says about its cube."""
        return self._source.info

    @property
    def height(self) -> int:
        """Number of rows H."""
        return self.info.height

    @property
    def width(self) -> int:
        """Number of columns W."""
        return self.info.width

    @property
    def transforms(self) -> list:
        """The fitted spectral transforms."""
        return self._chain.transforms

    @property
    def used_bands(self) -> np.ndarray | None:
        """Bands among those of the model that a leading ``SelectBands`` keeps, None for all."""
        return self._chain.source_bands

    @property
    def valid(self) -> np.ndarray:
        """Mask of the pixels that hold data, bool (H, W); it takes one pass over the whole file."""
        if self._valid is None:
            self._valid = self._source.scan_valid()
        return self._valid

    def read(self, top: int, left: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Preprocessed values (h, w, C') float32 inside the scene, 0 where there is no data, and validity (h, w)."""
        raw, valid = self._source.read((top, left, height, width))
        values = self._apply(raw)
        return (values if valid.all() else np.where(valid[..., None], values, np.float32(0))), valid

    def _apply(self, raw: np.ndarray) -> np.ndarray:
        return self._chain(raw if self._match_used is None else self._match_used(raw))

    def window(self, top: int, left: int, height: int, width: int, pad_mode: str = 'constant',
               pad_value: float = 0.) -> np.ndarray:
        """Preprocessed window (h, w, C') float32, which may hang over the border of the scene."""
        rows = source_indices(top, height, self.height, pad_mode)
        cols = source_indices(left, width, self.width, pad_mode)
        inner_rows, inner_cols = rows[rows >= 0], cols[cols >= 0]
        if not (inner_rows.size and inner_cols.size):
            return np.full((height, width, self.bands), pad_value, np.float32)
        first_row, first_col = int(inner_rows.min()), int(inner_cols.min())
        area = (first_row, first_col, int(inner_rows.max()) - first_row + 1, int(inner_cols.max()) - first_col + 1)
        values, valid = self.read(*area)
        self._last = area, valid
        if area == (top, left, height, width):
            return values
        rows[rows >= 0] -= first_row
        cols[cols >= 0] -= first_col
        return gather(values, rows, cols, pad_value)

    def validity(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Which pixels (h, w) of a window hold data, False outside the scene; free behind :meth:`window` of it."""
        bottom, right = min(top + height, self.height), min(left + width, self.width)
        area = (max(top, 0), max(left, 0), bottom - max(top, 0), right - max(left, 0))
        if self._source.always_valid:
            inner = np.ones(area[2:], bool)
        elif self._last is not None and _inside(area, self._last[0]):
            (row, col, *_), known = self._last
            inner = known[area[0] - row:bottom - row, area[1] - col:right - col]
        else:
            inner = self._source.read(area)[1]
        result = np.zeros((height, width), bool)
        result[area[0] - top:bottom - top, area[1] - left:right - left] = inner
        return result

    def subset(self, name: str) -> np.ndarray:
        """Flat indices of all valid pixels, the only subset of a scene without labels."""
        if name != 'all':
            raise ValueError(f'{self.info.path}: a scene without labels has the subset "all" alone, not {name!r}')
        return np.flatnonzero(self.valid)

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        """Preprocessed spectra (N, C') float32 of flat indices ``row * W + col``."""
        return self._apply(self._source.read_pixels(indices))

    def spectra(self, spectra: np.ndarray) -> np.ndarray:
        """Put spectra (..., C) of the bands that the model was trained on through the preprocessing: (..., C')."""
        used = self.used_bands
        return self._chain(np.asarray(spectra if used is None else spectra[..., used], np.float32))

    def thumbnail(self, bands: Sequence[int], step: int) -> tuple[np.ndarray, np.ndarray]:
        """Every ``step``-th pixel of some bands of the file as stored: values (h, w, n) and validity (h, w)."""
        parts = []
        for top, rows in self._source.row_blocks():
            first = -top % step
            if first < rows:
                values, valid = self._source.read((top, 0, rows, self.width), bands)
                parts.append((values[first::step, ::step], valid[first::step, ::step]))
        values, valid = zip(*parts, strict=True)
        return np.concatenate(values), np.concatenate(valid)

    def stored(self, area: tuple[int, int, int, int], bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Bands of an area (top, left, h, w) inside the scene as stored: values (h, w, n) and validity (h, w)."""
        return self._source.read(area, bands)

    def close(self) -> None:
        """Release the file."""
        self._source.close()


class PairStream:
    """Two dates of one place, whose windows hold the bands of the first date, then those of the second.

    Args:
        image (Sequence[str | dict | np.ndarray]): The two cubes.
        state (Mapping[str, np.ndarray], optional): The fitted state of a :class:`mmhsi.datasets.PairScene`.
        joint (bool): Whether both dates share one state, see :class:`mmhsi.datasets.PairScene`. Defaults to True.
        **kwargs: See :class:`SceneStream`.

    Raises:
        ValueError: If the dates differ in size; besides, as :class:`SceneStream`.
    """

    def __init__(self, image: Sequence[Source], state: Mapping[str, np.ndarray] | None = None, joint: bool = True,
                 **kwargs):
        def part(date: str) -> Mapping | None:
            if state is None or joint:
                return state
            return {key.removeprefix(f'{date}.'): value for key, value in state.items() if key.startswith(f'{date}.')}

        self.dates = tuple(SceneStream(source, state=part(date), **kwargs)
                           for source, date in zip(image, ('first', 'second'), strict=True))
        first, second = self.dates
        if first.info.shape[:2] != second.info.shape[:2]:
            raise ValueError(f'the two dates must have the same pixels: {first.info.path} has {first.height} x '
                             f'{first.width}, {second.info.path} has {second.height} x {second.width}')
        self._check_place()
        self.info, self.name, self.matched = first.info, first.name, first.matched
        self.height, self.width = first.height, first.width
        self.bands = first.bands + second.bands
        self.wavelengths = None

    def _check_place(self) -> None:
        infos = [date.info for date in self.dates]
        if any(info.transform is None for info in infos):
            return
        apart = np.abs(np.subtract(*(np.array(info.transform) for info in infos)))
        pixel = np.hypot(infos[0].transform[0], infos[0].transform[3])
        if max(apart[2], apart[5]) > pixel / 2 or max(apart[[0, 1, 3, 4]]) * max(infos[0].shape[:2]) > pixel:
            raise ValueError(f'the two dates must lie on the same pixels: {infos[0].path} has the transform '
                             f'{infos[0].transform}, {infos[1].path} has {infos[1].transform}')

    @property
    def valid(self) -> np.ndarray:
        """Mask of the pixels that hold data at both dates, bool (H, W)."""
        return np.logical_and(*(date.valid for date in self.dates))

    def window(self, *args, **kwargs) -> np.ndarray:
        """Preprocessed window (h, w, 2 C') of both dates; see :meth:`SceneStream.window`."""
        return np.concatenate([date.window(*args, **kwargs) for date in self.dates], axis=-1)

    def validity(self, *area: int) -> np.ndarray:
        """Which pixels of a window hold data at both dates; see :meth:`SceneStream.validity`."""
        return np.logical_and(*(date.validity(*area) for date in self.dates))

    def subset(self, name: str) -> np.ndarray:
        """Flat indices of all pixels that are valid at both dates; see :meth:`SceneStream.subset`."""
        self.dates[0].subset(name)
        return np.flatnonzero(self.valid)

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        """Preprocessed spectra (N, 2 C') of both dates."""
        return np.concatenate([date.pixels(indices) for date in self.dates], axis=-1)

    def thumbnail(self, bands: Sequence[int], step: int) -> tuple[np.ndarray, np.ndarray]:
        """Every ``step``-th pixel of some bands of the first date; see :meth:`SceneStream.thumbnail`."""
        return self.dates[0].thumbnail(bands, step)

    def stored(self, area: tuple[int, int, int, int], bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Bands of an area of the first date as stored; see :meth:`SceneStream.stored`."""
        return self.dates[0].stored(area, bands)

    def close(self) -> None:
        """Release the files."""
        for date in self.dates:
            date.close()


def _inside(area: tuple[int, ...], outer: tuple[int, ...]) -> bool:
    return all(outer[axis] <= area[axis] and area[axis] + area[axis + 2] <= outer[axis] + outer[axis + 2]
               for axis in (0, 1))
