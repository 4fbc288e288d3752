"""Damaged files for the readers: a seeded mutator, and a process apart for what might crash, hang or eat memory."""

import faulthandler
import io
import mmap
import os
import random
import re
import resource
import signal
import struct
import time
import traceback
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import scipy.io

from mmhsi.datasets.io import CubeReadError, open_cube, read_labels, read_map, read_spectra, write_raster
from mmhsi.datasets.io.maps import open_map

LARGEST_READ = 2**24  # bytes of a cube that is read whole
LARGEST_GROWTH = 2**28  # bytes that reading a small file may take
_NUMBERS = (0, 1, 2, 127, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 10**12, 2**63 - 1, 2**64 - 1)
_TEXTS = (
    '0',
    '-1',
    '1',
    '65536',
    '2147483647',
    '4294967296',
    '1000000000000',
    '1e12',
    'nan',
    '',
    '{',
    '}',
    'abc',
    '3.5',
    '\u00b5m',
    '99',
)


def write_samples(folder: Path, seed: int = 0) -> dict[str, list[str]]:
    """Write small sound files of every format; returns the file names of each, that with the header first."""
    rng = np.random.default_rng(seed)
    cube = rng.integers(0, 1000, (6, 5, 4)).astype(np.int16)
    arrays = dict(data=cube, map=(cube[..., 0] % 5).astype(np.uint8), wavelengths=np.linspace(400, 900, 4))
    scipy.io.savemat(folder / 'plain.mat', arrays)
    scipy.io.savemat(folder / 'packed.mat', arrays, do_compression=True)
    cells = np.array([[cube, 'a']], object)
    scipy.io.savemat(folder / 'repacked.mat', dict(**arrays, cells=cells), do_compression=True)
    scipy.io.savemat(folder / 'old.mat', {'data': cube[..., 0].astype(float)}, format='4')
    scipy.io.savemat(
        folder / 'struct.mat', {'library': dict(name='tree', spectra=cube[0, 0] / 7, wavelengths=arrays['wavelengths'])}
    )
    with h5py.File(folder / 'new.mat', 'w', userblock_size=512) as file:
        file.create_dataset('data', data=cube.transpose(2, 1, 0), chunks=(2, 5, 6), compression='gzip')
        file['wavelengths'] = arrays['wavelengths'][:, None]
    with open(folder / 'new.mat', 'r+b') as file:
        file.write(b'MATLAB 7.3 MAT-file'.ljust(124) + struct.pack('<HH', 0x200, 0x4D49))
    for name, version in (('chunks.h5', 'earliest'), ('latest.h5', 'latest')):
        with h5py.File(folder / name, 'w', libver=version) as file:
            stored = file.create_dataset(
                'data', data=cube, chunks=(2, 2, 4), maxshape=(None, None, 4), compression='lzf'
            )
            stored.attrs.update(units='1', _FillValue=np.int16(-1))
            file['wavelengths'] = arrays['wavelengths']
            file['wavelengths'].make_scale('bands')
            stored.dims[2].attach_scale(file['wavelengths'])
            file.create_dataset('names', data=['a', 'bb', 'ccc'], dtype=h5py.string_dtype())
    np.save(folder / 'cube.npy', cube.astype(np.float32))
    np.savez_compressed(folder / 'cube.npz', **arrays)
    np.savez_compressed(folder / 'repacked.npz', **arrays)
    write_raster(folder / 'packed.tif', cube, nodata=-1, wavelengths=arrays['wavelengths'])
    import tifffile

    tifffile.imwrite(folder / 'plain.tif', cube, photometric='minisblack', planarconfig='contig')
    write_raster(folder / 'labels.tif', arrays['map'])
    write_raster(folder / 'envi.img', cube, wavelengths=arrays['wavelengths'], band_names=list('abcd'))
    (folder / 'library.sli').write_bytes((cube[0] / 7).astype('<f4').tobytes())
    (folder / 'library.hdr').write_text(
        'ENVI\nsamples = 4\nlines = 5\nbands = 1\nheader offset = 0\nfile type = ENVI Spectral Library\ndata type = 4\n'
        'interleave = bsq\nbyte order = 0\nwavelength units = Nanometers\nspectra names = {a, b, c, d, e}\n'
        'wavelength = {400, 500, 600, 700}\n'
    )
    rows = '\n'.join(f'{400 + 10 * index},{index / 7:.4f},{index / 5:.4f}' for index in range(8))
    (folder / 'table.csv').write_text(f'wavelength nm,tree,roof\n{rows}\n')
    return {
        'MATLAB 5': ['plain.mat'],
        'MATLAB 5, packed': ['packed.mat'],
        'MATLAB 5, repacked': ['repacked.mat'],
        'MATLAB 4': ['old.mat'],
        'MATLAB 5, struct': ['struct.mat'],
        'MATLAB 7.3': ['new.mat'],
        'HDF5': ['chunks.h5'],
        'HDF5, latest layout': ['latest.h5'],
        'npy': ['cube.npy'],
        'npz': ['cube.npz'],
        'npz, repacked': ['repacked.npz'],
        'GeoTIFF': ['packed.tif'],
        'TIFF': ['plain.tif'],
        'GeoTIFF labels': ['labels.tif'],
        'ENVI': ['envi.hdr', 'envi.img'],
        'ENVI library': ['library.hdr', 'library.sli'],
        'text': ['table.csv'],
    }


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Damage a file in one to four places, its beginning above all."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if not data:
            break
        end = min(len(data), 400) if rng.random() < 0.6 else len(data)
        place = rng.randrange(end)
        kind = rng.randrange(8)
        if kind == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[place] = rng.randrange(256)
        elif kind == 2:
            width = rng.choice('HIQ')
            packed = struct.pack(rng.choice('<>') + width, rng.choice(_NUMBERS) & (1 << 8 * struct.calcsize(width)) - 1)
            place -= place % len(packed) * (rng.random() < 0.8)
            data[place : place + len(packed)] = packed
        elif kind == 3:
            del data[place:]
        elif kind == 4:
            del data[place : place + rng.randrange(1, 64)]
        elif kind == 5:
            data[place:place] = data[place : place + rng.randrange(1, 64)]
        elif kind == 6:
            data[place : place + 16] = bytes(rng.randrange(256) for _ in range(16))
        else:
            data[place:place] = bytes(rng.choice((0, 255)) for _ in range(rng.randrange(1, 16)))
    return bytes(data)


