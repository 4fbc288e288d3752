"""Products in HDF5 and netCDF-4: cubes of one or two detectors, geolocation arrays, lookup tables."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import h5py
import numpy as np

from mmhsi.datasets.io.base import CubeInfo, Window
from mmhsi.datasets.io.errors import CubeReadError, explained
from mmhsi.datasets.io.hdf5 import open_hdf5, packed_chunks, require_own_values
from mmhsi.datasets.io.products.base import ProductReader

_SWATH_BYTES = 64 * 2**20
_SUFFIXES = ('.he5', '.h5', '.hdf5', '.hdf', '.nc', '.nc4', '')


@dataclass(frozen=True, eq=False)
class Part:
    """Bands of a cube stored in one array.

    Args:
        name (str): Name of the array in the file.
        axes (tuple[int, int, int]): Its axes of rows, columns and bands.
        bands (np.ndarray): Its bands in the order of the product, int64.
    """

    name: str
    axes: tuple[int, int, int]
    bands: np.ndarray


class HDF5Product(ProductReader):
    """Reads the bands of :attr:`parts` by window; ``flags`` are maps of the file with their codes of invalid pixels."""

    one_file = True
    parts: tuple[Part, ...] = ()
    flags: dict[str, tuple[int, ...]] = {}

    @classmethod
    def entry(cls, path: str) -> str | None:
        if os.path.splitext(path)[1].lower() not in _SUFFIXES or not h5py.is_hdf5(path):
            return None
        try:
            with explained(path), open_hdf5(path) as file:
                return path if cls.recognises(file) else None
        except CubeReadError:  # a damaged file is explained by the reader of its format
            return None

    @classmethod
    def recognises(cls, file: h5py.File) -> bool:
        """Whether the file contains such a product."""
        raise NotImplementedError

    def _open(self) -> h5py.File:
        file = open_hdf5(self.path)
        try:
            require_own_values(self.path, file)
        except BaseException:
            file.close()
            raise
        return file

    def _info(
        self,
        height: int,
        width: int,
        wavelengths: np.ndarray,
        fwhm: np.ndarray | None = None,
        good: np.ndarray | None = None,
        **facts,
    ) -> CubeInfo:
        """The description of :attr:`parts`; ``good`` is 0 in bands that the product marks as bad."""
        bands = sum(len(part.bands) for part in self.parts)
        centres, widths, marks = (
            None if values is None else np.ravel(values).astype(np.float64) for values in (wavelengths, fwhm, good)
        )
        for name, values in (('wavelengths', centres), ('widths', widths), ('marks of good bands', marks)):
            if values is not None and len(values) != bands:
                raise self._fail(f'{len(values)} {name} are stated for {bands} bands')
        types = [self._handle()[part.name].dtype for part in self.parts]
        return CubeInfo(
            path=self.path,
            format=self.format,
            height=height,
            width=width,
            bands=bands,
            key=self.view,
            dtype=np.result_type(*types).newbyteorder('='),
            wavelengths=centres,
            fwhm=widths,
            bad_bands=None if marks is None or marks.all() else marks == 0,
            notes=tuple(self._notes),
            **facts,
        )

    @property
    def blocks(self) -> tuple[int, int, int] | None:
        """Those of the first part."""
        return packed_chunks(self._handle()[self.parts[0].name], self.parts[0].axes)

    def _read(self, window: Window, bands: Sequence[int] | None) -> np.ndarray:
        where = [(part, band) for part in self.parts for band in part.bands]
        where = where if bands is None else [where[band] for band in bands]
        block = np.empty((*window[2:], len(where)), self.info.dtype)
        for part in self.parts:
            positions = [position for position, (owner, _) in enumerate(where) if owner is part]
            if positions:
                block[..., positions] = self._array(part, window, np.array([where[p][1] for p in positions]))
        return block

    def _array(self, part: Part, window: Window, bands: np.ndarray) -> np.ndarray:
        top, left, rows, columns = window
        first = int(bands.min())
        index = [slice(None)] * 3
        for axis, place in zip(
            part.axes,
            (slice(top, top + rows), slice(left, left + columns), slice(first, int(bands.max()) + 1)),
            strict=True,
        ):
            index[axis] = place
        return self._handle()[part.name][tuple(index)].transpose(part.axes)[..., bands - first]

    def _read_mask(self, window: Window) -> np.ndarray:
        top, left, rows, columns = window
        valid = np.ones((rows, columns), dtype=bool)
        for name, codes in self.flags.items():
            valid &= ~np.isin(self._handle()[name][top : top + rows, left : left + columns], codes)
        return valid


def fill_value(cube: h5py.Dataset, default: float) -> float:
    """The attribute _FillValue, else the default."""
    stated = cube.attrs.get('_FillValue')
    return default if stated is None else float(np.ravel(stated)[0])


def through_lookup_table(
    read: Callable[[Window], np.ndarray],
    lines: np.ndarray,
    samples: np.ndarray,
    depth: int,
    fill: float,
    dtype: np.dtype,
) -> np.ndarray:
    """Resample a swath to the grid of a geometry lookup table (GLT), strip by strip.

    Args:
        read (Callable[[Window], np.ndarray]): Reads a window of the swath as (rows, columns, depth).
        lines (np.ndarray): Line of the swath of each pixel (h, w), from 1; 0 for none. In JPL's tables, negative
            numbers mark gaps filled by a neighbour and are valid too.
        samples (np.ndarray): Sample of the swath, likewise.
        depth (int): Bands.
        fill (float): Value of pixels without one.
        dtype (np.dtype): Type of the values.

    Returns:
        np.ndarray: Values (h, w, depth).
    """
    values = np.full((*lines.shape, depth), fill, dtype)
    known = (lines != 0) & (samples != 0)
    if not known.any():
        return values
    lines, samples = np.abs(lines.astype(np.int64)) - 1, np.abs(samples.astype(np.int64)) - 1
    left, width = int(samples[known].min()), int(np.ptp(samples[known])) + 1
    end = int(lines[known].max()) + 1
    step = max(1, _SWATH_BYTES // (width * depth * values.itemsize))
    for top in range(int(lines[known].min()), end, step):
        rows = min(step, end - top)
        inside = known & (lines >= top) & (lines < top + rows)
        if inside.any():
            strip = read((top, left, rows, width))
            values[inside] = strip[lines[inside] - top, samples[inside] - left]
    return values
