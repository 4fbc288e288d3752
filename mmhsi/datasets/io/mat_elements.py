"""Checking the elements of a MATLAB file of version 5 before scipy reads it.

scipy trusts the file: it looks up types in tables without bounds checks, and reads an imaginary part that is announced
but missing, so a wrong byte can crash the process. The format is documented in MathWorks' "MAT-File Format".
"""

import math
import os
import struct
import zlib
from typing import BinaryIO

from .errors import CubeReadError
from .memory import LARGEST_DEFLATE_RATIO

_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_ELEMENT_TYPES = frozenset((*range(1, 8), 9, 12, 13, _MATRIX, _COMPRESSED, 16, 17, 18))
_NUMBER_TYPES = frozenset((*range(1, 8), 9, 12, 13))
_TEXT_TYPES = _NUMBER_TYPES | {16, 17, 18}
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE = range(1, 6)
_NUMBER_CLASSES = range(6, 16)
_COMPLEX = 0x800
_MAX_DIMENSIONS = 32
_MAX_FIELD_NAME = 64
_MAX_DEPTH = 32
_MOST_ARRAYS = 50_000  # in others; each takes some 50 microseconds, and in a compressed file hardly any bytes
_CHUNK = 2**16


class _Source:
    """A bounded stream of bytes from a file, decompressed in pieces if necessary."""

    def __init__(self, stream: BinaryIO, length: int, packed: bool) -> None:
        self._stream = stream
        self._packed_left = length
        self._inflater = zlib.decompressobj() if packed else None
        self._waiting = b''
        self.left = length * LARGEST_DEFLATE_RATIO if packed else length

    def read(self, count: int) -> bytes:
        if count > self.left:
            raise _Damage(f'{count} bytes are announced, {self.left} are left')
        self.left -= count
        if self._inflater is None:
            content = self._stream.read(count)
        else:
            while len(self._waiting) < count and self._inflate():
                pass
            content, self._waiting = self._waiting[:count], self._waiting[count:]
        if len(content) < count:
            raise _Damage('the file is truncated')
        return content

    def skip(self, count: int) -> None:
        if self._inflater is None:
            if count > self.left:
                raise _Damage(f'{count} bytes are announced, {self.left} are left')
            self._stream.seek(count, os.SEEK_CUR)
            self.left -= count
            return
        while count > 0:
            count -= len(self.read(min(count, _CHUNK)))

    def _inflate(self) -> bool:
        assert self._inflater is not None  # the source is compressed
        packed = self._inflater.unconsumed_tail
        if not packed and self._packed_left:
            packed = self._stream.read(min(_CHUNK, self._packed_left))
            self._packed_left -= len(packed)
        try:
            self._waiting += self._inflater.decompress(packed, _CHUNK)
        except zlib.error as error:
            raise _Damage(f'its compression is broken ({error})') from None
        return not self._inflater.eof and bool(packed)


class _Damage(Exception):
    pass


