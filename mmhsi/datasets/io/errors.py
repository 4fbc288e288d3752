"""The error of the readers, and the conversion of errors from file libraries."""

from collections.abc import Iterator
from contextlib import contextmanager


class CubeReadError(ValueError):
    """A file exists but does not hold the requested data; the message names the file."""


def _reason(error: BaseException) -> str:
    # rasterio says "see previous exception" and keeps GDAL's own words in the cause
    root = error.__cause__ or error
    lines = str(root).strip().splitlines()
    return lines[0].strip().rstrip('.') if lines else type(root).__name__


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Convert any exception of a file library to a :class:`CubeReadError` that names the file.

    Only calls into scipy, h5py, rasterio and NumPy's file formats belong inside. On damaged files they raise
    nearly every built-in exception (``TypeError``, ``IndexError``, ``struct.error``, ``zlib.error`` ...), hence the
    broad catch.

    Args:
        path (str): The file that is being read.

    Raises:
        CubeReadError: If the body raises.
    """
    try:
        yield
    except CubeReadError:
        raise
    except MemoryError:
        raise CubeReadError(f'{path}: the array does not fit into memory; read it window by window') from None
    except Exception as error:
        reason = _reason(error)
        raise CubeReadError(
            reason if reason.startswith(f'{path}: ') else f'{path}: the file cannot be read: {reason}'
        ) from None
