"""Base of the readers of named arrays (.mat, HDF5, netCDF, .npy, .npz)."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .base import CubeInfo, CubeReader, Window
from .conventions import axes_by_names, find_text, nodata_of, role_of, scalar, scale_and_offset, valid_range_of
from .errors import CubeReadError, explained
from .grid_place import grid_place
from .variables import AXES, Dimension, Variable, check_shape, kind_of, quoted, select_variable, single_axes
from .wavelengths import (
    FWHM_NAMES,
    WAVELENGTH_NAMES,
    Statement,
    in_nanometres,
    is_named,
    plain_name,
    statement_of_names,
    unit_of_name,
)

_MOST_BANDS = 100_000  # largest number of bands for which lists are read: more than any sensor has
_GOOD_BANDS = ('goodwavelengths', 'goodwavelength', 'goodbands', 'goodband', 'bbl')
_BAD_BANDS = ('badbands', 'badband')
_MAX_LISTED = 3
_TEXT = ('text', 'object')


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

    def _stored(self, name: str) -> Any:
        """An array of which parts are read."""
        return self._vector(name)

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
        shape = variables[self._name].shape
        with explained(self.path):
            dtype = self._array().dtype
            attributes, dimensions = self._attributes(self._name), self._dimensions(self._name)
        spare = [role_of(dimension) is None for dimension in dimensions] or [True] * len(shape)
        single = single_axes(shape, self.ndim, spare)
        stored_axes = [axis for axis in range(len(shape)) if axis not in single]
        shape = tuple(shape[axis] for axis in stored_axes)
        dimensions = [dimensions[axis] for axis in stored_axes] if dimensions else []
        check_shape(self.path, shape, self.ndim, self.layout, self._name)
        # MATLAB's list of variables does not distinguish complex from real numbers
        if kind_of(dtype) != 'numeric':
            raise CubeReadError(f'{self.path}: the values are of type {dtype}, expected real numbers')
        notes: list[str] = []
        axes = self._choose_axes(shape, variables, dimensions, notes)
        height, width, bands = (shape[axis] if axis >= 0 else 1 for axis in axes)
        last = len(shape) + len(single) - 1

        def as_stored(axis: int) -> int:
            return last - axis if self.reversed_axes else axis

        self._axes = tuple(as_stored(stored_axes[axis]) if axis >= 0 else axis for axis in axes)
        self._single = tuple(map(as_stored, single))
        self._unsigned = (
            np.dtype(f'u{dtype.itemsize}')
            if dtype.kind == 'i' and (find_text(attributes, '_Unsigned') or '').lower() == 'true'
            else None
        )
        band_dimension = dimensions[axes[2]] if dimensions and axes[2] >= 0 else None
        stated = self._statements(WAVELENGTH_NAMES, variables, bands, notes, band_dimension)
        band_names = self._band_names(band_dimension, variables, bands)
        named = None if stated else statement_of_names(band_names or (), notes)
        wavelengths, fwhm, spectral_notes = in_nanometres(
            stated if named is None else [named], self._statements(FWHM_NAMES, variables, bands, notes), bands
        )
        scale, offset = scale_and_offset(attributes, bands, notes)
        nodata, further = nodata_of(attributes, bands, notes)
        valid_range = valid_range_of(attributes, self._unsigned or dtype, scale, offset, notes)
        if self._unsigned is not None:  # attributes are of the signed type, as the stored values
            wrap = 2 ** (8 * dtype.itemsize)
            nodata = None if nodata is None else np.where(np.less(nodata, 0), nodata + wrap, nodata)[()]
            further = tuple(value + wrap if value < 0 else value for value in further)
        place, place_notes = grid_place(self, variables, dimensions, axes, attributes) if dimensions else ({}, [])
        return CubeInfo(
            path=self.path,
            format=self.format,
            height=height,
            width=width,
            bands=bands,
            dtype=self._unsigned or dtype.newbyteorder('='),
            nodata=nodata,
            further_nodata=further,
            valid_range=valid_range,
            wavelengths=wavelengths,
            fwhm=fwhm,
            band_names=band_names,
            key=self._name or None,
            scale=scale,
            offset=offset,
            units=find_text(attributes, 'units', 'unit'),
            bad_bands=self._bad_bands(variables, attributes, bands, notes),
            **place,
            notes=(*notes, *spectral_notes, *place_notes),
        )

    def _choose_axes(
        self,
        shape: tuple[int, ...],
        variables: Mapping[str, Variable],
        dimensions: Sequence[Dimension],
        notes: list[str],
    ) -> tuple[int, int, int]:
        """Axes of rows, columns and bands (-1 for an image of one band): from the user, from the names of the
        dimensions, by the only axis that is as long as the wavelengths, or by convention."""
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
            if is_named(name, WAVELENGTH_NAMES) and variable.numeric and variable.is_vector
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
        if dimensions and not self.customary_axes:
            names = ', '.join(repr(dimension.name) for dimension in dimensions)
            raise CubeReadError(
                f'{self.path}: the axes of {quoted(self._name)} of shape {shape} are named {names}, and it is not '
                "known which are the rows, columns and bands; say layout='hwc', 'chw' or 'bil'"
            )
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
            if is_named(name, names)
            and (variable.numeric or variable.kind in _TEXT)
            and variable.is_vector
            and name != self._name
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
        if not vectors and names is WAVELENGTH_NAMES:
            vectors = self._bands_in_units(variables)
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
            text = values.dtype.kind in 'SUO'
            listed = ' '.join(map(_as_text, values)) if text else values
            statements.append(
                Statement(f"'{name}'", listed, find_text(attributes, 'units', 'unit') or unit_of_name(name))
            )
        parts = self._name.split('/')
        for depth in range(len(parts), -1, -1):
            with explained(self.path):
                attributes = self._attributes('/'.join(parts[:depth]))
            unit = find_text(attributes, 'wavelength_units', 'wavelength_unit')
            for name, values in attributes.items():
                text = scalar(values)
                if is_named(name, names) and (isinstance(text, str) or np.size(values) == bands):
                    listed = text if isinstance(text, str) else values
                    statements.append(Statement(f'the attribute {name!r}', listed, unit_of_name(name) or unit))
        return statements

    def _band_names(
        self, dimension: Dimension | None, variables: Mapping[str, Variable], bands: int
    ) -> tuple[str, ...] | None:
        """The coordinates of the bands, if these are text."""
        parent = self._name.rpartition('/')[0]
        name = '' if dimension is None else f'{parent}/{dimension.name}'.lstrip('/')
        if name not in variables or variables[name].kind not in _TEXT or variables[name].shape != (bands,):
            return None
        with explained(self.path):
            return tuple(map(_as_text, self._vector(name)))

    def _bands_in_units(self, variables: Mapping[str, Variable]) -> list[str]:
        """Vectors that are named as bands are, and whose unit is one of wavelengths."""
        found = []
        for name, variable in variables.items():
            if variable.numeric and variable.is_vector and role_of(Dimension(name)) == 'bands':
                with explained(self.path):
                    unit = find_text(self._attributes(name), 'units', 'unit')
                if Statement('', [1.0], unit).is_length:
                    found.append(name)
        return found

    def _bad_bands(
        self, variables: Mapping[str, Variable], attributes: Mapping[str, Any], bands: int, notes: list[str]
    ) -> np.ndarray | None:
        if not 1 < bands <= _MOST_BANDS:
            return None
        for names, bad in ((_GOOD_BANDS, 0), (_BAD_BANDS, 1)):
            lists = {f"'{name}'": name for name in self._vectors(names, variables) if variables[name].size == bands}
            stated = {
                f'the attribute {name!r}': value
                for name, value in attributes.items()
                if plain_name(name) in names and np.size(value) == bands
            }
            for source in (*lists, *stated):
                with explained(self.path):
                    values = np.ravel(self._vector(lists[source]) if source in lists else stated[source])
                if not np.isin(values, (0, 1)).all() or (values == bad).all():
                    notes.append(f'{source} marks no good band, or holds other numbers than 0 and 1, and is not used')
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
        if bands is None or band_axis < 0:
            block = self._arranged(array[tuple(index)])
            return block if bands is None else block[..., bands]
        # HDF5 takes only increasing indices
        wanted, positions = np.unique(bands, return_inverse=True)
        contiguous = wanted[-1] - wanted[0] + 1 == len(wanted)
        index[band_axis] = slice(int(wanted[0]), int(wanted[-1]) + 1) if contiguous else wanted
        block = self._arranged(array[tuple(index)])
        return block if np.array_equal(wanted, bands) else block[..., positions]

    def _arranged(self, block: np.ndarray) -> np.ndarray:
        """A block of the stored axes as (rows, columns, bands)."""
        axes = [axis for axis in self._axes if axis >= 0]
        block = block.transpose((*axes, *self._single))
        return self._signed(block.reshape((*block.shape[: len(axes)], *[1] * (3 - len(axes)))))

    def _signed(self, block: np.ndarray) -> np.ndarray:
        """Convert to an unsigned type, which netCDF version 3 lacks and marks by an attribute."""
        return block if self._unsigned is None else block.astype(block.dtype.newbyteorder('=')).view(self._unsigned)


_IN_WORDS = {'hwc': '(rows, columns, bands)', 'chw': '(bands, rows, columns)', 'bil': '(rows, bands, columns)'}


def _as_text(value: Any) -> str:
    return value.decode('utf-8', 'replace') if isinstance(value, bytes) else str(value)
