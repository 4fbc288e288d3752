"""Base of all readers: the description of a cube, checks of requests, and use across processes."""

import operator
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from .errors import CubeReadError, explained
from .memory import check_fits
from .variables import Key

LAYOUTS = ('auto', 'hwc', 'chw', 'bil')
Window = tuple[int, int, int, int]
LARGEST = 1e30
"""Beyond the values of any sensor; the smallest and the largest float32 are common marks of missing data."""
_PER_BAND = ('nodata', 'wavelengths', 'fwhm', 'scale', 'offset', 'bad_bands')


@dataclass(frozen=True, eq=False)
class CubeInfo:
    """What a file says about its cube.

    Readers return stored values; ``scale``, ``offset``, ``nodata``, ``bad_bands`` and ``mask`` say what these mean.

    Args:
        path (str): The file with the values (for an ENVI header that was given, its data file).
        format (str): 'mat' (up to version 7), 'mat73', 'hdf5', 'netcdf3', 'npy', 'npz', 'envi', 'raster', or the name
            of a sensor product.
        height (int): Rows.
        width (int): Columns.
        bands (int): Bands.
        dtype (np.dtype): Type of the stored values, in the byte order of the machine.
        nodata (float | np.ndarray, optional): Stored value of pixels without data: one number for all bands, or
            float64 (bands,) where they differ, NaN for a band that has none.
        further_nodata (tuple[float]): Other stored values of pixels without data, of all bands.
        valid_range (tuple[float, float], optional): Lowest and highest stored value that is data, infinite where only
            one is stated.
        wavelengths (np.ndarray, optional): Band centres in nm, float64 (bands,).
        fwhm (np.ndarray, optional): Full widths at half maximum in nm, float64 (bands,).
        crs (str, optional): Coordinate reference system as WKT.
        transform (tuple[float], optional): Affine map from (column, row) to (x, y): a, b, c, d, e, f with
            x = a column + b row + c and y = d column + e row + f.
        key (str, optional): Name of the array in a file that holds several.
        band_names (tuple[str], optional): Descriptions of the bands.
        scale (np.ndarray, optional): float64 (bands,); physical value = stored value * scale + offset. None means 1.
        offset (np.ndarray, optional): float64 (bands,). None means 0.
        units (str, optional): Unit of the physical values as the file names it.
        bad_bands (np.ndarray, optional): bool (bands,), True for bands that the file marks as bad.
        mask (str, optional): Description of a mask of valid pixels besides nodata ('alpha band 4', 'mask in the file',
            ...); :meth:`CubeReader.read_mask` reads it. None without such a mask.
        gcps (tuple, optional): Ground control points (row, column, x, y, z), row and column in pixels from the
            upper left corner, in place of ``transform``.
        gcps_crs (str, optional): Coordinate reference system of the control points as WKT.
        rpcs (dict, optional): Rational polynomial coefficients by the names of GDAL's RPC domain, values as text.
        sensor (str, optional): Name of the sensor.
        acquired (str, optional): Time of acquisition, ISO 8601.
        companions (tuple[str]): Other files that the description, the values or the mask come from: header, sidecars,
            further data files. With ``path`` they are all that the cube depends on.
        notes (tuple[str]): Notes on statements in the file that were not applied as stated.
    """

    path: str
    format: str
    height: int
    width: int
    bands: int
    dtype: np.dtype
    nodata: float | np.ndarray | None = None
    further_nodata: tuple[float, ...] = ()
    valid_range: tuple[float, float] | None = None
    wavelengths: np.ndarray | None = None
    fwhm: np.ndarray | None = None
    crs: str | None = None
    transform: tuple[float, ...] | None = None
    key: str | None = None
    band_names: tuple[str, ...] | None = None
    scale: np.ndarray | None = None
    offset: np.ndarray | None = None
    units: str | None = None
    bad_bands: np.ndarray | None = None
    mask: str | None = None
    gcps: tuple[tuple[float, ...], ...] | None = None
    gcps_crs: str | None = None
    rpcs: dict[str, str] | None = None
    sensor: str | None = None
    acquired: str | None = None
    companions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def good_bands(self) -> np.ndarray:
        """Indices of the bands that are not marked as bad, int64."""
        return np.arange(self.bands) if self.bad_bands is None else np.flatnonzero(~self.bad_bands)

    def select(self, bands: Sequence[int]) -> 'CubeInfo':
        """The description of a cube with a subset of the bands.

        Args:
            bands (Sequence[int]): Bands by index from 0, in the requested order.

        Returns:
            CubeInfo: The description.
        """
        chosen = np.asarray(bands, np.int64)
        parts: dict[str, Any] = {
            name: value[chosen]
            for name in _PER_BAND
            if isinstance(value := getattr(self, name), np.ndarray) and value.ndim == 1
        }
        if self.band_names is not None:
            parts['band_names'] = tuple(self.band_names[band] for band in chosen)
        return replace(self, bands=len(chosen), **parts)

    @property
    def placed(self) -> bool:
        """Whether the georeference is known, from a transform, control points or polynomial coefficients."""
        return self.transform is not None or bool(self.gcps) or bool(self.rpcs)

    @property
    def scaled(self) -> bool:
        """Whether the physical values differ from the stored ones."""
        return self.scale is not None or self.offset is not None

    def physical(self, stored: np.ndarray, bands: Sequence[int] | None = None) -> np.ndarray:
        """Convert stored values to physical values.

        Args:
            stored (np.ndarray): Stored values (..., C).
            bands (Sequence[int], optional): The C bands that they are of. Defaults to all.

        Returns:
            np.ndarray: float32 of the same shape, stored * scale + offset, computed in float64.
        """
        if not self.scaled:
            return stored.astype(np.float32)
        scale = np.ones(self.bands) if self.scale is None else self.scale
        offset = np.zeros(self.bands) if self.offset is None else self.offset
        if bands is not None:
            scale, offset = scale[list(bands)], offset[list(bands)]
        return (stored * scale + offset).astype(np.float32)

    def no_data(
        self, stored: np.ndarray, bands: Sequence[int] | None = None, nodata: float | None = None
    ) -> np.ndarray:
        """Where stored values are no data: not finite, beyond any sensor (1e30), the nodata value of their band, or
        outside the range of valid values.

        Args:
            stored (np.ndarray): Stored values (..., C).
            bands (Sequence[int], optional): The C bands that they are of. Defaults to all.
            nodata (float, optional): Value of pixels without data instead of the one that the file states.

        Returns:
            np.ndarray: bool of the same shape.
        """
        # NaN compares as False
        bad = ~(np.abs(stored) < LARGEST) if stored.dtype.kind in 'fc' else np.zeros(stored.shape, dtype=bool)
        if self.valid_range is not None:
            bad |= (stored < self.valid_range[0]) | (stored > self.valid_range[1])
        for value in self.further_nodata:
            bad |= stored == value
        mark = self.nodata if nodata is None else nodata
        if mark is None:
            return bad
        if isinstance(mark, np.ndarray):
            mark = mark if bands is None else mark[list(bands)]
            if stored.dtype.kind == 'f':
                mark = mark.astype(stored.dtype)  # compared in the precision of the file
        elif stored.dtype.kind in 'iu' and mark % 1 == 0:
            # compared exactly, and without a copy of the block as floats; 2^64 - 1 rounds up as a float
            mark = (
                min(int(mark), int(np.iinfo(stored.dtype).max))
                if mark == float(np.iinfo(stored.dtype).max)
                else int(mark)
            )
        return bad | (stored == mark)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, bands)."""
        return self.height, self.width, self.bands

    @property
    def windowed(self) -> bool:
        """Whether a window can be read without reading the whole file."""
        return self.format not in ('mat', 'npz', 'netcdf3')


class CubeReader:
    """Base of the readers; use :func:`open_cube`, which chooses the right one.

    A pickled reader holds no open file, and a forked process opens the file again: HDF5 and GDAL handles must not be
    shared between processes. After ``close`` the next read opens the file again.

    Args:
        path (str): The file.
        key (str | Sequence[str], optional): Name of the array, or candidate names.
        layout (str): 'auto', 'hwc', 'chw' or 'bil'.
        ndim (int): 3 for a cube, 2 for a map of one band. Defaults to 3.
    """

    format = ''
    # Arrays in memory and memory maps, unlike handles, survive a fork and are shared by it.
    survives_fork = False

    def __init__(self, path: str, key: Key = None, layout: str = 'auto', ndim: int = 3) -> None:
        self.path = path
        self.key = key
        self.layout = layout
        self.ndim = ndim
        self._handles: dict[int | None, Any] = {}
        self.info = self._describe()

    def _describe(self) -> CubeInfo:
        raise NotImplementedError

    def _open(self) -> Any:
        raise NotImplementedError

    def _read(self, window: Window, bands: Sequence[int] | None) -> np.ndarray:
        raise NotImplementedError

    def read(self, window: Window | None = None, bands: Sequence[int] | None = None) -> np.ndarray:
        """Read the cube or a part of it.

        Args:
            window (tuple[int], optional): (top, left, height, width) in pixels. Defaults to the whole scene.
            bands (Sequence[int], optional): Bands by index from 0, in the order wanted. Defaults to all.

        Returns:
            np.ndarray: (height, width, bands) of the window, in the file's dtype; a copy that the caller owns.

        Raises:
            CubeReadError: If the window or a band lies outside the cube, does not fit into memory, or the file is
                damaged.
        """
        window = self._checked_window(window)
        if bands is not None:
            bands = self._checked_bands(bands)
        depth = self.info.bands if bands is None else len(bands)
        check_fits(
            self.path,
            f'a window of {window[2]} x {window[3]} pixels and {depth} bands',
            window[2] * window[3] * depth * self.info.dtype.itemsize,
        )
        with explained(self.path):
            return np.array(self._read(window, bands), self.info.dtype, order='C')

    def read_mask(self, window: Window | None = None) -> np.ndarray | None:
        """Read the mask of valid pixels that the file has besides nodata.

        Args:
            window (tuple[int], optional): (top, left, height, width) in pixels. Defaults to the whole scene.

        Returns:
            np.ndarray | None: bool (height, width), True where there is data; None without such a mask.

        Raises:
            CubeReadError: As :meth:`read`.
        """
        if self.info.mask is None:
            return None
        window = self._checked_window(window)
        with explained(self.path):
            return self._read_mask(window)

    def _read_mask(self, window: Window) -> np.ndarray:
        raise NotImplementedError

    @property
    def blocks(self) -> tuple[int, int, int] | None:
        """Rows, columns and bands of the blocks that are unpacked as a whole; None for values that are not packed."""
        return None

    def unpacked_share(self, rows: int, columns: int, bands: int) -> float:
        """Mean number of values that are unpacked for each value of a window at a random place, at least 1."""
        share = 1.0
        for length, block, whole in zip((rows, columns, bands), self.blocks or (1, 1, 1), self.info.shape, strict=True):
            share *= max(min(length - 1 + block, whole) / length, 1.0)
        return share

    def _checked_window(self, window: Window | None) -> Window:
        height, width = self.info.height, self.info.width
        if window is None:
            return 0, 0, height, width
        try:
            top, left, rows, columns = (operator.index(value) for value in window)
        except (TypeError, ValueError):
            raise CubeReadError(
                f'{self.path}: window {window!r}, expected four integers (top, left, height, width)'
            ) from None
        if min(top, left) < 0 or min(rows, columns) < 1 or top + rows > height or left + columns > width:
            raise CubeReadError(
                f'{self.path}: window (top {top}, left {left}, height {rows}, width {columns}) lies '
                f'outside the scene of {height} x {width} pixels'
            )
        return top, left, rows, columns

    def _checked_bands(self, bands: Sequence[int]) -> Sequence[int]:
        try:
            bands = [operator.index(band) for band in bands]
        except TypeError:
            raise CubeReadError(f'{self.path}: bands {bands!r}, expected a sequence of integers') from None
        outside = [band for band in bands if not 0 <= band < self.info.bands]
        if outside or not bands:
            found = f'band {outside[0]}' if outside else 'an empty list of bands'
            raise CubeReadError(f'{self.path}: {found} asked for, the file has bands 0 to {self.info.bands - 1}')
        return bands

    def _handle(self) -> Any:
        process = None if self.survives_fork else os.getpid()
        if process not in self._handles:
            self._handles[process] = self._open()
        return self._handles[process]

    def close(self) -> None:
        """Close the file and discard what was read from it."""
        handle = self._handles.pop(None if self.survives_fork else os.getpid(), None)
        if hasattr(handle, 'close'):
            handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_handles': {}}

    def __repr__(self) -> str:
        height, width, bands = self.info.shape
        return f'{type(self).__name__}({self.path!r}, {height} x {width} pixels, {bands} bands, {self.info.dtype})'
