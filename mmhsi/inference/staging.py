"""Where the layers of a scene are collected: in memory, or in a folder from which an interrupted prediction goes on."""

from __future__ import annotations

import json
import mmap
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from mmhsi.utils.files import write_text

try:
    import fcntl
except ModuleNotFoundError:  # Windows has no such locks
    fcntl = None

_RECORD = 'record.json'
_SECONDS = 5.  # between two records; a record costs a flush


class Staging:
    """The layers of a scene while it is predicted, and how far they are filled.

    With a folder they lie in files of this hidden folder beside the products, so that an interrupted prediction goes
    on. A record of another scene, model or setting is not gone on with: what was there is removed, and a log line tells
    why.

    Args:
        folder (Path, optional): The folder; it is made if absent. Defaults to None: the layers are arrays in memory.
        settings (Mapping): What the layers depend on, as JSON can hold it.
        resume (bool): Whether to go on where an interrupted prediction stopped. Defaults to True.

    Attributes:
        done (int): Number of parts that are done.
        seen (bool): Whether any pixel that held data is among them.
        arrays (dict[str, np.ndarray]): Arrays (L, H, W) by name.

    Raises:
        OSError: If the folder cannot be written.
        RuntimeError: If another process is writing it.
    """

    def __init__(self, folder: Path | None = None, settings: Mapping | None = None, resume: bool = True):
        self.done, self.seen = 0, False
        self.arrays: dict[str, np.ndarray] = {}
        self.folder = folder
        if folder is None:
            return
        self._settings = json.loads(json.dumps(settings))
        self._layout: dict[str, list] = {}
        self._recorded = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = open(folder / 'lock', 'a')  # noqa: SIM115  (held until the folder is removed)
        try:
            if fcntl is not None:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise RuntimeError(f'{folder}: another process is predicting this scene') from None
        record = self._read() if resume else None
        if record is None:
            self._clear()
            return
        self.done, self.seen, self._layout = record['done'], record.get('seen', True), record['arrays']
        self.arrays = {name: np.load(folder / f'{name}.npy', mmap_mode='r+') for name in self._layout}

    def _read(self) -> dict | None:
        path = self.folder / _RECORD
        if not path.is_file():
            return None
        try:
            record = json.loads(path.read_text(encoding='utf-8'))
            different = [key for key in {*self._settings, *record['settings']}
                         if record['settings'].get(key) != self._settings.get(key)]
            for name, (shape, dtype) in record['arrays'].items():
                found = np.load(self.folder / f'{name}.npy', mmap_mode='r')
                if (list(found.shape), found.dtype.str) != (shape, dtype):
                    raise ValueError(name)
        except (ValueError, KeyError, OSError):
            print_log(f'{self.folder}: the record of the interrupted prediction is damaged; it starts anew', 'current')
            return None
        if different:
            print_log(f'{self.folder}: the interrupted prediction was made with another {", ".join(sorted(different))};'
                      ' it starts anew', 'current')
            return None
        return record

    def _clear(self) -> None:
        for path in self.folder.iterdir():
            if path.name != 'lock':
                path.unlink()

    def create(self, name: str, shape: tuple[int, ...], dtype, fill: float) -> None:
        """Make an array (L, H, W) filled with one value; one that is there already stays."""
        if name in self.arrays:
            return
        if self.folder is None:
            self.arrays[name] = np.full(shape, fill, dtype)
            return
        array = np.lib.format.open_memmap(self.folder / f'{name}.npy', 'w+', np.dtype(dtype), shape)
        if fill != 0:  # a new file reads as zeros
            for layer in array:
                layer[:] = fill
                _write_back(array)
        self.arrays[name] = array
        self._layout[name] = [list(array.shape), array.dtype.str]

    def advance(self, done: int, last: bool = False) -> None:
        """Note that so many parts are done; the record is written every few seconds."""
        self.done = done
        if self.folder is None:
            return
        if last or time.monotonic() - self._recorded > _SECONDS:
            for array in self.arrays.values():
                _write_back(array)
            write_text(self.folder / _RECORD,
                       json.dumps(dict(settings=self._settings, done=done, seen=self.seen, arrays=self._layout)))
            self._recorded = time.monotonic()

    def remove(self) -> None:
        """Forget the layers, and delete the folder."""
        self.arrays = {}
        if self.folder is not None:
            self._lock.close()
            shutil.rmtree(self.folder)

    def close(self) -> None:
        """Let another process go on where this one stops."""
        if self.arrays:
            self.advance(self.done, last=True)
        self.arrays = {}
        if self.folder is not None:
            self._lock.close()


def _write_back(array: np.memmap) -> None:
    """Bring a memory map to its file, and keep none of it in memory."""
    array.flush()
    if hasattr(array.base, 'madvise'):
        array.base.madvise(mmap.MADV_DONTNEED)
