"""Compile C sources of this folder on first use, and keep the result in the user's cache.

This demands little of the user: a plain C interface needs no torch headers, so the system's compiler takes a second or
two, while a torch extension takes half a minute; without a compiler the other back ends are used. The compiled file is
named by a hash of the sources, the flags, the compiler's version and the processor, since it is compiled for the
machine that it runs on.

The cache is ``$MMHSI_CACHE``, else ``$XDG_CACHE_HOME/mmhsi``, else ``~/.cache/mmhsi``. A folder that another user could
write to is refused: what is loaded from there runs with the rights of this process. If no folder can be created, the
library is compiled into a temporary one for this process only.

A library is stored in the cache under its own hash, and a note records it with its size. It is checked against the note
before it is loaded, because a damaged library kills the process; if it differs, it is compiled again.
"""

import ctypes
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

CACHE_VARIABLE = 'MMHSI_CACHE'

# No -ffast-math: NaN and infinity keep their meaning, so that a diverged training is noticed.
_FLAGS = ('-std=gnu11', '-O3', '-fno-math-errno', '-fno-trapping-math', '-fPIC', '-shared', '-pthread')
_NATIVE = ('-march=native', '-mcpu=native')  # which one a compiler accepts depends on the processor
_SECONDS_TO_COMPILE = 120


class NotPrivateError(PermissionError):
    """Other users may write to the folder of compiled libraries."""


def _run(command: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS_TO_COMPILE, check=False)


def find_compiler() -> list[str]:
    """Command of the C compiler: ``$CC``, else the first of cc, gcc, clang in the path.

    Raises:
        OSError: When there is none.
    """
    wanted = os.environ.get('CC')
    for name in [wanted] if wanted else ['cc', 'gcc', 'clang']:
        try:
            command = shlex.split(name)
        except ValueError as error:
            raise OSError(f'the C compiler {wanted!r} in CC is not a valid command: {error}') from None
        path = shutil.which(command[0]) if command else None
        if path:
            return [path, *command[1:]]
    raise OSError(
        f'the C compiler {wanted!r} named by CC is not in the path'
        if wanted
        else 'there is no C compiler (cc, gcc or clang) in the path: install one, or name it with CC'
    )


def _processor() -> str:
    """Model and instruction sets of the processor, where the system reports them."""
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
    except OSError:
        lines = []
    kept = {line for line in lines if line.startswith(('model name', 'flags', 'Features', 'CPU part'))}
    return '\n'.join([platform.machine(), platform.processor(), *sorted(kept)])


def _is_private(folder: Path) -> bool:
    """Whether a folder is a real folder of this user that nobody else may write to."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022


def cache_folder() -> Path:
    """The folder of compiled libraries; created with access for this user only.

    Raises:
        OSError: When it cannot be made or written.
        NotPrivateError: When others may write to it.
    """
    if os.environ.get(CACHE_VARIABLE):
        base = Path(os.environ[CACHE_VARIABLE])
    else:
        base = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'mmhsi'
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = base / 'ops'
    folder.mkdir(mode=0o700, exist_ok=True)
    for path in (base, folder):
        if not _is_private(path):
            status = path.lstat()
            raise NotPrivateError(
                f'{path}: libraries are loaded only from a folder that this user owns and nobody '
                f'else may write to; its owner is {status.st_uid} and its mode '
                f'{stat.S_IMODE(status.st_mode):o}'
            )
    if not os.access(folder, os.W_OK):
        raise PermissionError(f'{folder}: not writable')
    return folder


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_whole(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f'.{path.name}.', dir=path.parent)
    try:
        with os.fdopen(handle, 'w', encoding='utf-8') as file:
            file.write(text)
        _flush(Path(temporary))
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _compile(compiler: list[str], source: Path, note: Path) -> None:
    """Compile beside the note and rename: another process sees either nothing or the whole library."""
    handle, temporary = tempfile.mkstemp(suffix='.so', prefix=f'.{note.stem}.', dir=note.parent)
    os.close(handle)
    failure = 'it ended without an error, but wrote no library'
    try:
        for native in ([_NATIVE[0]], [_NATIVE[1]], []):
            result = _run([*compiler, *_FLAGS, *native, '-o', temporary, str(source)])
            content = Path(temporary).read_bytes() if result.returncode == 0 else b''
            if content:
                digest = hashlib.sha256(content).hexdigest()
                target = note.with_name(f'{note.stem}-{digest[:16]}.so')
                _flush(Path(temporary))
                os.replace(temporary, target)
                _write_whole(note, json.dumps(dict(file=target.name, bytes=len(content), sha256=digest)))
                _flush(note.parent)
                return
            if result.returncode:
                failure = result.stderr.strip()[:500] or f'it ended with code {result.returncode}'
    finally:
        Path(temporary).unlink(missing_ok=True)
    raise OSError(f'{source}: {shlex.join(compiler)} failed: {failure}')


def _intact_library(note: Path) -> Path | None:
    """The library that a note names, if it exists unchanged; else None."""
    try:
        told = json.loads(note.read_text(encoding='utf-8'))
        if not re.fullmatch(rf'{re.escape(note.stem)}-[0-9a-f]{{16}}\.so', told['file']):
            return None
        path = note.with_name(told['file'])
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid() or status.st_size != told['bytes']:
            return None
        content = path.read_bytes()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return path if hashlib.sha256(content).hexdigest() == told['sha256'] else None


def _compiled(compiler: list[str], source: Path, note: Path) -> Path:
    path = _intact_library(note)
    if path is None:
        _compile(compiler, source, note)
        path = _intact_library(note)
    if path is None:
        raise OSError(f'{note}: the library that was just compiled differs when it is read back')
    return path


def load_library(source: Path, headers: tuple[Path, ...] = ()) -> ctypes.CDLL:
    """Load the library of a C source, compiling it unless the cache holds an intact copy.

    Args:
        source: The C file.
        headers: Files that it includes; they count as part of the source.

    Returns:
        The library; its functions release the interpreter's lock while they run.

    Raises:
        OSError: When there is no compiler, or it fails, its result cannot be loaded, or the cache is one that others
            may write to.
    """
    if not hasattr(os, 'getuid'):  # Windows
        raise OSError('the C sources need POSIX threads, and their cache an owner')
    compiler = find_compiler()
    version = _run([*compiler, '--version'])
    if version.returncode != 0:
        raise OSError(f'{shlex.join(compiler)} --version failed: {version.stderr.strip()[-500:]}')
    parts = [
        *(path.read_text(encoding='utf-8') for path in (source, *headers)),
        shlex.join(compiler),
        version.stdout,
        shlex.join(_FLAGS),
        _processor(),
    ]
    note = f'{source.stem}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}.json'
    try:
        folder = cache_folder()
    except NotPrivateError:
        raise
    except (OSError, RuntimeError):  # RuntimeError: the user has no home
        with tempfile.TemporaryDirectory(prefix='mmhsi-') as temporary:
            return ctypes.CDLL(str(_compiled(compiler, source, Path(temporary, note))))
    return ctypes.CDLL(str(_compiled(compiler, source, folder / note)))
