"""Memory of large results that is kept for the next ones."""

from __future__ import annotations

import math
import mmap
import weakref
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_HUGE_PAGE = 2 * 2**20


class MemoryPool:
    """Uninitialised CPU tensors whose memory comes back when the last of their views is gone.

    The C library returns large blocks to the system and asks for them anew, and the system hands over every page by an
    interrupt and filled with zeros, which is up to a quarter of the time of an operator that is limited by memory.
    Blocks of this pool lie in huge pages, where the system has them, and the next tensor of the same size takes them
    as they are. Threads may share a pool: it rests on operations of lists and dicts that are atomic, not on a lock,
    which a process that is forked could inherit in its closed state.

    Args:
        capacity (int): Bytes of free blocks that are kept; others are given back to the system.
        smallest (int): Bytes from which on a tensor comes from the pool; smaller ones come from torch. Defaults to half
            a huge page, 1 MiB.
    """

    def __init__(self, capacity: int, smallest: int = _HUGE_PAGE // 2) -> None:
        self.capacity = capacity
        self.smallest = smallest
        self._free: dict[int, list[mmap.mmap]] = {}

    @property
    def free_bytes(self) -> int:
        """Bytes of the free blocks."""
        return sum(size * len(blocks) for size, blocks in tuple(self._free.items()))

    def empty(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """A tensor like that of ``torch.empty(shape, dtype=dtype)``, except that its storage cannot be resized."""
        size = math.prod(shape) * dtype.itemsize
        if size < self.smallest or not hasattr(mmap, 'MAP_ANONYMOUS'):
            return torch.empty(shape, dtype=dtype)
        block = self._take(size)
        whole = np.frombuffer(block, np.uint8)
        start = -whole.ctypes.data % _HUGE_PAGE
        memory = whole[start:start + size]
        weakref.finalize(memory, self._give_back, size, block).atexit = False
        return torch.from_numpy(memory).view(dtype).view(shape)

    def _take(self, size: int) -> mmap.mmap:
        try:
            return self._free[size].pop()
        except (KeyError, IndexError):
            pass
        if self.free_bytes + size > self.capacity:
            self._free.clear()  # of sizes that are perhaps no longer asked for
        block = mmap.mmap(-1, size + _HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if hasattr(mmap, 'MADV_HUGEPAGE'):
            block.madvise(mmap.MADV_HUGEPAGE)
        return block

    def _give_back(self, size: int, block: mmap.mmap) -> None:
        if self.free_bytes + size <= self.capacity:
            self._free.setdefault(size, []).append(block)
