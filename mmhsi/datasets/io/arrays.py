"""What the readers of named arrays (.mat, HDF5, .npy, .npz) have in common."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .base import CubeInfo, CubeReader, Window
from .errors import CubeReadError, explained
from .variables import Variable, cube_axes, kind_of, quoted, select_variable
from .wavelengths import FWHM_NAMES, WAVELENGTH_NAMES, nanometres_per_unit, usable

_MOST_BANDS = 100_000  # that wavelengths are read for: more than any sensor has


class ArrayReader(CubeReader):
    """Base of the readers of named arrays: a subclass lists the arrays of a file and hands one out."""

    # MATLAB's column-major arrays appear in HDF5 with their axes reversed.
    reversed_axes = False

    def _variables(self) -> dict[str, Variable]:
        raise NotImplementedError

    def _array(self) -> Any:
        return self._handle()

    def _vector(self, name: str) -> np.ndarray:
        raise NotImplementedError

    def _describe(self) -> CubeInfo:
        with explained(self.path):
            variables = self._variables()
        self._name = select_variable(self.path, variables, self.key, self.ndim)
        variable = variables[self._name]
        if self.ndim == 2 and len(variable.shape) != 2:
            raise CubeReadError(f'{self.path}: {quoted(self._name)} has shape {variable.shape}, '
                                'expected two axes: rows, columns')
        axes = cube_axes(self.path, variable.shape, self.layout if self.ndim == 3 else 'hwc', self._name)
        with explained(self.path):
            dtype = self._array().dtype
        # MATLAB's list of variables does not tell complex numbers from real ones
        if kind_of(dtype) != 'numeric':
            raise CubeReadError(f'{self.path}: the values are of type {dtype}, expected real numbers')
        height, width, bands = (variable.shape[axis] if axis >= 0 else 1 for axis in axes)
        last = len(variable.shape) - 1
        self._axes = tuple(last - axis if self.reversed_axes and axis >= 0 else axis for axis in axes)
        wavelengths, fwhm = self._spectral_vectors(variables, bands)
        return CubeInfo(path=self.path, format=self.format, height=height, width=width, bands=bands,
                        dtype=dtype.newbyteorder('='), wavelengths=wavelengths, fwhm=fwhm, key=self._name or None)

    def _spectral_vectors(self, variables: dict[str, Variable],
                          bands: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        def find(names: Sequence[str]) -> np.ndarray | None:
            for name, variable in variables.items():
                plain = name.rsplit('/', 1)[-1].lower().replace('_', '')
                if plain in names and variable.numeric and 1 < bands <= _MOST_BANDS and \
                        int(np.prod(variable.shape, dtype=object)) == bands:
                    with explained(self.path):
                        values = np.asarray(self._vector(name)).ravel()
                    if values.dtype.kind in 'iuf' and usable(values := values.astype(np.float64), bands):
                        return values
            return None

        wavelengths, fwhm = find(WAVELENGTH_NAMES), find(FWHM_NAMES)
        if wavelengths is None:
            return None, None
        scale = nanometres_per_unit(None, wavelengths)
        return wavelengths * scale, None if fwhm is None else fwhm * scale

    def _read(self, window: Window, bands: Sequence[int] | None) -> np.ndarray:
        array = self._array()
        top, left, rows, columns = window
        row_axis, column_axis, band_axis = self._axes
        index = [slice(None)] * len(array.shape)
        index[row_axis] = slice(top, top + rows)
        index[column_axis] = slice(left, left + columns)
        if band_axis < 0:
            block = array[tuple(index)].transpose(row_axis, column_axis)[..., None]
            return block if bands is None else block[..., bands]
        if bands is None:
            return array[tuple(index)].transpose(self._axes)
        # HDF5 takes only increasing indices
        wanted, positions = np.unique(bands, return_inverse=True)
        contiguous = wanted[-1] - wanted[0] + 1 == len(wanted)
        index[band_axis] = slice(int(wanted[0]), int(wanted[-1]) + 1) if contiguous else wanted
        block = array[tuple(index)].transpose(self._axes)
        return block if np.array_equal(wanted, bands) else block[..., positions]
