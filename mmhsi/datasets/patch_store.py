"""A folder of image patches: one .npy file that is read patch by patch, and an index for verification.

The folder holds ``patches.npy``, (N, h, w, C), and ``patches.json`` with shape, type, size and a checksum of each
patch, which is written last, so a folder with an index is complete.

The published denoising code stores such patches in LMDB. A plain file works as well without that dependency: each patch
is one range of it; pages are shared by all workers, and unlike an open LMDB environment it survives a fork; shape and
type are stored in the file instead of a separate text; and NumPy can read it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from mmhsi.datasets.io import CubeReadError
from mmhsi.datasets.tile_shards.writer import ShardWriter, whole_file, write_json
from mmhsi.utils.files import parse_json
from mmhsi.utils.npy_file import NpyFile

FORMAT = 'mmhsi patches 1'
INDEX, PATCHES = 'patches.json', 'patches.npy'


def write_patches(folder: str | Path, patches: Iterable[np.ndarray], description: Mapping | None = None) -> int:
    """Write a store, replacing an existing one.

    Args:
        folder (str | Path): The folder; created if necessary.
        patches (Iterable[np.ndarray]): Patches (h, w, C) of equal shape; stored as float32.
        description (Mapping, optional): Their origin, as JSON values.

    Returns:
        int: Number N of patches.

    Raises:
        ValueError: If there is no patch, or their shapes differ.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)
    writer = None
    with whole_file(folder / PATCHES) as stream:
        for patch in patches:
            if writer is None:
                writer = ShardWriter(stream, patch.shape, np.float32)
            writer.append(patch)
        if writer is None:
            raise ValueError(f'{folder}: there is no patch to write')
        size = writer.finish()
    write_json(
        folder / INDEX,
        dict(
            format=FORMAT,
            shape=(len(writer.checksums), *writer.shape),
            dtype=str(writer.dtype),
            bytes=size,
            checksums=writer.checksums,
            description=dict(description or {}),
        ),
    )
    return len(writer.checksums)


class PatchStore:
    """Patches written by :func:`write_patches`.

    Size, shape and type of the file are checked against the index when it is opened; the checksum of a patch when it is
    read.

    Args:
        folder (str | Path): The folder.

    Raises:
        FileNotFoundError: If a file does not exist.
        CubeReadError: If the index is damaged, or the file is truncated or does not match the index.
    """

    def __init__(self, folder: str | Path):
        self.path = Path(folder, PATCHES)
        index = Path(folder, INDEX)
        for path in (index, self.path):
            if not path.is_file():
                raise FileNotFoundError(f'{path}: no such file; a folder of patches holds {PATCHES} and {INDEX}')
        try:
            content = parse_json(index.read_bytes())
            if content['format'] != FORMAT:
                raise ValueError(f'its format is {content["format"]!r}, expected {FORMAT!r}')
            self.shape, dtype = tuple(content['shape']), np.dtype(content['dtype'])
            self.description: dict = content['description']
            self._checksums, size = content['checksums'], content['bytes']
            if not (isinstance(size, int) and isinstance(self._checksums, list) and isinstance(self.description, dict)):
                raise TypeError('an entry is of another kind')
        except (ValueError, KeyError, TypeError) as error:
            raise CubeReadError(f'{index}: the index of the patches is damaged: {error}') from None
        found = self.path.stat().st_size
        if found != size:
            raise CubeReadError(
                f'{self.path}: the file is {"truncated" if found < size else "another one"}: by the '
                f'index it has {size} bytes, but it has {found}'
            )
        try:
            self._patches = NpyFile(self.path)
        except ValueError as error:
            raise CubeReadError(f'{self.path}: the file is damaged: {error}') from None
        if self._patches.shape != self.shape or self._patches.dtype != dtype or len(self._checksums) != len(self):
            raise CubeReadError(
                f'{self.path}: by the index the patches are {dtype} of shape {self.shape} with as many '
                f'checksums, but the file holds {self._patches.dtype} of shape {self._patches.shape}, '
                f'and there are {len(self._checksums)} checksums'
            )

    def __len__(self) -> int:
        """Number of patches."""
        return self.shape[0]

    def read(self, index: int) -> np.ndarray:
        """A copy of a patch, (h, w, C) float32.

        Raises:
            CubeReadError: If its values have changed.
        """
        index = range(len(self))[index]
        try:
            patch = self._patches[index : index + 1][0]
        except (OSError, ValueError) as error:
            raise CubeReadError(f'{self.path}: patch {index} cannot be read: {error}') from None
        if zlib.crc32(patch) != self._checksums[index]:
            raise CubeReadError(f'{self.path}: patch {index} is damaged, its checksum differs from that in the index')
        return patch
