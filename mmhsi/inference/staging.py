"""Collecting the layers of a scene: in memory, or in a folder from which an interrupted prediction can continue."""

from __future__ import annotations

import errno
import json
import operator
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from mmengine.logging import print_log

from mmhsi.utils.files import parse_json, write_text
from mmhsi.utils.folder_lock import LOCK, FolderBusyError, FolderLock
from mmhsi.utils.npy_file import NpyFile

_RECORD = 'record.json'
_SECONDS = 5.0  # between two records; a record costs a flush
_BLOCK = 2**22  # bytes per write


def _reserve(descriptor: int, size: int) -> None:
    """Reserve the space of a file, so that a full disk is noticed at the beginning."""
    try:
        if hasattr(os, 'posix_fallocate'):
            os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # not supported by every file system
            raise


class Staging:
    """The layers of a scene during its prediction, and the progress.

    With a folder, they are stored in files of this hidden folder next to the products, so that an interrupted
    prediction can continue. A record of another scene, model or setting is not continued: it is removed, and the log
    says why.

    Args:
        folder (Path, optional): The folder; it is created if necessary. Defaults to None: the layers are arrays in
            memory.
        settings (Mapping): What the layers depend on, as JSON can hold it.
        resume (bool): Whether to continue where an interrupted prediction stopped. Defaults to True.

    Files are written, not mapped: a full disk then gives an error, while it would kill a process that has mapped them.

    Attributes:
        done (int): Number of finished parts.
        seen (bool): Whether any of them contains a valid pixel.
        arrays (dict[str, np.ndarray]): Arrays (L, H, W) by name, for reading: :meth:`write` fills them.

    Raises:
        OSError: If the folder cannot be written.
        RuntimeError: If another process is writing to it.
    """

    def __init__(self, folder: Path | None = None, settings: Mapping | None = None, resume: bool = True):
        self.done, self.seen = 0, False
        self.arrays: dict[str, np.ndarray] = {}
        self.folder = folder
        if folder is None:
            return
        self._settings = json.loads(json.dumps(settings))
        self._layout: dict[str, list] = {}
        self._files: dict[str, BinaryIO] = {}
        self._recorded = time.monotonic()
        if folder.is_symlink():
            raise OSError(errno.ELOOP, f'{folder}: it is a link, and the parts of a prediction are not kept elsewhere')
        try:
            self._lock = FolderLock(folder, 'a prediction')  # held until the folder is removed
        except FolderBusyError as error:
            raise RuntimeError(f'another process is predicting this scene: {error}') from None
        record = self._read() if resume else None
        if record is None:
            self._clear()
            return
        self.done, self.seen, self._layout = record['done'], record.get('seen', True), record['arrays']
        for name in self._layout:
            self._open(name)

    def _read(self) -> dict | None:
        path = self.folder / _RECORD
        if not path.is_file():
            return None
        try:
            record = parse_json(path.read_text(encoding='utf-8'))
            different = [
                key
                for key in {*self._settings, *record['settings']}
                if record['settings'].get(key) != self._settings.get(key)
            ]
            for name, (shape, dtype) in record['arrays'].items():
                with NpyFile(self._path(name)) as found:
                    if (list(found.shape), found.dtype.str) != (shape, dtype):
                        raise ValueError(name)
            if operator.index(record['done']) < 0:
                raise ValueError(record['done'])
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            print_log(
                f'{self.folder}: the record of the interrupted prediction is damaged; the prediction starts again',
                'current',
            )
            return None
        if different:
            print_log(
                f'{self.folder}: the interrupted prediction was made with another {", ".join(sorted(different))};'
                ' it starts anew',
                'current',
            )
            return None
        return record

    def _clear(self) -> None:
        for path in self.folder.iterdir():
            if path.name != LOCK:
                path.unlink()

    def create(self, name: str, shape: tuple[int, ...], dtype, fill: float) -> None:
        """Create an array (L, H, W) filled with one value; an existing one is kept."""
        if name in self.arrays:
            return
        if self.folder is None:
            self.arrays[name] = np.full(shape, fill, dtype)
            return
        shape, dtype = tuple(map(int, shape)), np.dtype(dtype)
        with self._path(name).open('wb') as file, self._full_disk_named(name, shape, dtype):
            np.lib.format.write_array_header_1_0(file, dict(descr=dtype.str, fortran_order=False, shape=shape))
            size = file.tell() + int(np.prod(shape)) * dtype.itemsize
            _reserve(file.fileno(), size)
            if fill == 0:
                file.truncate(size)  # reads as zeros
            else:
                rows = max(_BLOCK // (shape[2] * dtype.itemsize), 1)
                block = np.full((rows, shape[2]), fill, dtype)
                for start in range(0, shape[0] * shape[1], rows):
                    file.write(block[: shape[0] * shape[1] - start])
        self._layout[name] = [list(shape), dtype.str]
        self._open(name)

    def write(self, name: str, place: tuple[slice, slice], values: np.ndarray) -> None:
        """Fill a part of an array.

        Args:
            name (str): The array (L, H, W).
            place (tuple[slice, slice]): Its rows and columns.
            values (np.ndarray): The values (L, h, w).

        Raises:
            OSError: If the disk is full.
        """
        array = self.arrays[name]
        if self.folder is None:
            array[(slice(None), *place)] = values
            return
        file, (_, height, width), itemsize = self._files[name], array.shape, array.dtype.itemsize
        (top, bottom, _), (left, right, _) = place[0].indices(height), place[1].indices(width)
        values = np.ascontiguousarray(values, array.dtype)
        if not values.size:
            return
        whole = right - left == width  # rows that are contiguous in the file
        with self._full_disk_named(name, array.shape, array.dtype):
            for number, layer in enumerate(values):
                for row, piece in zip(
                    (top,) if whole else range(top, bottom), (layer,) if whole else layer, strict=True
                ):
                    file.seek(array.offset + ((number * height + row) * width + left) * itemsize)
                    rest = memoryview(piece.ravel().view(np.uint8))
                    while rest:  # a disk may accept its last bytes before it reports that it is full
                        rest = rest[file.write(rest) :]

    def _path(self, name: str) -> Path:
        if not name.isidentifier():
            raise ValueError(f'{self.folder}: {name!r} is not the name of a layer')
        return self.folder / f'{name}.npy'

    def _open(self, name: str) -> None:
        self._files[name] = self._path(name).open('r+b', buffering=0)
        self.arrays[name] = np.load(self._path(name), mmap_mode='r', allow_pickle=False)

    @contextmanager
    def _full_disk_named(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            size = np.prod(shape, dtype=float) * dtype.itemsize / 2**20
            raise OSError(
                error.errno,
                f'{self.folder}: the layer {name!r} of {size:.1f} MiB cannot be written: {error.strerror or error}',
            ) from error

    def advance(self, done: int, last: bool = False) -> None:
        """Record the number of finished parts; the record is written every few seconds."""
        self.done = done
        if self.folder is None:
            return
        if last or time.monotonic() - self._recorded > _SECONDS:
            for file in self._files.values():
                os.fsync(file.fileno())
            write_text(
                self.folder / _RECORD,
                json.dumps(dict(settings=self._settings, done=done, seen=self.seen, arrays=self._layout)),
            )
            self._recorded = time.monotonic()

    def remove(self) -> None:
        """Discard the layers, and delete the folder."""
        self._release()
        if self.folder is not None:
            shutil.rmtree(self.folder)

    def close(self) -> None:
        """Let another process continue where this one stops."""
        if self.arrays:
            with suppress(OSError):  # on a full disk the last record remains
                self.advance(self.done, last=True)
        self._release()

    def _release(self) -> None:
        self.arrays = {}
        if self.folder is not None:
            for file in self._files.values():
                file.close()
            self._files = {}
            self._lock.release()
