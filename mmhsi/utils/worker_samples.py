"""The sample that each data worker is loading, in memory that outlives the worker."""

import mmap
import os
import struct

_SLOTS = 4096
_ENTRY = struct.Struct('qq')  # process, index of the sample

# Anonymous and shared: the parent process reads what forked workers wrote, even after they were killed.
_memory = mmap.mmap(-1, _SLOTS * _ENTRY.size)


def note_sample(index: int) -> None:
    """Note that this process is about to load a sample."""
    process = os.getpid()
    _ENTRY.pack_into(_memory, process % _SLOTS * _ENTRY.size, process, int(index))


def last_sample(process: int) -> int | None:
    """The last sample of a worker.

    Args:
        process (int): Process id of a worker that was forked from this process.

    Returns:
        int | None: Index of the sample; None if the worker noted none.
    """
    found, index = _ENTRY.unpack_from(_memory, process % _SLOTS * _ENTRY.size)
    return index if found == process else None
