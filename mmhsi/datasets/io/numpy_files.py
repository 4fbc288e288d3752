"""NumPy's own files: .npy window by window, .npz member by member; pickled objects are refused."""

import os
import zipfile

import numpy as np

from mmhsi.utils.npy_file import NpyFile, read_npy_header

from .arrays import ArrayReader
from .errors import CubeReadError
from .memory import LARGEST_DEFLATE_RATIO, check_fits, check_packing
from .variables import Key, Variable, kind_of

_MOST_MEMBERS = 10_000  # of an archive


class NpyReader(ArrayReader):
    """One array; a window reads only its own rows. A key is ignored."""

    format = 'npy'
    survives_fork = True

    def __init__(self, path: str, key: Key = None, *args, **kwargs) -> None:
        super().__init__(path, '', *args, **kwargs)

    def _variables(self) -> dict[str, Variable]:
        with open(self.path, 'rb') as stream:
            shape, _, dtype = read_npy_header(self.path, stream, os.path.getsize(self.path))
        return {'': Variable(shape, kind_of(dtype))}

    def _open(self) -> NpyFile:
        file = NpyFile(self.path)
        known = self._opened = getattr(self, '_opened', None) or (file.shape, file.dtype)
        if (file.shape, file.dtype) != known:
            raise CubeReadError(
                f'{self.path}: the file was replaced: it holds {file.shape} values of type '
                f'{file.dtype}, it was first opened with {known[0]} values of type {known[1]}'
            )
        return file


class NpzReader(ArrayReader):
    """An archive of arrays; the requested one is read once."""

    format = 'npz'
    survives_fork = True

    def _variables(self) -> dict[str, Variable]:
        variables = {}
        with zipfile.ZipFile(self.path) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS:
                raise CubeReadError(
                    f'{self.path}: the archive has {len(members)} members, more than the {_MOST_MEMBERS} that are read'
                )
            for member in members:
                if member.filename.endswith('.npy'):
                    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                        raise CubeReadError(
                            f"{self.path}: '{member.filename}' is packed by another method than "
                            "NumPy's deflate; a few bytes may unpack to many"
                        )
                    if member.file_size > member.compress_size * LARGEST_DEFLATE_RATIO:
                        raise CubeReadError(
                            f"{self.path}: the file is damaged: '{member.filename}' claims "
                            f'{member.file_size} bytes, packed into {member.compress_size}'
                        )
                    with archive.open(member) as stream:
                        shape, _, dtype = read_npy_header(self.path, stream, member.file_size)
                    variables[member.filename[: -len('.npy')]] = Variable(shape, kind_of(dtype))
        return variables

    def _open(self) -> np.ndarray:
        return self._vector(self._name)

    def _vector(self, name: str) -> np.ndarray:
        with zipfile.ZipFile(self.path) as archive:
            member = archive.getinfo(f'{name}.npy')
            check_packing(self.path, f"'{name}'", member.compress_size, member.file_size)
            check_fits(self.path, f"'{name}'", member.file_size)
        with np.load(self.path, allow_pickle=False) as archive:
            return archive[name]
