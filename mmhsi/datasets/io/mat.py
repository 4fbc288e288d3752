"""MATLAB files up to version 7, through scipy; version 7.3 is HDF5."""

import os

import numpy as np
import scipy.io

from .arrays import ArrayReader
from .errors import CubeReadError
from .mat_elements import check_elements
from .memory import LARGEST_DEFLATE_RATIO, check_fits
from .variables import NUMERIC_CLASSES, Variable


class MatReader(ArrayReader):
    """MATLAB files up to version 7. A window of a compressed array cannot be read, so the array is read once."""

    format = 'mat'
    survives_fork = True

    _listed: dict[str, Variable] | None = None

    def _variables(self) -> dict[str, Variable]:
        if self._listed is None:  # looking through the whole file
            self._listed = self._list()
        return self._listed

    def _list(self) -> dict[str, Variable]:
        with open(self.path, 'rb') as stream:
            if stream.read(10) == b'MATLAB 5.0':
                check_elements(self.path)
        variables = {
            name: Variable(tuple(int(length) for length in shape), 'numeric' if kind in NUMERIC_CLASSES else kind)
            for name, shape, kind in scipy.io.whosmat(self.path)
        }
        most = LARGEST_DEFLATE_RATIO * os.path.getsize(self.path)
        for name, variable in variables.items():
            if any(length < 0 for length in variable.shape) or variable.size > most:
                raise CubeReadError(
                    f"{self.path}: the file is damaged: '{name}' claims the shape {variable.shape}, "
                    'more than the file can hold'
                )
        return variables

    def _open(self) -> np.ndarray:
        return self._vector(self._name)

    def _vector(self, name: str) -> np.ndarray:
        check_fits(self.path, f"'{name}'", 8 * self._variables()[name].size)
        return scipy.io.loadmat(self.path, variable_names=[name])[name]
