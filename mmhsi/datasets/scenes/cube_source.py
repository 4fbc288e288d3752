"""The raw data of a scene: float32 windows of its cube and the mask of valid pixels."""

from __future__ import annotations

import logging
import numbers
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from mmhsi.datasets.io import CubeInfo, open_cube
from mmhsi.datasets.io.georeference import BLOCK_CACHE
from mmhsi.datasets.scenes.unmixing_truth import read_maps
from mmhsi.utils.progress import progress_bar
from mmhsi.utils.text import listed

Source = str | dict | np.ndarray

BLOCK_BYTES = 64 * 2**20
_SLOW = 4.0  # values unpacked for each value of a window
_PATIENCE = 2.0  # seconds before a bar appears
AS_STORED = ('scaled', 'keep_bad_bands', 'wavelengths')
"""Arguments of an image that say how its file is taken, besides those of the reader; see :class:`CubeSource`."""


def require_real(array: np.ndarray, path: str = '<array>') -> None:
    """Refuse an array in memory that is empty or does not hold real numbers."""
    if array.dtype.kind not in 'biuf' or not array.size:
        raise ValueError(f'{path}: expected real numbers, found {array.dtype} of the shape {array.shape}')


class Extent:
    """The size of a cube that ``info`` describes."""

    info: CubeInfo

    @property
    def height(self) -> int:
        """Number of rows H."""
        return self.info.height

    @property
    def width(self) -> int:
        """Number of columns W."""
        return self.info.width


class _ArrayReader:
    """An array in memory with the interface of the file readers."""

    def __init__(self, array: np.ndarray, path: str = '<array>'):
        if array.ndim != 3:
            raise ValueError(f'{path}: a cube in memory must have the shape (H, W, C), not {array.shape}')
        require_real(array, path)
        if isinstance(array, np.ma.MaskedArray):
            array = array.astype(np.promote_types(array.dtype, np.float32)).filled(np.nan)  # no data
        self.array = array
        self.info = CubeInfo(path, 'npy', *array.shape, array.dtype)

    def read(self, window: tuple[int, int, int, int] | None = None, bands: Sequence[int] | None = None) -> np.ndarray:
        top, left, height, width = window or (0, 0, *self.array.shape[:2])
        part = self.array[top : top + height, left : left + width]
        return part if bands is None else part[..., bands]

    def read_mask(self, window: tuple[int, int, int, int] | None = None) -> None:
        """An array has no separate mask."""

    def close(self) -> None:
        """Nothing to release: the array belongs to the caller."""


_MATRIX_LAYOUTS = {'chw': 'phw', 'cwh': 'pwh', 'hwc': 'hwp', 'whc': 'whp'}


def _read_pixel_list(
    path: str, size: tuple[int, int], key: str | None = None, layout: str = 'cwh', **unknown
) -> np.ndarray:
    """A cube (H, W, C) float32 from a matrix (C, N) or (N, C) of its pixels."""
    if unknown:
        raise ValueError(
            f'{path}: an image with size is a list of pixels, which is taken as it is stored; besides size it has '
            f'path, key, layout and wavelengths, not {", ".join(unknown)}'
        )
    if layout not in _MATRIX_LAYOUTS:
        known = ', '.join(map(repr, _MATRIX_LAYOUTS))
        raise ValueError(f'{path}: layout {layout!r} of a list of pixels, expected one of {known}')
    bands = read_maps(path, key, _MATRIX_LAYOUTS[layout], size, 'bands')
    return np.ascontiguousarray(np.moveaxis(bands, 0, -1), dtype=np.float32)


def _with_wavelengths(info: CubeInfo, stated: Sequence[float] | None) -> CubeInfo:
    """The description of a file, with the user's wavelengths if the file states none."""
    if stated is None or info.wavelengths is not None:
        return info
    waves = np.asarray(stated, np.float64)
    if waves.shape == (2,) and info.bands > 2:
        waves = np.linspace(*waves, info.bands)
    if waves.shape != (info.bands,) or not (np.isfinite(waves) & (waves > 0)).all():
        raise ValueError(
            f'{info.path}: wavelengths of shape {np.shape(stated)} are given, expected those of the {info.bands} bands '
            'in nm, or of the first and the last one'
        )
    return replace(info, wavelengths=waves)


