"""Writing files atomically."""

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

PART_SUFFIX = '.part'  # of files that are being written


def part_of_file(path: str | os.PathLike) -> Path:
    """The name under which a file is written before :func:`put_in_place`.

    What already has this name is removed: through a link, a file elsewhere would be written.
    """
    part = Path(f'{path}{PART_SUFFIX}')
    part.unlink(missing_ok=True)
    return part


def put_in_place(part: str | os.PathLike, path: str | os.PathLike) -> None:
    """Move a file that was written under a temporary name to its final name, and flush it to disk.

    After a power failure, the final name holds either the previous file or the complete new one.

    Args:
        part (str | Path): The written file (or folder), in the same folder.
        path (str | Path): The final name; an existing file is replaced.

    Raises:
        OSError: If the file cannot be written to disk.
    """
    part, path = Path(part), Path(path)
    flush_folder(part) if part.is_dir() else _flush_file(part)
    os.replace(part, path)
    flush_folder(path.parent)


def _flush_file(path: Path) -> None:
    with path.open('r+b') as stream:  # Windows flushes only files opened for writing
        os.fsync(stream.fileno())


def flush_folder(path: str | os.PathLike) -> None:
    """Flush the directory entries of a folder to disk; does nothing if the system cannot open folders (Windows).

    Raises:
        OSError: If the disk fails.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:
        if sys.platform == 'win32':
            return
        raise
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a small text file atomically.

    Args:
        path (str | Path): The file.
        text (str): Its content.
    """
    part = part_of_file(path)
    part.write_text(text, encoding='utf-8')
    put_in_place(part, path)


def json_number(value: float) -> float | None:
    """A plain float; None for NaN and infinity, which JSON lacks."""
    return float(value) if math.isfinite(value) else None


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: If it is no JSON; unlike in ``json.loads``, also if it is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError('the JSON text is nested too deeply') from None


def check_writable(folder: str | os.PathLike, what: str = 'the folder') -> Path:
    """Create a folder if necessary, and check that files can be written to it.

    Args:
        folder (str | os.PathLike): The folder.
        what (str): Name of the folder in the error message. Defaults to 'the folder'.

    Returns:
        Path: The folder.

    Raises:
        OSError: If it cannot be created or written to.
    """
    folder = Path(folder)
    trial = folder / f'.writable-{os.getpid()}'
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise OSError(error.errno, f'{folder}: {what} cannot be written: {error.strerror or error}') from None
    return folder
