"""Locks for folders that only one process may write to at a time."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from mmhsi.utils.files import parse_json

try:
    import fcntl
except ModuleNotFoundError:  # Windows does not have these locks
    fcntl = None  # type: ignore[assignment]  # a module, or None

LOCK = '.lock'
_PAUSE = 0.05  # seconds


class FolderBusyError(RuntimeError):
    """Another process has locked the folder."""


class FolderLock:
    """Locks a folder until it is released or the process ends in any way.

    The lock is an operating system lock on a file in the folder; the file is removed with the lock. Nothing is locked
    on Windows or on file systems without locks, such as some network file systems.

    Args:
        folder (str | os.PathLike): The folder; it is created if it does not exist.
        purpose (str): What locks it, for the error message of other processes, such as 'a training'.
        shared (bool): Whether others may have a shared lock at the same time. Defaults to False.
        wait (float): Seconds to wait for another holder. Defaults to 0.
        name (str): Name of the file. Defaults to '.lock'.

    Raises:
        FolderBusyError: If another process holds it; the message names the process.
        OSError: If the folder cannot be written.
    """

    def __init__(
        self, folder: str | os.PathLike, purpose: str, shared: bool = False, wait: float = 0.0, name: str = LOCK
    ):
        self.path = Path(folder, name)
        self._held = False
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            raise OSError(error.errno, f'{folder}: the folder cannot be written: {error.strerror or error}') from None
        if fcntl is None:
            return
        until = time.monotonic() + wait
        while not self._held:
            try:
                fcntl.flock(self._file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    return  # no locks here
                if time.monotonic() < until:
                    time.sleep(_PAUSE)
                    continue
                holder = self._holder()
                self._file.close()
                raise FolderBusyError(
                    f'{folder}: {holder} is writing this folder; wait for its end, or choose another one'
                ) from None
            self._held = self._is_there()
            if not self._held:  # the last holder removed it in between
                self._file.close()
                self._open()
        if not shared:
            self._file.truncate(0)
            json.dump(
                dict(
                    purpose=purpose,
                    process=os.getpid(),
                    host=socket.gethostname(),
                    since=time.strftime('%Y-%m-%d %H:%M:%S'),
                ),
                self._file,
            )
            self._file.flush()

    def _open(self) -> None:
        self._file = open(self.path, 'a+', encoding='utf-8')  # noqa: SIM115  (held until it is released)

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), os.stat(self.path))
        except FileNotFoundError:
            return False

    def _holder(self) -> str:
        try:
            self._file.seek(0)
            told = parse_json(self._file.read())
            return f'{told["purpose"]} (process {told["process"]} on {told["host"]}, since {told["since"]})'
        except (ValueError, KeyError, TypeError):
            return 'another process'

    def release(self) -> None:
        """Release the folder."""
        if self._file.closed:
            return
        if self._held:
            with suppress(OSError):  # another one holds it shared
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.path.unlink(missing_ok=True)
            fcntl.flock(self._file, fcntl.LOCK_UN)  # forked processes have the file open, too
        elif fcntl is None:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        self._file.close()

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
