"""Refusing data that do not fit into memory before they are allocated."""

from mmhsi.utils.system_memory import available_memory

from .errors import CubeReadError

# deflate compresses by less than this factor: a header that claims more bytes per byte of its file is wrong
LARGEST_DEFLATE_RATIO = 1032
_SMALL = 2**22  # bytes


_LARGE, _LARGEST_RATIO = 2**28, 300  # bytes of values, and how far measured ones may have been packed


def check_packing(path: str, what: str, packed: int, unpacked: int) -> None:
    """Refuse values that take hundreds of times the memory of their file: a small file must not fill it.

    Args:
        path (str): The file.
        what (str): Name of the values in messages.
        packed (int): Their bytes in the file.
        unpacked (int): Their bytes in memory.

    Raises:
        CubeReadError: If they are more than 256 MiB and 300 times as many.
    """
    if unpacked > max(_LARGE, _LARGEST_RATIO * packed):
        raise CubeReadError(f'{path}: {what} unpacks from {packed} to {unpacked} bytes, which no measured values do')


def check_fits(path: str, what: str, needed: int) -> None:
    """Refuse to read data larger than memory, which a header may falsely claim.

    Args:
        path (str): The file.
        what (str): Name of the data in messages.
        needed (int): Its size in bytes.

    Raises:
        CubeReadError: If there is not enough memory.
    """
    if needed <= _SMALL:
        return  # asking the system takes as long as reading a small window
    available = available_memory()
    if available is not None and needed > available:
        raise CubeReadError(
            f'{path}: {what} takes {needed / 2**30:.1f} GiB, {available / 2**30:.1f} GiB of memory '
            'are available; read it window by window, if it is as large as its header claims'
        )
