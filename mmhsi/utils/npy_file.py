"""Reading NumPy's .npy files in parts, without a memory map.

Accessing a memory map of a truncated file or on a failing disk kills the process (SIGBUS). Reading raises an error
instead.
"""

import os
import threading
from collections.abc import Sequence
from math import prod
from typing import IO

import numpy as np

_HEADER_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_SMALL = 2**16  # bytes that are read at once, not in pieces


def read_npy_header(path: str, stream: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read the header of an array, and check that the file holds its values.

    Args:
        path (str): Name of the file, for errors.
        stream (IO[bytes]): The file, at the beginning of the array; left at its values.
        size (int): Bytes of the file, or of the member of an archive.

    Returns:
        tuple[tuple[int, ...], bool, np.dtype]: Shape, whether it is stored in column-major order, and type.

    Raises:
        ValueError: If there is no such header, or the file holds less than it claims.
    """
    version = np.lib.format.read_magic(stream)
    if version not in _HEADER_READERS:
        raise ValueError(f'{path}: .npy format version {version} is not supported, expected 1.0 or 2.0')
    shape, column_major, dtype = _HEADER_READERS[version](stream)
    if not dtype.hasobject:
        needed = int(np.prod(shape, dtype=object)) * dtype.itemsize
        if min(shape, default=0) < 0 or needed > size - stream.tell():
            raise ValueError(
                f'{path}: the header claims {shape} values of type {dtype} ({needed} bytes), '
                f'the file holds {size - stream.tell()} bytes; it is truncated or damaged'
            )
    return shape, column_major, dtype


class NpyFile:
    """An .npy file from which parts are read.

    It may be read from several threads, and after a fork by both processes.

    Args:
        path (str | os.PathLike): The file.

    Attributes:
        shape (tuple[int, ...]): Shape of the array.
        dtype (np.dtype): Type of its values as they are stored.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is no such file, is damaged, or holds objects.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = os.fspath(path)
        self._lock = threading.Lock()
        self._stream = open(self.path, 'rb', buffering=0)  # noqa: SIM115  (kept open)
        try:
            size = os.fstat(self._stream.fileno()).st_size
            self.shape, self._column_major, self.dtype = read_npy_header(self.path, self._stream, size)
            if self.dtype.hasobject:
                raise ValueError(f'{self.path}: the array holds objects, expected numbers')
            self._start = self._stream.tell()
        except BaseException:
            self._stream.close()
            raise

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, index: tuple) -> np.ndarray:
        """Read a part.

        Args:
            index (tuple): For each leading axis a slice without a step; one of them may be a sequence of indices
                instead. Further axes are read whole, and () reads everything.

        Returns:
            np.ndarray: The values, a copy that the caller owns.

        Raises:
            ValueError: If the file was cut off since it was opened.
            OSError: If it cannot be read.
        """
        given = index if isinstance(index, tuple) else (index,)
        parts = [*given, *[slice(None)] * (self.ndim - len(given))]
        limits: list[tuple[int, int]] = []
        chosen: list[slice | np.ndarray] = []
        for item, length in zip(parts, self.shape, strict=True):
            if isinstance(item, slice):
                start, stop, _ = item.indices(length)
                chosen.append(slice(None))
            else:
                numbers = np.asarray(item, dtype=np.intp)
                start, stop = (int(numbers.min()), int(numbers.max()) + 1) if numbers.size else (0, 0)
                chosen.append(numbers - start)
            limits.append((start, max(stop, start)))
        if self._column_major:
            box = self._box(limits[::-1], self.shape[::-1]).transpose()
        else:
            box = self._box(limits, self.shape)
        return box if all(isinstance(item, slice) for item in chosen) else box[tuple(chosen)]

    def _box(self, limits: Sequence[tuple[int, int]], lengths: Sequence[int]) -> np.ndarray:
        """A box of the array in the order of the file."""
        wanted = [stop - start for start, stop in limits]
        if 0 in wanted:
            return np.empty(wanted, self.dtype)
        read = [list(limit) for limit in limits]
        itemsize, run, axis = self.dtype.itemsize, 1, len(lengths)
        while axis > 0:  # the axes from here on form one range of bytes per index of the axes before
            axis -= 1
            start, stop = read[axis]
            outside = prod(end - begin for begin, end in read[:axis])
            if outside > 1 and stop - start < lengths[axis]:
                rows = read[axis - 1][1] - read[axis - 1][0]
                if rows * lengths[axis] * run * itemsize > _SMALL:
                    run *= stop - start
                    break
                read[axis] = [0, lengths[axis]]
            elif stop - start < lengths[axis]:
                run *= stop - start
                break
            run *= read[axis][1] - read[axis][0]
        shape = [stop - start for start, stop in read]
        values = np.empty(shape, self.dtype)
        buffer = values.reshape(-1).view(np.uint8).data
        strides = [prod(lengths[number + 1 :]) * itemsize for number in range(len(lengths))]
        offsets = np.array(self._start + sum(start * stride for (start, _), stride in zip(read, strides, strict=True)))
        for length, stride in zip(shape[:axis], strides, strict=False):
            offsets = np.add.outer(offsets, stride * np.arange(length))
        size = run * itemsize
        for begin, offset in zip(range(0, len(buffer), size), offsets.ravel().tolist(), strict=True):
            self._fill(buffer[begin : begin + size], offset)
        inner = [
            slice(start - begin, start - begin + count)
            for (start, _), (begin, _), count in zip(limits, read, wanted, strict=True)
        ]
        return values[tuple(inner)] if inner else values

    def _fill(self, buffer: memoryview, offset: int) -> None:
        done = self._read_at(buffer, offset)  # nearly always all of it
        while done < len(buffer):
            count = self._read_at(buffer[done:], offset + done)
            if not count:
                raise ValueError(
                    f'{self.path}: the file was truncated while it was read: byte {offset + done} is missing'
                )
            done += count

    def _read_at(self, buffer: memoryview, offset: int) -> int:
        if hasattr(os, 'preadv'):
            return os.preadv(self._stream.fileno(), [buffer], offset)
        with self._lock:  # Windows has one position for all
            self._stream.seek(offset)
            return self._stream.readinto(buffer)

    def __reduce__(self) -> tuple:
        return type(self), (self.path,)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def __enter__(self) -> 'NpyFile':
        return self

    def __exit__(self, *exception) -> None:
        self.close()