def mutate_text(content: bytes, rng: random.Random) -> bytes:
    """Damage a text: its numbers, its lines, or its bytes."""
    if rng.random() < 0.25:
        return mutate(content, rng)
    text = content.decode()
    for _ in range(rng.choice((1, 1, 2))):
        lines = text.splitlines()
        kind = rng.randrange(4)
        if kind == 0 and lines:
            lines.pop(rng.randrange(len(lines)))
            text = '\n'.join(lines) + '\n'
        elif kind == 1 and lines:
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
            text = '\n'.join(lines) + '\n'
        else:
            numbers = list(re.finditer(r'[\d.]+', text)) if kind == 2 else list(re.finditer(r'[^\s,={}]+', text))
            if numbers:
                match = rng.choice(numbers)
                text = text[: match.start()] + rng.choice(_TEXTS) + text[match.end() :]
    return text.encode()


def mutate_mat(content: bytes, rng: random.Random) -> bytes:
    """Damage what is packed inside a MATLAB file of version 5, and pack it again."""
    parts, position = [content[:128]], 128
    while position < len(content):
        (length,) = struct.unpack_from('<I', content, position + 4)
        parts.append(content[position + 8 : position + 8 + length])
        position += 8 + length
    hurt = rng.randrange(1, len(parts))
    parts[hurt] = zlib.compress(mutate(zlib.decompress(parts[hurt]), rng))
    return parts[0] + b''.join(struct.pack('<II', 15, len(part)) + part for part in parts[1:])


