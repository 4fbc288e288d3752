"""Spectra in .mat, HDF5, .npy and .npz files: a vector, a matrix, or a MATLAB struct."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
import scipy.io

from .arrays import ArrayReader
from .errors import CubeReadError, explained
from .hdf5 import HDF5Reader
from .mat import MatReader
from .numpy_files import NpyReader, NpzReader
from .spectral_library import SpectralLibrary, number_names, to_nanometres
from .variables import Variable, quoted, select_variable
from .wavelengths import FWHM_NAMES, WAVELENGTH_NAMES, is_named, name_of_wavelengths, plain_name

LAYOUTS = ('auto', 'rows', 'columns')


class _Listing(ArrayReader):
    """A reader that only lists the arrays of its file and returns whole arrays."""

    def _describe(self) -> None:  # type: ignore[override]  # no cube is chosen, and none described
        with explained(self.path):
            self.variables = self._variables()

    def array(self, name: str) -> np.ndarray:
        with explained(self.path):
            values = np.asarray(self._vector(name))
        return values.T if self.reversed_axes else values


class _MatListing(_Listing, MatReader):
    pass


class _HDF5Listing(_Listing, HDF5Reader):
    pass


class _NpyListing(_Listing, NpyReader):
    def _vector(self, name: str) -> np.ndarray:
        return self._array()[()]


class _NpzListing(_Listing, NpzReader):
    pass


def open_listing(path: str) -> _Listing:
    """List the arrays of a .mat, HDF5, .npy or .npz file: ``variables`` by name, and ``array(name)`` in MATLAB's order.

    Args:
        path (str): The file.

    Returns:
        ArrayReader: The listing, a context manager.

    Raises:
        CubeReadError: If the file is damaged.
    """
    with explained(path), open(path, 'rb') as stream:
        start = stream.read(10)
    if h5py.is_hdf5(path):
        return _HDF5Listing(path)
    if start.startswith(b'\x93NUMPY'):
        return _NpyListing(path)
    return (_NpzListing if path.lower().endswith('.npz') else _MatListing)(path)


def read_array_spectra(path: str, key: str | None, layout: str, unit: str | None) -> SpectralLibrary:
    """Read the spectra of a file of arrays; see :func:`mmhsi.datasets.io.spectra.read_spectra`.

    Arrays are recognised as wavelengths or widths of bands by their names. Without a key, the spectra are the only
    other vector or matrix, or the only one with an axis as long as the list of wavelengths, or a struct if there is no
    such array.

    Args:
        path (str): The file.
        key (str, optional): Name of the array or struct.
        layout (str): 'auto', 'rows' or 'columns'.
        unit (str, optional): Unit of the wavelengths.

    Returns:
        SpectralLibrary: The spectra.

    Raises:
        CubeReadError: If the file is damaged, or the choice of the array or of its axes is not unique.
    """
    with open_listing(path) as listing:
        variables = listing.variables
        structs = [name for name, variable in variables.items() if variable.kind == 'struct']
        if key in structs or (key is None and len(structs) == 1 and len(variables) == 1):
            return _read_struct(path, key or structs[0], layout, unit)
        wavelengths, fwhm = (_band_vector(listing, names) for names in (WAVELENGTH_NAMES, FWHM_NAMES))
        name = '' if '' in variables else _spectra_name(path, variables, key, wavelengths)
        names, values = None, listing.array(name)
    return _library(path, name, names, values, wavelengths, fwhm, layout, unit)


def _band_vector(listing: _Listing, names: Sequence[str]) -> np.ndarray | None:
    for name, variable in listing.variables.items():
        if is_named(name, names) and variable.numeric and variable.is_vector:
            return listing.array(name).astype(np.float64).ravel()
    return None


def _spectra_name(path: str, variables: Mapping[str, Variable], key: str | None, wavelengths: np.ndarray | None) -> str:
    if key is not None:
        return select_variable(path, variables, key, 2)
    fitting = [
        name
        for name, variable in variables.items()
        if variable.numeric
        and 1 <= len(variable.shape) <= 2
        and max(variable.shape) > 1
        and not is_named(name, (*WAVELENGTH_NAMES, *FWHM_NAMES))
        and (wavelengths is None or len(wavelengths) in variable.shape)
    ]
    if len(fitting) != 1:
        listed = ', '.join(f"'{name}' {variable.shape}" for name, variable in variables.items())
        raise CubeReadError(
            f'{path}: {"several arrays" if fitting else "no array"} that could be spectra, name one by '
            f'key; the file holds {listed or "no arrays"}'
        )
    return fitting[0]


def _read_struct(path: str, key: str, layout: str, unit: str | None) -> SpectralLibrary:
    """A struct of names, wavelengths and a matrix, or an array of structs of one spectrum each."""
    with explained(path):
        content = scipy.io.loadmat(path, variable_names=[key], simplify_cells=True)[key]
    if isinstance(content, Mapping):
        names, spectra, wavelengths, fwhm = _fields(path, key, content)
        return _library(path, key, names, spectra, wavelengths, fwhm, layout, unit)
    if not len(content):
        raise CubeReadError(f"{path}: the struct '{key}' is empty, expected spectra")
    names, spectra, wavelengths, fwhm = zip(*(_fields(path, key, item) for item in content), strict=True)
    for what, numbers in (('wavelengths', wavelengths), ('widths', fwhm), ('spectra', spectra)):
        same = all(
            (item is None) == (numbers[0] is None) and (item is None or np.shape(item) == np.shape(numbers[0]))
            for item in numbers
        )
        if not same or (what != 'spectra' and any(not np.array_equal(item, numbers[0]) for item in numbers)):
            raise CubeReadError(f"{path}: the {what} differ between the elements of '{key}', expected the same bands")
    joined = None if None in names else tuple(name for part in names for name in part)
    return _library(
        path, key, joined, np.stack([spectrum.ravel() for spectrum in spectra]), wavelengths[0], fwhm[0], 'rows', unit
    )


def _fields(path: str, key: str, content: Mapping[str, Any]) -> tuple:
    """Names, values, wavelengths and widths of a struct."""
    fields = {plain_name(name): np.asarray(value) for name, value in content.items()}
    numeric = {name: value for name, value in fields.items() if value.dtype.kind in 'iuf'}
    found = [name_of_wavelengths(numeric, names) for names in (WAVELENGTH_NAMES, FWHM_NAMES)]
    wavelengths, fwhm = (None if name is None else numeric[name].astype(np.float64).ravel() for name in found)
    spectra = [
        value
        for name, value in numeric.items()
        if value.size > 1
        and not is_named(name, (*WAVELENGTH_NAMES, *FWHM_NAMES))
        and (wavelengths is None or len(wavelengths) in value.shape)
    ]
    if len(spectra) != 1:
        listed = ', '.join(f"'{name}' {value.shape}" for name, value in fields.items())
        raise CubeReadError(f"{path}: the struct '{key}' holds {listed}, expected one array of spectra")
    names = next((fields[name] for name in ('name', 'names') if name in fields), None)
    return None if names is None else tuple(map(str, np.atleast_1d(names))), spectra[0], wavelengths, fwhm


def _library(
    path: str,
    name: str,
    names: tuple[str, ...] | None,
    values: np.ndarray,
    wavelengths: np.ndarray | None,
    fwhm: np.ndarray | None,
    layout: str,
    unit: str | None,
) -> SpectralLibrary:
    if values.dtype.kind not in 'biuf':
        raise CubeReadError(f'{path}: {quoted(name)} is of type {values.dtype}, expected real numbers')
    values = _one_per_row(path, name, values.astype(np.float64), wavelengths, layout)
    if names is None:
        names = (
            (name.rsplit('/', 1)[-1] or os.path.splitext(os.path.basename(path))[0],)
            if len(values) == 1
            else number_names(len(values))
        )
    if wavelengths is not None:
        wavelengths, fwhm = to_nanometres(path, wavelengths, fwhm, None, unit)
    return SpectralLibrary(names, values, wavelengths, fwhm, path)


def _one_per_row(path: str, name: str, values: np.ndarray, wavelengths: np.ndarray | None, layout: str) -> np.ndarray:
    if not 1 <= values.ndim <= 2 or values.size < 2:
        raise CubeReadError(
            f'{path}: {quoted(name)} has the shape {values.shape}, expected a spectrum (C,) or spectra (n, C)'
        )
    if max(values.shape) == values.size:
        return values.reshape(1, -1)
    if layout == 'auto':
        fits = [wavelengths is not None and length == len(wavelengths) for length in values.shape]
        if fits[0] == fits[1]:
            raise CubeReadError(
                f'{path}: {quoted(name)} has the shape {values.shape}, and it is not known whether a '
                "spectrum is a row or a column; say layout='rows' or 'columns'"
            )
        layout = 'rows' if fits[1] else 'columns'
    return values if layout == 'rows' else values.T
