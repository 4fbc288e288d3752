"""Write the tiles of a scene as one .npy file, which is complete if it exists."""

from __future__ import annotations

import json
import os
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mmhsi.utils.files import PART_SUFFIX, flush_folder


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file under a temporary name; on success flush, fsync and rename it, otherwise remove it.

    The temporary name is unique, so that two processes that write the same file by mistake do not mix their bytes.

    Args:
        path (Path): The final name; its folder is created.

    Yields:
        BinaryIO: The open file, for writing and seeking.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{uuid.uuid4().hex[:12]}{PART_SUFFIX}')
    try:
        with open(temporary, 'xb') as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    with suppress(OSError):  # some network file systems cannot flush folders
        flush_folder(path.parent)


def write_json(path: Path, content: dict) -> None:
    """Write a JSON file atomically."""
    with whole_file(path) as stream:
        stream.write(json.dumps(content).encode())


class ShardWriter:
    """Appends tiles to a .npy file of shape (N, C, t, t) whose N is known only at the end.

    Args:
        stream (BinaryIO): An empty file.
        shape (tuple[int, int, int]): (C, t, t) of a tile.
        dtype (np.dtype): Type of the values, stored in the byte order of the machine.
    """

    def __init__(self, stream: BinaryIO, shape: tuple[int, int, int], dtype: np.dtype):
        self._stream = stream
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        self.checksums: list[int] = []
        self._write_header()
        self._start = stream.tell()

    def _write_header(self) -> None:
        # NumPy leaves room for the first length to grow, so that the header can be written again in its place
        np.lib.format.write_array_header_1_0(
            self._stream,
            {
                'descr': np.lib.format.dtype_to_descr(self.dtype),
                'fortran_order': False,
                'shape': (len(self.checksums), *self.shape),
            },
        )

    def append(self, tile: np.ndarray) -> None:
        """Append a tile of shape (C, t, t)."""
        values = np.ascontiguousarray(tile, dtype=self.dtype)
        if values.shape != self.shape:
            raise ValueError(f'a tile of shape {values.shape} does not fit a shard of tiles of shape {self.shape}')
        self.checksums.append(zlib.crc32(values))
        self._stream.write(values.data)

    def finish(self) -> int:
        """Write the final header; returns the size of the file in bytes."""
        size = self._stream.tell()
        self._stream.seek(0)
        self._write_header()
        if self._stream.tell() != self._start:
            raise RuntimeError('the header of the shard has grown over its first tile')
        self._stream.seek(size)
        return size
