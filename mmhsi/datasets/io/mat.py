"""MATLAB files: up to version 7 through scipy, version 7.3 (which is HDF5) and other HDF5 files through h5py."""

import os
from typing import Any

import h5py
import numpy as np
import scipy.io

from .arrays import ArrayReader
from .errors import CubeReadError, explained
from .mat_elements import check_elements
from .memory import LARGEST_DEFLATE_RATIO, check_fits
from .variables import Variable, kind_of

# classes of MATLAB arrays that hold numbers
_NUMERIC_CLASSES = ('double', 'single', 'logical', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32',
                    'uint64')


class MatReader(ArrayReader):
    """MATLAB files up to version 7. A window of a compressed array cannot be read, so the array is read once."""

    format = 'mat'
    survives_fork = True

    def _variables(self) -> dict[str, Variable]:
        with open(self.path, 'rb') as stream:
            if stream.read(10) == b'MATLAB 5.0':
                check_elements(self.path)
        variables = {name: Variable(tuple(int(length) for length in shape),
                                    'numeric' if kind in _NUMERIC_CLASSES else kind)
                     for name, shape, kind in scipy.io.whosmat(self.path)}
        most = LARGEST_DEFLATE_RATIO * os.path.getsize(self.path)
        for name, variable in variables.items():
            if any(length < 0 for length in variable.shape) or int(np.prod(variable.shape, dtype=object)) > most:
                raise CubeReadError(f"{self.path}: the file is damaged: '{name}' claims the shape {variable.shape}, "
                                    'more than the file can hold')
        return variables

    def _open(self) -> np.ndarray:
        return self._vector(self._name)

    def _vector(self, name: str) -> np.ndarray:
        check_fits(self.path, f"'{name}'", 8 * int(np.prod(self._variables()[name].shape, dtype=object)))
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
