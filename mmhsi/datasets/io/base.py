"""What all readers have in common: the description of a cube, the checks of a request, and life across processes."""

import operator
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import CubeReadError, explained
from .memory import check_fits
from .variables import Key

LAYOUTS = ('auto', 'hwc', 'chw')
Window = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class CubeInfo:
    """What a file says about its cube.

    Args:
        path (str): The file with the values (for an ENVI header that was given, its data file).
        format (str): 'mat' (up to version 7), 'mat73', 'hdf5', 'npy', 'npz' or 'raster'.
        height (int): Rows.
        width (int): Columns.
        bands (int): Bands.
        dtype (np.dtype): Type of the values, in the byte order of the machine.
        nodata (float, optional): Value of pixels without data.
        wavelengths (np.ndarray, optional): Band centres in nm, float64 (bands,).
        fwhm (np.ndarray, optional): Full widths at half maximum in nm, float64 (bands,).
        crs (str, optional): Coordinate reference system as WKT.
        transform (tuple[float], optional): Affine map from (column, row) to (x, y): a, b, c, d, e, f with
            x = a column + b row + c and y = d column + e row + f.
        key (str, optional): Name of the array in a file that holds several.
        band_names (tuple[str], optional): Descriptions of the bands.
    """

    path: str
    format: str
    height: int
    width: int
    bands: int
    dtype: np.dtype
    nodata: float | None = None
    wavelengths: np.ndarray | None = None
    fwhm: np.ndarray | None = None
    crs: str | None = None
    transform: tuple[float, ...] | None = None
    key: str | None = None
    band_names: tuple[str, ...] | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, bands)."""
        return self.height, self.width, self.bands

    @property
    def windowed(self) -> bool:
        """Whether a window can be read without reading the whole file."""
        return self.format not in ('mat', 'npz')


class CubeReader:
    """Base of the readers; use :func:`open_cube`, which picks the right one.

    A reader holds no open file when it is pickled, and a process forked from the one that opened it opens the file
    for itself: HDF5 and GDAL handles must not be shared between processes. After ``close`` the next read opens the
    file again.

    Args:
        path (str): The file.
        key (str | Sequence[str], optional): Name of the array, or candidate names.
        layout (str): 'auto', 'hwc' or 'chw'.
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
        self._handles = {}
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
        check_fits(self.path, f'a window of {window[2]} x {window[3]} pixels and {depth} bands',
                   window[2] * window[3] * depth * self.info.dtype.itemsize)
        with explained(self.path):
            return np.array(self._read(window, bands), self.info.dtype, order='C')

    def _checked_window(self, window: Window | None) -> Window:
        height, width = self.info.height, self.info.width
        if window is None:
            return 0, 0, height, width
        try:
            top, left, rows, columns = (operator.index(value) for value in window)
        except (TypeError, ValueError):
            raise CubeReadError(
                f'{self.path}: window {window!r}, expected four integers (top, left, height, width)') from None
        if min(top, left) < 0 or min(rows, columns) < 1 or top + rows > height or left + columns > width:
            raise CubeReadError(f'{self.path}: window (top {top}, left {left}, height {rows}, width {columns}) lies '
                                f'outside the scene of {height} x {width} pixels')
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
        """Close the file and forget what was read of it."""
        handle = self._handles.pop(None if self.survives_fork else os.getpid(), None)
        if hasattr(handle, 'close'):
            handle.close()

    def __enter__(self) -> 'CubeReader':
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_handles': {}}

    def __repr__(self) -> str:
        height, width, bands = self.info.shape
        return f'{type(self).__name__}({self.path!r}, {height} x {width} pixels, {bands} bands, {self.info.dtype})'