class CubeSource:
    """Reads windows of a cube as float32 and determines which pixels are valid.

    Values are physical: stored ones times the scale of the file plus its offset. A pixel is invalid if the value of any
    of its bands is NaN, infinite, nodata, or beyond any sensor (1e30; an undeclared nodata value), or if the mask of
    the file excludes it; all its values are returned as 0. Bands that the file marks as bad are left out.

    Args:
        image (str | dict | np.ndarray): The file; a dict of the arguments of :func:`mmhsi.datasets.io.open_cube` and,
            optionally, ``scaled`` (False for stored values), ``keep_bad_bands`` (True for all bands) and
            ``wavelengths`` (nm, where the file states none: of all bands, or of the first and the last of evenly spaced
            ones); or a cube of shape (H, W, C) in memory, alone or as ``array``
            of a dict with ``wavelengths``. A dict with ``size=(H, W)`` names an array that is a list of
            pixels: a matrix (C, N) with ``layout='chw'`` if they are stored row by row, ``layout='cwh'`` (the default)
            if column by column, as MATLAB has them; a matrix (N, C) with ``layout='hwc'`` or ``'whc'``.
        nodata (float, optional): Stored value of pixels without data, instead of the one that the file declares.
        keep_bad_bands (bool): Whether to keep bands that are marked as bad, e.g. because the caller refers to bands by
            their number in the file. Defaults to False.
    """

    def __init__(self, image: str | dict | np.ndarray, nodata: float | None = None, keep_bad_bands: bool = False):
        self._scaled, wavelengths = True, None
        if nodata is not None and not isinstance(nodata, numbers.Real):
            raise ValueError(f'nodata is a number, not {nodata!r}')
        if isinstance(image, np.ndarray):
            image = dict(array=image)
        if isinstance(image, Mapping) and 'array' in image:
            self._reader = _ArrayReader(image['array'])
            wavelengths = image.get('wavelengths')
        elif isinstance(image, Mapping) and 'size' in image:
            image = dict(image)
            wavelengths = image.pop('wavelengths', None)
            self._reader = _ArrayReader(_read_pixel_list(**image), image['path'])
        else:
            image = {'path': image} if isinstance(image, (str, Path)) else dict(image)
            scaled, keep, waves = AS_STORED
            self._scaled = image.pop(scaled, True)
            keep_bad_bands = image.pop(keep, False) or keep_bad_bands
            wavelengths = image.pop(waves, None)
            self._reader = open_cube(**image)
        self._nodata = nodata
        self.info = info = _with_wavelengths(self._reader.info, wavelengths)
        self.bands: np.ndarray | None = None
        self._kept: np.ndarray | None = None
        if info.bad_bands is not None:
            bad = np.flatnonzero(info.bad_bands)
            if not keep_bad_bands:
                self._kept = info.good_bands
                self.info = info.select(self._kept)
            print_log(
                f'{info.path}: {len(bad)} of {info.bands} bands are marked as bad ({listed(bad, 20)}) and '
                f'{"kept" if keep_bad_bands else "left out; keep_bad_bands=True keeps them"}',
                'current',
                logging.INFO,
            )

    @property
    def file_bands(self) -> int:
        """Number of bands of the file, including bad bands that are left out."""
        return self._reader.info.bands

    def check_bands(self, expected: int | None) -> None:
        """Raise a ValueError if the file has another number of bands, counted with or without bad bands."""
        info = self.info
        if expected in (None, info.bands, self.file_bands):
            return
        hint = ''
        if info.wavelengths is not None:
            hint = (
                f'; it has the wavelengths {info.wavelengths.min():.0f} to {info.wavelengths.max():.0f} nm, by '
                'which they can be matched if those of the model are given'
            )
        raise ValueError(f'{info.path}: {expected} bands are expected, but the file has {info.bands}{hint}')

    @property
    def kept_bands(self) -> np.ndarray:
        """Numbers in the file of the bands that are not left out as bad, int64."""
        return np.arange(self.file_bands) if self._kept is None else self._kept

    @property
    def nodata(self) -> float | np.ndarray | None:
        """Stored value of pixels without data."""
        return self.info.nodata if self._nodata is None else self._nodata

    @property
    def always_valid(self) -> bool:
        """Whether missing data are impossible, given the type of the values and the absence of nodata and mask."""
        marked = (self.nodata, self.info.valid_range, self.info.mask)
        return self.info.dtype.kind not in 'fc' and all(mark is None for mark in marked)

    def select(self, bands: Sequence[int] | None) -> None:
        """Read only these bands from now on, so that the others neither cost time nor mask pixels."""
        self.bands = None if bands is None else np.asarray(bands)

    def stored(self, window: tuple[int, int, int, int] | None = None, bands: Sequence[int] | None = None) -> np.ndarray:
        """Values of a window (h, w, C) in the type of the file; arguments as in :meth:`read`."""
        if self._kept is not None:
            bands = self._kept if bands is None else self._kept[np.asarray(bands)]
        return self._reader.read(window, None if bands is None else list(bands))

    def read(
        self, window: tuple[int, int, int, int] | None = None, bands: Sequence[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read a window that lies inside the scene.

        Args:
            window (tuple[int, int, int, int], optional): (top, left, height, width). By default the whole scene.
            bands (Sequence[int], optional): Bands, counted without those left out as bad. By default those that are
                selected.

        Returns:
            tuple[np.ndarray, np.ndarray]: Values of shape (h, w, C) float32, and bool of shape (h, w), True where
            there is data.
        """
        bands = self.bands if bands is None else bands
        stored = self.stored(window, bands)
        values = self.info.physical(stored, bands) if self._scaled else stored.astype(np.float32)
        if self.always_valid:
            return values, np.ones(stored.shape[:2], dtype=bool)
        valid = ~self.info.no_data(stored, bands, self._nodata).any(axis=-1)
        mask = self._reader.read_mask(window)
        if mask is not None:
            valid &= mask
        values[~valid] = 0
        return values, valid

    def advise(self, height: int, width: int) -> str | None:
        """What would make windows of this size faster, in a sentence; None if they are read well, or are found in the
        cache of unpacked blocks."""
        if isinstance(self._reader, _ArrayReader):
            return None
        bands = self.info.bands if self.bands is None else len(self.bands)
        share = self._reader.unpacked_share(height, width, bands)
        size = self.info.height * self.info.width * bands * self.info.dtype.itemsize
        if share < _SLOW or size <= BLOCK_CACHE:
            return None
        rows, columns, depth = self._reader.blocks
        return (
            f'{self.info.path}: windows of {height} x {width} pixels unpack {share:.0f} times as many values as they '
            f'hold, because the file is packed in blocks of {rows} x {columns} pixels and {depth} bands; cache=True '
            'keeps the scene in memory, and a copy in ENVI format (mmhsi.datasets.io.write_raster) is read faster'
        )

    def row_blocks(self) -> Iterator[tuple[int, int]]:
        """First row and number of rows of blocks that fit into memory."""
        row_bytes = self.info.width * self.info.bands * max(self.info.dtype.itemsize, 4)
        rows = max(1, BLOCK_BYTES // row_bytes)
        for top in range(0, self.info.height, rows):
            yield top, min(rows, self.info.height - top)

    def scan_valid(self) -> np.ndarray:
        """Mask of the pixels that hold data, bool (H, W), read block by block."""
        if self.always_valid:
            return np.ones(self.info.shape[:2], dtype=bool)
        blocks = progress_bar(list(self.row_blocks()), 'looking for pixels without data', 'blocks', after=_PATIENCE)
        return np.concatenate([self.read((top, 0, rows, self.info.width))[1] for top, rows in blocks])

    def read_pixels(self, indices: np.ndarray) -> np.ndarray:
        """Read single pixels, block by block.

        Args:
            indices (np.ndarray): N flat indices ``row * W + col``.

        Returns:
            np.ndarray: float32 values of shape (N, C).
        """
        bands = self.info.bands if self.bands is None else len(self.bands)
        pixels = np.empty((len(indices), bands), dtype=np.float32)
        rows, cols = np.divmod(np.asarray(indices), self.info.width)
        for top, height in progress_bar(list(self.row_blocks()), 'reading pixels', 'blocks', after=_PATIENCE):
            inside = (rows >= top) & (rows < top + height)
            if inside.any():
                first, last = rows[inside].min(), rows[inside].max()
                block, _ = self.read((int(first), 0, int(last - first + 1), self.info.width))
                pixels[inside] = block[rows[inside] - first, cols[inside]]
        return pixels

    def empty_bands(self) -> list[int]:
        """Selected bands without data in any pixel, counted without those left out as bad."""
        bands = np.arange(self.info.bands) if self.bands is None else self.bands
        empty = np.ones(len(bands), dtype=bool)
        for top, rows in progress_bar(list(self.row_blocks()), 'looking for empty bands', 'blocks', after=_PATIENCE):
            stored = self.stored((top, 0, rows, self.info.width), bands)
            empty &= self.info.no_data(stored, bands, self._nodata).all(axis=(0, 1))
        return bands[empty].tolist()

    def close(self) -> None:
        """Release the file; the next access opens it again."""
        self._reader.close()
