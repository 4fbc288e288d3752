"""Whether files are still the same: the content of each file that a result depends on, not its time."""

import hashlib
import os
import re
from pathlib import Path

_WHOLE = 256 * 2**20  # bytes; of a larger file blocks are read
_BLOCK, _BLOCKS = 2**20, 64
_SOURCE = re.compile(rb'<SourceFilename[^>]*>([^<]+)</SourceFilename>')


def file_identity(path: str | os.PathLike) -> list:
    """What tells a file from another one, as JSON can hold it: its size and a digest of its content.

    The digest is BLAKE2b of the whole file. Of a file of more than 256 MiB it is that of 64 blocks of 1 MiB, spread
    evenly from its first to its last byte, and the time of its last change counts too.

    Args:
        path (str | os.PathLike): The file.

    Returns:
        list: Size in bytes and digest, of a large file also the time in nanoseconds.

    Raises:
        OSError: If the file cannot be read.
    """
    status = os.stat(path)
    digest = hashlib.blake2b(digest_size=16)
    with open(path, 'rb') as stream:
        if status.st_size <= _WHOLE:
            for block in iter(lambda: stream.read(_BLOCK), b''):
                digest.update(block)
            return [status.st_size, digest.hexdigest()]
        for number in range(_BLOCKS):
            stream.seek(number * (status.st_size - _BLOCK) // (_BLOCKS - 1))
            digest.update(stream.read(_BLOCK))
    return [status.st_size, digest.hexdigest(), status.st_mtime_ns]


def files_of_cube(path: str | os.PathLike) -> list[Path]:
    """The files that a cube may come from: the file, what lies beside it under its name (header, mask, sidecars), and
    the sources of a virtual raster; of a folder all files in it.

    Args:
        path (str | os.PathLike): A file or a folder.

    Returns:
        list[Path]: The files, sorted; empty for an address.
    """
    path = Path(path)
    if path.is_dir():
        return sorted(found for found in path.rglob('*') if found.is_file())
    if not path.is_file():
        return []
    stem = path.name if not path.suffix else path.stem
    found = {path, *(other for other in path.parent.iterdir() if other.is_file() and (
        other.stem == stem or other.name.startswith(f'{path.name}.')))}
    if path.suffix.lower() == '.vrt':
        for source in _SOURCE.findall(path.read_bytes()):
            other = path.parent / os.fsdecode(source)
            found.update([other] if other.is_file() else [])
    return sorted(found)


def cube_identity(path: str | os.PathLike) -> dict[str, list]:
    """The identity of each of :func:`files_of_cube`, by its path."""
    return {str(file): file_identity(file) for file in files_of_cube(path)}