def mutate_npz(content: bytes, rng: random.Random) -> bytes:
    """Damage one array of an archive, and pack it again."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(packed, 'w', zipfile.ZIP_DEFLATED) as target:
        hurt = rng.choice(source.namelist())
        for name in source.namelist():
            target.writestr(name, mutate(source.read(name), rng) if name == hurt else source.read(name))
    return packed.getvalue()


_MUTATORS = {'.hdr': mutate_text, '.csv': mutate_text, 'repacked.mat': mutate_mat, 'repacked.npz': mutate_npz}


def damage(source: Path, names: list[str], folder: Path, seed: int) -> Path:
    """Write the damaged copy number ``seed`` of a sample; returns the file to open."""
    rng = random.Random(seed)
    hurt = names[0] if len(names) == 1 or rng.random() < 0.8 else rng.choice(names)
    for name in names:
        content = (source / name).read_bytes()
        if name == hurt:
            content = next((_MUTATORS[end] for end in _MUTATORS if name.endswith(end)), mutate)(content, rng)
        (folder / name).write_bytes(content)
    return folder / names[-1 if rng.random() < 0.7 else 0]


def read_all(path: Path) -> None:
    """Use every reader on a file, as a scene would.

    Raises:
        AssertionError: If an error does not name the file or is no CubeReadError, or values come out unasked.
    """
    readers = [_read_cube, read_spectra] if _is_large(path) else [_read_cube, read_labels, read_map, read_spectra]
    for read in readers:
        try:
            read(path)
        except (CubeReadError, FileNotFoundError) as error:
            if path.stem not in str(error):
                raise AssertionError(f'the error does not name the file: {error}') from error


def _is_large(path: Path) -> bool:
    """Whether the file describes a map that takes memory by right."""
    try:
        with open_map(path) as reader:
            return int(np.prod(reader.info.shape, dtype=object)) > 2**22
    except (CubeReadError, FileNotFoundError):
        return False


def _read_cube(path: Path) -> None:
    for layout in ('hwc', 'chw'):
        with open_cube(path, layout=layout) as reader:
            height, width, bands = reader.info.shape
            first = reader.read((0, 0, 1, 1), [bands - 1])
            assert first.shape == (1, 1, 1) and first.dtype == reader.info.dtype
            if height * width * bands * reader.info.dtype.itemsize <= LARGEST_READ:
                cube = reader.read()
                assert cube.shape == (height, width, bands)
                assert np.array_equal(cube[:1, :1, -1:], first, equal_nan=cube.dtype.kind == 'f')


class Watchdog:
    """Runs cases in a forked process with limits, and starts it anew after a crash or a hang.

    Args:
        seconds (float): Longest time of a case. Defaults to 10.
        memory (int): Bytes of address space that cases may take beyond what the process has. Defaults to 1 GiB.
    """

    def __init__(self, seconds: float = 10, memory: int = 2**30) -> None:
        self.seconds = seconds
        self.memory = memory
        self._shared = mmap.mmap(-1, 4096)

    def run(self, case: Callable[[int], None], numbers: range) -> tuple[Counter, list[str]]:
        """Run ``case(number)`` for all numbers.

        Args:
            case (Callable): Raises for a finding.
            numbers (range): The cases.

        Returns:
            tuple[Counter, list[str]]: How many were 'sound', 'error', 'crash', 'hang', 'memory'; what was found.
        """
        counts, findings, begin = Counter(), [], 0
        while begin < len(numbers):
            reader, writer = os.pipe()
            process = os.fork()
            if not process:
                os.close(reader)
                self._work(case, numbers, begin, writer)
            os.close(writer)
            hung = self._watch(process)
            status = os.waitpid(process, 0)[1] if hung is None else hung
            with os.fdopen(reader, 'rb') as stream:
                reports = stream.read().decode(errors='replace').split('\0')[:-1]
            (done,) = struct.unpack_from('q', self._shared)
            counts['sound'] += done - begin - len(reports)
            for report in reports:
                counts[report.split(' ', 1)[0]] += 1
                findings.append(report)
            begin = done
            if hung is not None or status:
                what = 'hang' if hung is not None else 'crash'
                counts[what] += 1
                findings.append(f'{what} case {numbers[done]}: status {os.waitstatus_to_exitcode(status)}')
                begin = done + 1
        return counts, findings

    def _watch(self, process: int) -> int | None:
        """Wait for the process to end; None if it did, its status if it had to be killed."""
        last, since = -1, time.monotonic()
        while True:
            info = os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if info is not None:
                return None
            (done,) = struct.unpack_from('q', self._shared)
            if done != last:
                last, since = done, time.monotonic()
            elif time.monotonic() - since > self.seconds:
                os.kill(process, signal.SIGKILL)
                return os.waitpid(process, 0)[1]
            time.sleep(0.01)

    def _work(self, case: Callable[[int], None], numbers: range, begin: int, writer: int) -> None:
        faulthandler.disable()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        pages = int(Path('/proc/self/statm').read_text().split()[0])
        limit = pages * resource.getpagesize() + self.memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for position in range(begin, len(numbers)):
            struct.pack_into('q', self._shared, 0, position)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            report = None
            try:
                case(numbers[position])
            except BaseException:
                report = f'error case {numbers[position]}: {traceback.format_exc()}'
            growth = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
            if report is None and growth > LARGEST_GROWTH:
                report = f'memory case {numbers[position]}: {growth >> 20} MiB'
            if report is not None:
                os.write(writer, report[-8000:].encode() + b'\0' if len(report) > 8000 else report.encode() + b'\0')
        struct.pack_into('q', self._shared, 0, len(numbers))
        os._exit(0)
