"""Refusing what does not fit into memory before it is allocated."""

from mmhsi.utils.system_memory import available_memory

from .errors import CubeReadError

# deflate shrinks by less than this: a header that claims more bytes than this per byte of its file is wrong
LARGEST_DEFLATE_RATIO = 1032


def check_fits(path: str, what: str, needed: int) -> None:
    """Refuse to read what is larger than the memory: what a header claims need not be there.

    Args:
        path (str): The file.
        what (str): What is to be read, for the message.
        needed (int): Its size in bytes.

    Raises:
        CubeReadError: If the memory does not suffice.
    """
    available = available_memory()
    if available is not None and needed > available:
        raise CubeReadError(
            f'{path}: {what} takes {needed / 2**30:.1f} GiB, {available / 2**30:.1f} GiB of memory '
            'are available; read it window by window, if it is as large as its header claims'
        )
