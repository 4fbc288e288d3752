"""Files that are written whole or not at all."""

import os
import sys
from pathlib import Path

PART_SUFFIX = '.part'  # of files that are being written


def put_in_place(part: str | os.PathLike, path: str | os.PathLike) -> None:
    """Give a file that was written under another name its own: after the call it is on the disk, whole.

    A power failure leaves either what stood under the name before, or the new file.

    Args:
        part (str | Path): The written file (or folder), beside its place.
        path (str | Path): Its place; a file there is replaced.

    Raises:
        OSError: If the disk refuses the file.
    """
    part, path = Path(part), Path(path)
    flush_folder(part) if part.is_dir() else _flush_file(part)
    os.replace(part, path)
    flush_folder(path.parent)


def _flush_file(path: Path) -> None:
    with path.open('r+b') as stream:  # Windows flushes only what it may write
        os.fsync(stream.fileno())


def flush_folder(path: str | os.PathLike) -> None:
    """Bring the names in a folder to the disk; nothing happens where the system opens no folder (Windows).

    Raises:
        OSError: If the disk refuses.
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
    """Write a small text file, whole or not at all.

    Args:
        path (str | Path): The file.
        text (str): Its content.
    """
    part = Path(f'{path}{PART_SUFFIX}')
    part.write_text(text, encoding='utf-8')
    put_in_place(part, path)


def check_writable(folder: str | os.PathLike, what: str = 'the folder') -> Path:
    """Make a folder if it is absent, and see that files can be written there.

    Args:
        folder (str | os.PathLike): The folder.
        what (str): What the error calls it. Defaults to 'the folder'.

    Returns:
        Path: The folder.

    Raises:
        OSError: If it cannot be made or written.
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
