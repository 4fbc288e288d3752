"""MATLAB files: up to version 7 through scipy, version 7.3 (which is HDF5) and other HDF5 files through h5py."""

import os
import struct
from typing import Any

import h5py
import numpy as np
import scipy.io

from .arrays import ArrayReader
from .errors import CubeReadError, explained
from .variables import Variable, kind_of

_MATRIX, _COMPRESSED = 14, 15
_ELEMENT_TYPES = frozenset((*range(1, 8), 9, 12, 13, _MATRIX, _COMPRESSED, 16, 17, 18))
# classes of MATLAB arrays that hold numbers
_NUMERIC_CLASSES = ('double', 'single', 'logical', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32',
                    'uint64')
# deflate shrinks by less than this, so that a header that claims more values than this per byte of file is wrong
_LARGEST_DEFLATE_RATIO = 1032


def _check_elements(path: str) -> None:
    """Check the chain of elements of a version 5 file: lengths against the file, and the type of each array's data.

    scipy looks the type up in a table without a bounds check, so that one wrong byte can end the process.
    """
    size = os.path.getsize(path)
    with open(path, 'rb') as stream:
        header = stream.read(128)
        order = '<' if header[126:128] == b'IM' else '>'

        def tag() -> tuple:
            word, length = struct.unpack(order + 'II', stream.read(8))
            if word >> 16:  # small element: type and length share the first word, the data are the second
                return word & 0xffff, 0
            return word, length

        position = 128
        while position < size:
            if size - position < 8:
                raise CubeReadError(f'{path}: the file is truncated')
            stream.seek(position)
            kind, length = tag()
            start, position = position, position + 8 + length
            if position > size:
                raise CubeReadError(f'{path}: the file is truncated: an array at byte {start} needs {length} bytes, '
                                    f'{size - start - 8} are left')
            found = kind
            while found == _MATRIX and length and stream.tell() + 8 <= position:
                # flags, dimensions, name, data: each padded to eight bytes
                part, part_length = tag()
                if part not in _ELEMENT_TYPES:
                    found = part
                stream.seek((part_length + 7) // 8 * 8, os.SEEK_CUR)
            if found not in _ELEMENT_TYPES:
                raise CubeReadError(f'{path}: the file is damaged: unknown data type {found} at byte {start}')


class MatReader(ArrayReader):
    """MATLAB files up to version 7. A window of a compressed array cannot be read, so the array is read once."""

    format = 'mat'
    survives_fork = True

    def _variables(self) -> dict[str, Variable]:
        with open(self.path, 'rb') as stream:
            if stream.read(10) == b'MATLAB 5.0':
                _check_elements(self.path)
        variables = {name: Variable(tuple(int(length) for length in shape),
                                    'numeric' if kind in _NUMERIC_CLASSES else kind)
                     for name, shape, kind in scipy.io.whosmat(self.path)}
        most = _LARGEST_DEFLATE_RATIO * os.path.getsize(self.path)
        for name, variable in variables.items():
            if any(length < 0 for length in variable.shape) or int(np.prod(variable.shape, dtype=object)) > most:
                raise CubeReadError(f"{self.path}: the file is damaged: '{name}' claims the shape {variable.shape}, "
                                    'more than the file can hold')
        return variables

    def _open(self) -> np.ndarray:
        return self._vector(self._name)

    def _vector(self, name: str) -> np.ndarray:
        return scipy.io.loadmat(self.path, variable_names=[name])[name]


class HDF5Reader(ArrayReader):
    """Version 7.3 MATLAB files, whose axes are put back in MATLAB's order, and other HDF5 files, which stay as stored.

    A file is MATLAB's if it begins with MATLAB's text or is named .mat.
    """

    def __init__(self, path: str, *args, **kwargs) -> None:
        with explained(path), open(path, 'rb') as stream:
            self.reversed_axes = stream.read(10) == b'MATLAB 7.3' or path.lower().endswith('.mat')
        self.format = 'mat73' if self.reversed_axes else 'hdf5'
        super().__init__(path, *args, **kwargs)

    def _open(self) -> h5py.File:
        return h5py.File(self.path, 'r')

    def _variables(self) -> dict[str, Variable]:
        variables = {}

        def visit(name: str, item: Any) -> None:
            # MATLAB keeps the contents of cells and objects in these groups
            if not isinstance(item, h5py.Dataset) or name.startswith(('#refs#', '#subsystem#')):
                return
            matlab_class = item.attrs.get('MATLAB_class', b'')
            matlab_class = matlab_class.decode() if isinstance(matlab_class, bytes) else str(matlab_class)
            kind = kind_of(item.dtype) if matlab_class in ('', *_NUMERIC_CLASSES) else matlab_class
            if item.attrs.get('MATLAB_empty', 0) or item.shape is None:
                kind = 'empty'
            shape = item.shape or ()
            variables[name] = Variable(shape[::-1] if self.reversed_axes else shape, kind)

        self._handle().visititems(visit)
        return variables

    def _array(self) -> h5py.Dataset:
        return self._handle()[self._name]

    def _vector(self, name: str) -> np.ndarray:
        return self._handle()[name][()]
