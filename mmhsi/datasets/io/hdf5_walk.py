"""Walks through HDF5 files in a process of its own: the program that :mod:`mmhsi.datasets.io.hdf5_check` starts.

It answers each line of its input, ``{"path": ..., "seconds": ...}``, with a line: ``{"memory": ...}`` tells whether the
walk needed more memory than it may take. Damage that raises an ordinary error is none of its business: the
reader finds and explains it. It imports nothing of mmhsi, so that it starts quickly.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator

import h5py
import numpy as np

try:
    import resource
except ImportError:  # Windows: the process that asks keeps the time alone
    resource = None  # type: ignore[assignment]

_MEMORY = 2**28  # bytes beyond those of the libraries
_LARGEST_ATTRIBUTE = 2**20  # values; larger ones are not read by the readers either
_VALUES = 2**26  # bytes of unpacked values that are read of a small file
_SMALL_FILE = 2**24
_MOST_OBJECTS = 200_000
_DEEPEST = 64  # groups in groups, as for the readers
_OF_MATLAB = ('#refs#', '#subsystem#')  # the contents of cells and objects, which the readers leave alone


@contextlib.contextmanager
def _tried(found: dict) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        found['memory'] = True
    except Exception as error:
        if 'allocate' in str(error) or 'allocation failed' in str(error):
            found['memory'] = True


def _walk_attributes(item: h5py.HLObject, found: dict) -> None:
    names: list[str] = []
    with _tried(found):
        names = list(item.attrs)
    for name in names:
        with _tried(found):
            if item.attrs.get_id(name).get_space().get_simple_extent_npoints() <= _LARGEST_ATTRIBUTE:
                item.attrs[name]


def _walk_dataset(item: h5py.Dataset, budget: list[int], found: dict) -> None:
    for look in (
        lambda: (item.shape, item.dtype, item.chunks, item.compression, item.fillvalue, item.external),
        lambda: item.is_virtual and item.virtual_sources(),
        lambda: [(axis.label, [scale.name for scale in axis.values()]) for axis in item.dims],
        lambda: item.chunks and item.id.get_num_chunks(),
        lambda: _read_values(item, budget),
    ):
        with _tried(found):
            look()


def _read_values(item: h5py.Dataset, budget: list[int]) -> None:
    """Read values by chunks as long as the budget of bytes lasts: a damaged one may keep the library busy, too."""
    if item.is_virtual or item.external or not item.size:
        return
    length = max(item.chunks[0] if item.chunks else item.shape[0], 1) if item.shape else 1
    row = item.dtype.itemsize * int(np.prod(item.shape[1:], dtype=object)) if item.shape else item.dtype.itemsize
    first = 0
    while first < (item.shape[0] if item.shape else 1) and budget[0] >= row * length:
        budget[0] -= row * length
        with contextlib.suppress(OSError):  # a chunk that cannot be unpacked; the next may well be
            item[first : first + length] if item.shape else item[()]
        first += length


def walk(path: str) -> dict:
    """Walk through the structure of a file, and the values of a small one; the answer to the request."""
    found = {'memory': False}
    with _tried(found), h5py.File(path, 'r') as file:
        budget = [_VALUES if os.path.getsize(path) <= _SMALL_FILE else 0]
        seen = [0]

        def visit(name: str, link: object) -> bool | None:
            seen[0] += 1
            if len(name) > _DEEPEST and name.count('/' if isinstance(name, str) else b'/') > _DEEPEST:
                return True
            if isinstance(name, str) and name.startswith(_OF_MATLAB):
                return seen[0] >= _MOST_OBJECTS or None
            if isinstance(link, h5py.HardLink):
                with _tried(found):
                    item = file[name]
                    _walk_attributes(item, found)
                    if isinstance(item, h5py.Dataset):
                        _walk_dataset(item, budget, found)
            elif isinstance(link, h5py.SoftLink):
                with _tried(found):
                    file.get(name, getclass=True)
            return seen[0] >= _MOST_OBJECTS or None

        _walk_attributes(file, found)
        with _tried(found):
            file.visititems_links(visit)
    return found


def _limit_memory() -> None:
    with contextlib.suppress(OSError, ValueError):
        with open('/proc/self/statm', encoding='ascii') as stream:
            taken = int(stream.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + _MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time(seconds: float) -> None:
    """Have this process ended when it has taken so much more processor time."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    most = int(usage.ru_utime + usage.ru_stime + seconds) + 1
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def main() -> None:
    """Answer requests until the input ends."""
    if resource is not None:
        _limit_memory()
    answer = sys.stdout.buffer
    answer.write(b'ready\n')
    answer.flush()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if resource is not None:
            _limit_time(request['seconds'])
        answer.write(json.dumps(walk(request['path'])).encode() + b'\n')
        answer.flush()


if __name__ == '__main__':
    main()
