"""NumPy's own files: .npy as a memory map, .npz member by member; pickled objects are refused."""

import os
import zipfile
from typing import BinaryIO

import numpy as np

from .arrays import ArrayReader
from .errors import CubeReadError
from .memory import LARGEST_DEFLATE_RATIO, check_fits
from .variables import Key, Variable, kind_of

_HEADER_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def _read_header(path: str, stream: BinaryIO, size: int) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read shape, column-major order and type of an array of ``size`` bytes, and check that so much is there."""
    version = np.lib.format.read_magic(stream)
    if version not in _HEADER_READERS:
        raise CubeReadError(f'{path}: .npy format version {version} is not supported, expected 1.0 or 2.0')
    shape, column_major, dtype = _HEADER_READERS[version](stream)
    if not dtype.hasobject:
        needed = int(np.prod(shape, dtype=object)) * dtype.itemsize
        if min(shape, default=0) < 0 or needed > size - stream.tell():
            raise CubeReadError(f'{path}: the header claims {shape} values of type {dtype} ({needed} bytes), '
                                f'the file holds {size - stream.tell()} bytes; it is truncated or damaged')
    return shape, column_major, dtype


class NpyReader(ArrayReader):
    """One array, mapped into memory: a window reads only its pages. A key has no meaning here and is ignored."""

    format = 'npy'
    survives_fork = True

    def __init__(self, path: str, key: Key = None, *args, **kwargs) -> None:
        super().__init__(path, '', *args, **kwargs)

    def _variables(self) -> dict[str, Variable]:
        with open(self.path, 'rb') as stream:
            shape, _, dtype = _read_header(self.path, stream, os.path.getsize(self.path))
        return {'': Variable(shape, kind_of(dtype))}

    def _open(self) -> np.ndarray:
        return np.load(self.path, mmap_mode='r', allow_pickle=False)


class NpzReader(ArrayReader):
    """An archive of arrays; the one asked for is read once."""

    format = 'npz'
    survives_fork = True

    def _variables(self) -> dict[str, Variable]:
        variables = {}
        with zipfile.ZipFile(self.path) as archive:
            for member in archive.infolist():
                if member.filename.endswith('.npy'):
                    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                        raise CubeReadError(f"{self.path}: '{member.filename}' is packed by another method than "
                                            "NumPy's deflate; a few bytes may unpack to many")
                    if member.file_size > member.compress_size * LARGEST_DEFLATE_RATIO:
                        raise CubeReadError(f"{self.path}: the file is damaged: '{member.filename}' claims "
                                            f'{member.file_size} bytes, packed into {member.compress_size}')
                    with archive.open(member) as stream:
                        shape, _, dtype = _read_header(self.path, stream, member.file_size)
                    variables[member.filename[:-len('.npy')]] = Variable(shape, kind_of(dtype))
        return variables

    def _open(self) -> np.ndarray:
        return self._vector(self._name)

    def _vector(self, name: str) -> np.ndarray:
        with zipfile.ZipFile(self.path) as archive:
            check_fits(self.path, f"'{name}'", archive.getinfo(f'{name}.npy').file_size)
        with np.load(self.path, allow_pickle=False) as archive:
            return archive[name]
