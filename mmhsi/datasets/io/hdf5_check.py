"""Finding damage that libhdf5 does not survive, before a file is opened.

On some damaged files the library never returns, takes all memory or ends the process. So a process of its own
(:mod:`mmhsi.datasets.io.hdf5_walk`) walks through a file first: its groups, attributes, headers and indices of chunks,
and the values too if the file is small. The process starts with the first file, and serves all that follow.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from mmengine.logging import print_log

from .errors import CubeReadError, explained

_PROGRAM = Path(__file__).with_name('hdf5_walk.py')
_SECONDS = 3  # of processor time, for a small file
_SECONDS_PER_BYTE = 1e-6, 1e-7  # for thousands of small objects, of which a file of MATLAB may consist; for chunks
_MOST_FOR_OBJECTS = 60
_PATIENCE = 20  # how many times longer a slow disk or a busy machine may take
_SECONDS_TO_START = 120


class _Walker:
    """The process that walks through files. It is started by the first question, and again after it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None

    def ask(self, path: str, seconds: float) -> dict | int:
        """Have a file walked through.

        Args:
            path (str): The file.
            seconds (float): Processor time that the walk may take.

        Returns:
            dict | int: The answer, or the number of the signal that ended the process.

        Raises:
            OSError: If the process does not start.
        """
        request = json.dumps(dict(path=path, seconds=seconds)).encode() + b'\n'
        try:
            answer = self._exchange(request, _PATIENCE * seconds)
        except OSError:  # somebody has ended it since the last file
            self.close()
            answer = self._exchange(request, _PATIENCE * seconds)
        except BaseException:  # interrupted: the next file must not get the answer for this one
            self.close()
            raise
        if answer:
            return json.loads(answer)
        return -self.close()

    def _exchange(self, request: bytes, seconds: float) -> bytes:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, '-P', str(_PROGRAM)],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is not for it
            )
            if not self._line(_SECONDS_TO_START):
                self.close()
                raise OSError(f'{_PROGRAM.name} does not start')
        assert self._process.stdin is not None  # a pipe
        self._process.stdin.write(request)
        return self._line(seconds)

    def _line(self, seconds: float) -> bytes:
        """The next line of the process; empty if it ends, or is ended because it takes too long."""
        assert self._process is not None and self._process.stdout is not None  # it has been started, with pipes
        end = threading.Timer(seconds, self._process.kill)
        end.daemon = True
        end.start()
        try:
            return self._process.stdout.readline()
        finally:
            end.cancel()

    def close(self) -> int:
        """End the process, if there is one; returns its status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            return process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def _reset() -> None:
    """A forked process has a walker of its own; what is known of files stays."""
    global _walker, _lock
    _INHERITED.append(_walker)  # collecting it would wait for a process of the parent's
    _walker, _lock = _Walker(), threading.Lock()


_INHERITED: list[_Walker] = []
_walker, _lock = _Walker(), threading.Lock()
_answers: dict[tuple, dict | int] = {}
atexit.register(lambda: _walker.close())
if hasattr(os, 'register_at_fork'):  # systems without it do not fork
    os.register_at_fork(after_in_child=_reset)


def check_hdf5(path: str) -> None:
    """Refuse a file on which libhdf5 hangs, fills the memory or crashes; once for each state of a file.

    Args:
        path (str): The file.

    Raises:
        CubeReadError: If the walk takes more than 3 s of processor time, 1 s for each of the first 60 MB and 0.1 s per
            MB, or more than 256 MiB of memory, or if it ends its process.
    """
    with explained(path):
        state = os.stat(path)
    identity = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
    of_objects, of_chunks = (rate * state.st_size for rate in _SECONDS_PER_BYTE)
    seconds = _SECONDS + min(of_objects, _MOST_FOR_OBJECTS) + of_chunks
    with _lock:
        if identity not in _answers:
            try:
                _answers[identity] = _walker.ask(os.path.abspath(path), seconds)
            except OSError as error:
                _answers[identity] = {}
                print_log(
                    f'{path}: HDF5 files are opened without a check for damage: {error}', 'current', logging.WARNING
                )
        answer = _answers[identity]
    damaged = f'{path}: the file is damaged: expected groups, attributes and arrays of HDF5'
    if isinstance(answer, dict):
        if answer.get('memory'):
            raise CubeReadError(f'{damaged}, found headers that claim more than 256 MiB of memory')
    elif answer in (getattr(signal, 'SIGXCPU', None), getattr(signal, 'SIGKILL', None)):
        raise CubeReadError(f'{damaged} that are read in {seconds:.0f} s of processor time, they take longer')
    else:
        name = signal.Signals(answer).name if answer in set(signal.Signals) else f'status {-answer}'
        raise CubeReadError(f'{damaged}, the library that reads them ends with {name}')