class _Walk:
    """A walk through the elements of an array and of nested arrays."""

    def __init__(self, source: _Source, order: str) -> None:
        self.source = source
        self.order = order
        self._nested = 0

    def tag(self) -> tuple[int, int, bytes | None]:
        """Type, length and, for a small element, its content."""
        word, second = self.source.read(4), self.source.read(4)
        (first,) = struct.unpack(self.order + 'I', word)
        if first >> 16:  # type and length share the first word, the data are the second
            if first >> 16 > 4:
                raise _Damage(f'a small element of {first >> 16} bytes')
            return first & 0xFFFF, first >> 16, second[: first >> 16]
        return first, struct.unpack(self.order + 'I', second)[0], None

    def content(self, kind: int, what: str, most: int) -> bytes:
        """The content of a short element of a required type."""
        found, length, content = self.tag()
        if found != kind or length > most:
            raise _Damage(f'{what} of type {found} and {length} bytes')
        if content is None:
            content = self.source.read(length)
            self.source.skip(-length % 8)
        return content

    def numbers(self, allowed: frozenset, what: str, last: bool = False) -> None:
        """Skip an element of numbers; stop at the content of the last one, which may be long."""
        kind, length, content = self.tag()
        if kind not in allowed:
            raise _Damage(f'unknown data type {kind} of {what}')
        if length > self.source.left and content is None:
            raise _Damage(f'{length} bytes are announced, {self.source.left} are left')
        if content is None and not last:
            self.source.skip(length)
            self.source.skip(min(-length % 8, self.source.left))

    def flags(self) -> int:
        """Kind of an array in the lowest byte, and its flags."""
        flags = self.content(_UINT32, 'array flags', 8)
        if len(flags) != 8:
            raise _Damage(f'array flags of {len(flags)} bytes')
        return struct.unpack(self.order + 'I', flags[:4])[0]

    def shape(self) -> tuple[int, ...]:
        """Shape of an array."""
        packed = self.content(_INT32, 'dimensions', 4 * _MAX_DIMENSIONS)
        shape = struct.unpack(f'{self.order}{len(packed) // 4}i', packed[: len(packed) // 4 * 4])
        if len(shape) < 2 or min(shape) < 0:
            raise _Damage(f'the shape {shape}')
        return shape

    def matrix(self, length: int, depth: int = 0) -> None:
        """Check the inside of an array of ``length`` bytes."""
        if length == 0:  # an empty array
            return
        if depth > _MAX_DEPTH:
            raise _Damage('arrays are nested too deeply')
        flags = self.flags()
        kind = flags & 0xFF
        if kind not in range(_CELL, 16):
            return  # functions and opaque objects, which scipy reads itself and which are not used here
        count = math.prod(self.shape())
        self.content(_INT8, 'a name', _CHUNK)
        if kind in _NUMBER_CLASSES or kind == _CHAR:
            # an empty string may lack its element
            self.numbers(_TEXT_TYPES if kind == _CHAR else _NUMBER_TYPES, 'an array', not flags & _COMPLEX)
            if flags & _COMPLEX:
                self.numbers(_NUMBER_TYPES, 'an imaginary part', last=True)
        elif kind == _SPARSE:
            for what in ('rows', 'columns', 'values', *(['an imaginary part'] if flags & _COMPLEX else [])):
                self.numbers(_NUMBER_TYPES, what)
        else:
            self.arrays(kind, count, depth)

    def arrays(self, kind: int, count: int, depth: int) -> None:
        """Check the arrays in a cell, a struct or an object."""
        if kind != _CELL:
            if kind == _OBJECT:
                self.content(_INT8, 'a class name', _CHUNK)
            number = self.content(_INT32, 'the length of field names', 4)
            width = struct.unpack(self.order + 'i', number)[0] if len(number) == 4 else 0
            if not 0 < width <= _MAX_FIELD_NAME:
                raise _Damage(f'field names of {width} bytes')
            count *= len(self.content(_INT8, 'field names', _CHUNK)) // width
        if count * 8 > self.source.left:  # each takes a tag
            raise _Damage(f'{count} arrays are announced, {self.source.left} bytes are left')
        self._nested += count
        if self._nested > _MOST_ARRAYS:
            raise _Damage(f'the file holds {self._nested} arrays in others, at most {_MOST_ARRAYS} are read')
        for _ in range(count):
            kind, length, content = self.tag()
            if kind != _MATRIX or content is not None:
                raise _Damage(f'unknown data type {kind} instead of an array')
            outer, self.source.left = self.source.left, length
            if length > outer:
                raise _Damage(f'{length} bytes are announced, {outer} are left')
            self.matrix(length, depth + 1)
            self.source.skip(self.source.left)
            self.source.left = outer - length


def check_elements(path: str) -> None:
    """Check all elements of a version 5 file: types, lengths compared with the file, and nested arrays.

    Args:
        path (str): The file.

    Raises:
        CubeReadError: If the file is truncated or damaged.
    """
    size = os.path.getsize(path)
    with open(path, 'rb') as stream:
        order = '<' if stream.read(128)[126:128] == b'IM' else '>'
        position = 128
        while position < size:
            try:
                position = _check_element(stream, position, size, order)
            except _Damage as damage:
                reason = str(damage)
                told = ('the file is truncated', 'the file holds')
                reason = reason if reason.startswith(told) else f'the file is damaged: {reason}'
                raise CubeReadError(f'{path}: {reason} at byte {position}') from None


def _check_element(stream: BinaryIO, position: int, size: int, order: str) -> int:
    if size - position < 8:
        raise _Damage('the file is truncated')
    stream.seek(position)
    kind, length, content = _Walk(_Source(stream, 8, packed=False), order).tag()
    if kind not in _ELEMENT_TYPES:
        raise _Damage(f'unknown data type {kind}')
    end = position + 8 + (length if content is None else 0)
    if end > size:
        raise _Damage(f'the file is truncated: an array needs {length} bytes, {size - position - 8} are left,')
    if kind == _COMPRESSED and content is None:
        walk = _Walk(_Source(stream, length, packed=True), order)
        kind, length, content = walk.tag()
        if kind == _MATRIX and content is None:
            walk.source.left = min(walk.source.left, length)
            walk.matrix(length)
    elif kind == _MATRIX and content is None:
        _Walk(_Source(stream, length, packed=False), order).matrix(length)
    return end
