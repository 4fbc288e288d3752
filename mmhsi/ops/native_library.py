"""Compile C sources of this folder on first use, and keep the result in a cache of the user's own.

The means were chosen for what they ask of the user: a plain C interface needs no headers of torch, so that the
system's compiler takes a second or two where an extension of torch takes half a minute; without a compiler the other
back ends do the work. The compiled file is named by a hash of the sources, the flags, the compiler's version and the
processor, since it is compiled for the machine that it runs on.

The cache is ``$MMHSI_CACHE``, else ``$XDG_CACHE_HOME/mmhsi``, else ``~/.cache/mmhsi``. A folder that another user
could write to is not used: what is loaded from there runs with the rights of this process. Without a usable folder the
library is compiled into a temporary one, for this process alone.
"""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

CACHE_VARIABLE = 'MMHSI_CACHE'

# No -ffast-math: NaN and infinity keep their meaning, so that a diverged training shows.
_FLAGS = ('-std=gnu11', '-O3', '-fno-math-errno', '-fno-trapping-math', '-fPIC', '-shared', '-pthread')
_NATIVE = ('-march=native', '-mcpu=native')  # which one a compiler takes depends on the processor
_SECONDS_TO_COMPILE = 120


def _run(command: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS_TO_COMPILE, check=False)


def find_compiler() -> list[str]:
    """Command of the C compiler: ``$CC``, else the first of cc, gcc, clang in the path.

    Raises:
        OSError: When there is none.
    """
    wanted = os.environ.get('CC')
    for name in [wanted] if wanted else ['cc', 'gcc', 'clang']:
        command = shlex.split(name)
        path = shutil.which(command[0])
        if path:
            return [path, *command[1:]]
    raise OSError(f'the C compiler {wanted!r} named by CC is not in the path' if wanted else
                  'there is no C compiler (cc, gcc or clang) in the path')


def _processor() -> str:
    """Model and instruction sets of the processor, as far as the system tells."""
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
    except OSError:
        lines = []
    kept = {line for line in lines if line.startswith(('model name', 'flags', 'Features', 'CPU part'))}
    return '\n'.join([platform.machine(), platform.processor(), *sorted(kept)])


def _is_private(folder: Path) -> bool:
    """Whether a folder is a real one of this user, which nobody else may write to."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022


def cache_folder() -> Path:
    """The folder of compiled libraries; made with access for this user alone.

    Raises:
        OSError: When it cannot be made or written, or others may write to it.
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
            raise PermissionError(f'{path}: libraries are loaded only from a folder that this user owns and nobody '
                                  f'else may write to; its owner is {status.st_uid} and its mode '
                                  f'{stat.S_IMODE(status.st_mode):o}')
    if not os.access(folder, os.W_OK):
        raise PermissionError(f'{folder}: not writable')
    return folder


def _compile(compiler: list[str], source: Path, target: Path) -> None:
    """Compile beside the target and rename: another process sees either nothing or the whole library."""
    handle, temporary = tempfile.mkstemp(suffix='.so', prefix=f'.{target.stem}.', dir=target.parent)
    os.close(handle)
    try:
        for native in ([_NATIVE[0]], [_NATIVE[1]], []):
            result = _run([*compiler, *_FLAGS, *native, '-o', temporary, str(source)])
            if result.returncode == 0:
                os.replace(temporary, target)
                return
    finally:
        Path(temporary).unlink(missing_ok=True)
    raise OSError(f'{source}: {shlex.join(compiler)} failed: {result.stderr.strip()[:500]}')


def load_library(source: Path, headers: tuple[Path, ...] = ()) -> ctypes.CDLL:
    """Load the library of a C source, compiled now unless an equal one is in the cache.

    Args:
        source: The C file.
        headers: Files that it includes; they count as part of the source.

    Returns:
        The library; its functions release the interpreter's lock while they run.

    Raises:
        OSError: When there is no compiler, or it fails, or its result cannot be loaded.
    """
    if not hasattr(os, 'getuid'):  # Windows
        raise OSError('the C sources need POSIX threads, and their cache an owner')
    compiler = find_compiler()
    version = _run([*compiler, '--version'])
    if version.returncode != 0:
        raise OSError(f'{shlex.join(compiler)} --version failed: {version.stderr.strip()[-500:]}')
    parts = [*(path.read_text(encoding='utf-8') for path in (source, *headers)), shlex.join(compiler), version.stdout,
             shlex.join(_FLAGS), _processor()]
    key = hashlib.sha256('\0'.join(parts).encode()).hexdigest()[:32]
    try:
        folder = cache_folder()
    except (OSError, RuntimeError):  # RuntimeError: the user has no home
        with tempfile.TemporaryDirectory(prefix='mmhsi-') as temporary:
            target = Path(temporary, f'{source.stem}-{key}.so')
            _compile(compiler, source, target)
            return ctypes.CDLL(str(target))
    target = folder / f'{source.stem}-{key}.so'
    if not (target.is_file() and not target.is_symlink() and target.stat().st_uid == os.getuid()):
        _compile(compiler, source, target)
    return ctypes.CDLL(str(target))
