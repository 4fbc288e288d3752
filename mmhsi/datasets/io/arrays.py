"""Base of the readers of named arrays (.mat, HDF5, netCDF, .npy, .npz)."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .base import CubeInfo, CubeReader, Window
from .conventions import axes_by_names, find_text, nodata_of, scale_and_offset, valid_range_of
from .errors import CubeReadError, explained
from .grid_place import grid_place
from .variables import AXES, Dimension, Variable, check_shape, kind_of, quoted, select_variable
from .wavelengths import FWHM_NAMES, WAVELENGTH_NAMES, Statement, in_nanometres, plain_name

_MOST_BANDS = 100_000  # largest number of bands for which lists are read: more than any sensor has
_GOOD_BANDS = ('goodwavelengths', 'goodwavelength', 'goodbands', 'goodband', 'bbl')
_BAD_BANDS = ('badbands', 'badband')
_MAX_LISTED = 3


class ArrayReader(CubeReader):
    """Base of the readers of named arrays: a subclass lists the arrays of a file and returns one of them."""

    # MATLAB's column-major arrays appear in HDF5 with their axes reversed.
    reversed_axes = False
    # Whether unnamed axes are usually rows, columns, bands.
    customary_axes = True

    def _variables(self) -> dict[str, Variable]:
        raise NotImplementedError

    def _array(self) -> Any:
        return self._handle()

    def _vector(self, name: str) -> np.ndarray:
        raise NotImplementedError

    def _attributes(self, name: str) -> Mapping[str, Any]:
        """Attributes of an array, or of a group, by its path; '' is the file."""
        return {}

    def _dimensions(self, name: str) -> list[Dimension]:
        """The axes of an array, if the file names them."""
        return []

    def _describe(self) -> CubeInfo:
        with explained(self.path):
            variables = self._variables()
        self._name = select_variable(self.path, variables, self.key, self.ndim)
        variable = variables[self._name]
        check_shape(self.path, variable.shape, self.ndim, self.layout, self._name)
        with explained(self.path):
            dtype = self._array().dtype
            attributes, dimensions = self._attributes(self._name), self._dimensions(self._name)
        # MATLAB's list of variables does not distinguish complex from real numbers
        if kind_of(dtype) != 'numeric':
            raise CubeReadError(f'{self.path}: the values are of type {dtype}, expected real numbers')
        notes: list[str] = []
        axes = self._choose_axes(variables, dimensions, notes)
        height, width, bands = (variable.shape[axis] if axis >= 0 else 1 for axis in axes)
        last = len(variable.shape) - 1
        self._axes = tuple(last - axis if self.reversed_axes and axis >= 0 else axis for axis in axes)
        self._unsigned = (
            np.dtype(f'u{dtype.itemsize}')
            if dtype.kind == 'i' and (find_text(attributes, '_Unsigned') or '').lower() == 'true'
            else None
        )
        band_dimension = dimensions[axes[2]] if dimensions and axes[2] >= 0 else None
        wavelengths, fwhm, spectral_notes = in_nanometres(
            self._statements(WAVELENGTH_NAMES, variables, bands, notes, band_dimension),
            self._statements(FWHM_NAMES, variables, bands, notes),
            bands,
        )
        scale, offset = scale_and_offset(attributes, bands, notes)
        place, place_notes = grid_place(self, dimensions, axes, attributes) if dimensions else ({}, [])
        return CubeInfo(
            path=self.path,
            format=self.format,
            height=height,
            width=width,
            bands=bands,
            dtype=self._unsigned or dtype.newbyteorder('='),
            nodata=nodata_of(attributes, bands, notes),
            valid_range=valid_range_of(attributes, self._unsigned or dtype, scale, offset, notes),
            wavelengths=wavelengths,
            fwhm=fwhm,
            key=self._name or None,
            scale=scale,
            offset=offset,
            units=find_text(attributes, 'units', 'unit'),
            bad_bands=self._bad_bands(variables, bands, notes),
            **place,
            notes=(*notes, *spectral_notes, *place_notes),
        )

    def _choose_axes(
        self, variables: Mapping[str, Variable], dimensions: Sequence[Dimension], notes: list[str]
    ) -> tuple[int, int, int]:
        """Axes of rows, columns and bands (-1 for an image of one band): from the user, from the names of the
        dimensions, by the only axis that is as long as the wavelengths, or by convention."""
        shape = variables[self._name].shape
        if len(shape) == 2:
            return 0, 1, -1
        if self.layout != 'auto':
            return AXES[self.layout]
        named = axes_by_names(dimensions)
        if named:
            return named
        lengths = {
            variable.shape[0] if len(variable.shape) == 1 else max(variable.shape)
            for name, variable in variables.items()
            if plain_name(name) in WAVELENGTH_NAMES and variable.numeric and variable.is_vector
        }
        fitting = [axis for axis, length in enumerate(shape) if length in lengths and length > 1]
        if fitting and 2 in fitting and (self.customary_axes or len(fitting) == 1):
            return AXES['hwc']
        if len(fitting) > 1:
            raise CubeReadError(
                f'{self.path}: {quoted(self._name)} has shape {shape} and several axes as long as the '
                "wavelengths; say layout='hwc', 'chw' or 'bil'"
            )
        if fitting:
            layout = {0: 'chw', 1: 'bil'}[fitting[0]]
            notes.append(
                f'{quoted(self._name)} of shape {shape} is read as {_IN_WORDS[layout]}, since axis '
                f'{fitting[0]} is as long as the wavelengths; say layout={layout!r} or another'
            )
            return AXES[layout]
        if not self.customary_axes:
            notes.append(
                f'the file does not name the axes of {quoted(self._name)}; its shape {shape} is taken as '
                f"{_IN_WORDS['hwc']}; say layout='hwc' or another"
            )
        return AXES['hwc']

    def _vectors(self, names: Sequence[str], variables: Mapping[str, Variable]) -> list[str]:
        """The vectors with certain names, those nearest to the array in the tree of groups first."""
        found = [
            name
            for name, variable in variables.items()
            if plain_name(name) in names and variable.numeric and variable.is_vector and name != self._name
        ]
        return sorted(found, key=lambda name: -len(os.path.commonprefix([name.split('/'), self._name.split('/')])))

    def _statements(
        self,
        names: Sequence[str],
        variables: Mapping[str, Variable],
        bands: int,
        notes: list[str],
        dimension: Dimension | None = None,
    ) -> list[Statement]:
        """Statements of the file under certain names, one number for each band: in vectors and in attributes."""
        if not 1 < bands <= _MOST_BANDS:
            return []
        vectors = self._vectors(names, variables)
        if (
            dimension is not None
            and dimension.coordinate
            and dimension.coordinate not in vectors
            and Statement('', [1.0], find_text(dimension.attributes, 'units')).is_length
        ):
            vectors.insert(0, dimension.coordinate)
        fitting = [name for name in vectors if variables[name].size == bands]
        if not fitting:
            notes += [
                f"'{name}' has {variables[name].size} values for {bands} bands and is not used"
                for name in vectors[:_MAX_LISTED]
            ]
        statements = []
        for name in fitting:
            with explained(self.path):
                attributes, values = self._attributes(name), np.asarray(self._vector(name)).ravel()
            if values.dtype.kind in 'iuf':
                statements.append(
                    Statement(f"'{name}'", values, find_text(attributes, 'units', 'unit') or _unit_in(name))
                )
        parts = self._name.split('/')
        for depth in range(len(parts), -1, -1):
            with explained(self.path):
                attributes = self._attributes('/'.join(parts[:depth]))
            for name, values in attributes.items():
                if plain_name(name) in names and np.size(values) == bands:
                    statements.append(
                        Statement(
                            f'the attribute {name!r}',
                            values,
                            _unit_in(name) or find_text(attributes, 'wavelength_units', 'wavelength_unit'),
                        )
                    )
        return statements

    def _bad_bands(self, variables: Mapping[str, Variable], bands: int, notes: list[str]) -> np.ndarray | None:
        for names, bad in ((_GOOD_BANDS, 0), (_BAD_BANDS, 1)):
            for name in self._vectors(names, variables):
                if not 1 < bands <= _MOST_BANDS or variables[name].size != bands:
                    continue
                with explained(self.path):
                    values = np.asarray(self._vector(name)).ravel()
                if not np.isin(values, (0, 1)).all() or (values == bad).all():
                    notes.append(f"'{name}' marks no good band, or holds other numbers than 0 and 1, and is not used")
                    continue
                return (values == bad) if (values == bad).any() else None
        return None

    def _read(self, window: Window, bands: Sequence[int] | None) -> np.ndarray:
        array = self._array()
        top, left, rows, columns = window
        row_axis, column_axis, band_axis = self._axes
        index: list[slice | np.ndarray] = [slice(None)] * len(array.shape)
        index[row_axis] = slice(top, top + rows)
        index[column_axis] = slice(left, left + columns)
        if band_axis < 0:
            block = array[tuple(index)].transpose(row_axis, column_axis)[..., None]
            return self._signed(block if bands is None else block[..., bands])
        if bands is None:
            return self._signed(array[tuple(index)].transpose(self._axes))
        # HDF5 takes only increasing indices
        wanted, positions = np.unique(bands, return_inverse=True)
        contiguous = wanted[-1] - wanted[0] + 1 == len(wanted)
        index[band_axis] = slice(int(wanted[0]), int(wanted[-1]) + 1) if contiguous else wanted
        block = array[tuple(index)].transpose(self._axes)
        return self._signed(block if np.array_equal(wanted, bands) else block[..., positions])

    def _signed(self, block: np.ndarray) -> np.ndarray:
        """Convert to an unsigned type, which netCDF version 3 lacks and marks by an attribute."""
        return block if self._unsigned is None else block.astype(block.dtype.newbyteorder('=')).view(self._unsigned)


_IN_WORDS = {'hwc': '(rows, columns, bands)', 'chw': '(bands, rows, columns)', 'bil': '(rows, bands, columns)'}


def _unit_in(name: str) -> str | None:
    plain = plain_name(name)
    return plain[-2:] if plain.endswith(('nm', 'um')) else None
