"""HDF5 files: netCDF-4, MATLAB 7.3, products of sensors; and netCDF of version 3, which has the same contents.

An HDF5 file can name values in other files (external links, external and virtual datasets). They are not read: a file
cannot access others.
"""

import os
from collections.abc import Mapping
from typing import Any
from weakref import ref

import h5py
import numpy as np
import scipy.io

from .arrays import ArrayReader
from .errors import CubeReadError, explained
from .georeference import BLOCK_CACHE
from .hdf5_check import check_hdf5
from .memory import LARGEST_DEFLATE_RATIO, check_fits
from .variables import NUMERIC_CLASSES, Dimension, Variable, kind_of

_MOST_OBJECTS = 4096
_DEEPEST = 64  # groups in groups; a path takes a time that grows with its length
_LARGEST_ATTRIBUTE = 2**20  # values
_CACHE_SLOTS = 12_421
_LEAST_CACHE = 2**24
_OPENED: list[ref[h5py.File]] = []  # no set: the root of a damaged file has no hash
NETCDF3 = (b'CDF\x01', b'CDF\x02')


def open_hdf5(path: str) -> h5py.File:
    """Open a file for reading, with a cache of unpacked chunks as large as that of GDAL, which keeps windows at random
    places from unpacking the same chunks again; files that are open together share it.

    Raises:
        CubeReadError: If libhdf5 would not survive the file.
    """
    check_hdf5(path)
    _OPENED[:] = [opened for opened in _OPENED if opened()]
    cache = max(BLOCK_CACHE // (len(_OPENED) + 1), _LEAST_CACHE)
    file = h5py.File(path, 'r', rdcc_nbytes=cache, rdcc_nslots=_CACHE_SLOTS)
    _OPENED.append(ref(file))
    return file


class HDF5Reader(ArrayReader):
    """HDF5 files. Axes of MATLAB files are restored to MATLAB's order, others stay as stored.

    A file is a MATLAB file if it begins with MATLAB's text or is named .mat.
    """

    def __init__(self, path: str, *args, **kwargs) -> None:
        with explained(path), open(path, 'rb') as stream:
            self.reversed_axes = stream.read(10) == b'MATLAB 7.3' or path.lower().endswith('.mat')
        self.customary_axes = self.reversed_axes
        self.format = 'mat73' if self.reversed_axes else 'hdf5'
        super().__init__(path, *args, **kwargs)

    def _open(self) -> h5py.File:
        return open_hdf5(self.path)

    def _variables(self) -> dict[str, Variable]:
        variables = {}

        file = self._handle()

        def visit(name: str | bytes) -> bool | None:
            if _depth(name) > _DEEPEST:
                raise CubeReadError(f'{self.path}: groups are nested {_DEEPEST} deep and more, expected a cube')
            # MATLAB keeps the contents of cells and objects in these groups; a damaged name is bytes
            if not isinstance(name, str) or name.startswith(('#refs#', '#subsystem#')):
                return None
            item = file[name]
            if not isinstance(item, h5py.Dataset):
                return None
            shape = item.shape or ()
            variables[name] = Variable(shape[::-1] if self.reversed_axes else shape, _kind(item))
            return len(variables) >= _MOST_OBJECTS or None

        # external and soft links are not followed
        if file.visit(visit):
            raise CubeReadError(f'{self.path}: the file holds {_MOST_OBJECTS} arrays and more, expected a cube')
        return variables

    def _array(self) -> h5py.Dataset:
        dataset = self._handle()[self._name]
        chunk = dataset.dtype.itemsize * int(np.prod(dataset.chunks or (), dtype=object))
        if chunk > BLOCK_CACHE:  # chunks are decompressed as a whole
            stored = os.path.getsize(self.path) * LARGEST_DEFLATE_RATIO
            if chunk > stored:
                raise CubeReadError(
                    f"{self.path}: '{self._name}' is stored in chunks of {chunk} bytes, more than the file can hold"
                )
            check_fits(self.path, f"a chunk of '{self._name}'", chunk)
        return dataset

    @property
    def blocks(self) -> tuple[int, int, int] | None:
        return packed_chunks(self._handle()[self._name], self._axes)

    def _vector(self, name: str) -> np.ndarray:
        return self._handle()[name][()]

    def _stored(self, name: str) -> h5py.Dataset:
        return self._handle()[name]

    def _attributes(self, name: str) -> Mapping[str, Any]:
        file = self._handle()
        if name and not isinstance(file.get(name, getlink=True), h5py.HardLink):
            return {}
        attributes, stored = {}, file[name or '/'].attrs
        for key in stored:
            try:
                if (
                    isinstance(key, str)
                    and stored.get_id(key).get_space().get_simple_extent_npoints() <= _LARGEST_ATTRIBUTE
                ):
                    attributes[key] = stored[key]
            except (OSError, TypeError, ValueError, RuntimeError, KeyError):
                continue  # of a type unknown to NumPy
        return attributes

    def _dimensions(self, name: str) -> list[Dimension]:
        if self.reversed_axes:
            return []
        dimensions = []
        for axis in self._handle()[name].dims:
            scale = axis[0] if len(axis) else None
            path = scale.name.lstrip('/') if scale is not None and scale.name else None
            title = axis.label or (path or '').rsplit('/', 1)[-1]
            if scale is not None and path and _kind(scale) == 'numeric' and scale.ndim == 1:
                dimensions.append(Dimension(title, path, self._attributes(path)))
            else:
                dimensions.append(Dimension(title))
        return dimensions if any(dimension.name for dimension in dimensions) else []


def packed_chunks(dataset: h5py.Dataset, axes: tuple[int, ...]) -> tuple[int, int, int] | None:
    """Rows, columns and bands of the chunks of an array with these axes; None if it is not compressed."""
    if dataset.chunks is None or dataset.compression is None:
        return None
    rows, columns, bands = (dataset.chunks[axis] if axis >= 0 else 1 for axis in axes)
    return rows, columns, bands


def _kind(dataset: h5py.Dataset) -> str:
    """'numeric', or the reason why the values cannot be read."""
    matlab_class = dataset.attrs.get('MATLAB_class', b'')
    matlab_class = matlab_class.decode() if isinstance(matlab_class, bytes) else str(matlab_class)
    if dataset.attrs.get('MATLAB_empty', 0) or dataset.shape is None:
        return 'empty'
    if 'not a netCDF variable' in str(dataset.attrs.get('NAME', '')):
        return 'dimension'  # without coordinates there is an empty array
    elsewhere = _elsewhere(dataset)
    if elsewhere is not None:
        return f'{elsewhere} (its values are in other files, which are not read)'
    return kind_of(dataset.dtype) if matlab_class in ('', *NUMERIC_CLASSES) else matlab_class


def _elsewhere(dataset: h5py.Dataset) -> str | None:
    """How other files hold the values of an array, 'external' or 'virtual'; None if its own file does."""
    if dataset.external:
        return 'external'
    if dataset.is_virtual and not all(
        source.file_name == '.' and _stored_here(dataset.file, source.dset_name) for source in dataset.virtual_sources()
    ):
        return 'virtual'
    return None


def _stored_here(file: h5py.File, name: str) -> bool:
    """Whether a file itself holds the values of an array, which is not reached by a link and not virtual again."""
    parts = name.strip('/').split('/')
    places = ['/'.join(parts[:count]) for count in range(1, len(parts) + 1)]
    if not all(isinstance(file.get(place, getlink=True), h5py.HardLink) for place in places):
        return False
    found = file[name]
    return isinstance(found, h5py.Dataset) and not found.is_virtual and not found.external


def _depth(name: str | bytes) -> int:
    """Number of groups of a name, itself included; a damaged name is bytes."""
    return 1 + (name.count(b'/') if isinstance(name, bytes) else name.count('/'))


def require_own_values(path: str, file: h5py.File) -> None:
    """Refuse a file with links to other files, or arrays whose values lie in others.

    Raises:
        CubeReadError: If there is one; it is named.
    """

    def elsewhere(name: str | bytes, link: Any) -> str | bytes | None:
        if _depth(name) > _DEEPEST:
            raise CubeReadError(f'{path}: groups are nested {_DEEPEST} deep and more, expected a product')
        if isinstance(link, h5py.ExternalLink):
            return name
        if not isinstance(link, h5py.HardLink):
            return None  # to another place in this file
        item = file[name]
        return name if isinstance(item, h5py.Dataset) and _elsewhere(item) else None

    found = file.visititems_links(elsewhere)
    if found is not None:
        raise CubeReadError(f'{path}: {found!r} is in another file, which is not read')


class NetCDF3Reader(ArrayReader):
    """netCDF files of version 3, as arrays with dimensions and attributes."""

    format = 'netcdf3'
    survives_fork = True
    customary_axes = False

    def _open(self) -> scipy.io.netcdf_file:
        return scipy.io.netcdf_file(self.path, 'r', mmap=False)

    def _variables(self) -> dict[str, Variable]:
        return {
            name: Variable(tuple(variable.shape), kind_of(variable.data.dtype))
            for name, variable in self._handle().variables.items()
        }

    def _array(self) -> np.ndarray:
        return self._handle().variables[self._name].data

    def _vector(self, name: str) -> np.ndarray:
        return self._handle().variables[name].data

    def _attributes(self, name: str) -> Mapping[str, Any]:
        file = self._handle()
        if name and name not in file.variables:
            return {}
        return dict((file.variables[name] if name else file)._attributes)

    def _dimensions(self, name: str) -> list[Dimension]:
        file = self._handle()
        return [
            Dimension(
                title,
                title if title in file.variables else None,
                self._attributes(title) if title in file.variables else {},
            )
            for title in file.variables[name].dimensions
        ]
