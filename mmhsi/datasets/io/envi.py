"""ENVI's pair of a raw data file and a text header, as far as GDAL leaves errors unnamed."""

import os
import re

from .errors import CubeReadError, explained

DATA_SUFFIXES = ('', '.img', '.dat', '.bin', '.raw', '.bsq', '.bil', '.bip', '.sli')
_REQUIRED = ('samples', 'lines', 'bands', 'data type', 'interleave')
_BYTES_PER_VALUE = {'1': 1, '2': 2, '3': 4, '4': 4, '5': 8, '6': 8, '9': 16, '12': 2, '13': 4, '14': 8, '15': 8}


def data_file(header: str) -> str:
    """Find the data file of an ENVI header.

    Args:
        header (str): Path that ends in .hdr; the data file has the same name without it, or with the suffix of a
            raw image instead.

    Returns:
        str: Path of the data file.

    Raises:
        CubeReadError: If there is none.
    """
    stem = os.path.splitext(header)[0]
    for suffix in DATA_SUFFIXES:
        for candidate in (stem + suffix, stem + suffix.upper()):
            if os.path.isfile(candidate):
                return candidate
    raise CubeReadError(f'{header}: no data file beside this header, expected {os.path.basename(stem)!r} without '
                        f'suffix or with one of {", ".join(DATA_SUFFIXES[1:])}')


def find_header(path: str) -> str | None:
    """Find the ENVI header of a data file: the suffix .hdr instead of its own or after it.

    Args:
        path (str): The data file.

    Returns:
        str | None: Path of the header, if there is one that begins as ENVI's do.
    """
    for stem in (os.path.splitext(path)[0], path):
        for suffix in ('.hdr', '.HDR'):
            if os.path.isfile(stem + suffix):
                with explained(path), open(stem + suffix, 'rb') as stream:
                    if stream.read(4) == b'ENVI':
                        return stem + suffix
    return None


def _scalars(header: str) -> dict[str, str]:
    with open(header, encoding='utf-8', errors='replace') as stream:
        pairs = re.findall(r'^[ \t]*([A-Za-z][A-Za-z ]*?)[ \t]*=[ \t]*([^{\n]*?)[ \t]*$', stream.read(), re.MULTILINE)
    return {name.lower(): value for name, value in pairs}


def check(path: str, header: str) -> None:
    """Refuse what is no image, and a file that is shorter than its header says: GDAL fills the missing part with zeros.

    Args:
        path (str): The data file.
        header (str): Its header.

    Raises:
        CubeReadError: If the pair is a spectral library, the header is incomplete, or the data file is too short.
    """
    with explained(path):
        fields = _scalars(header)
        size = os.path.getsize(path)
    if 'spectral library' in fields.get('file type', '').lower():
        raise CubeReadError(f'{path}: this is an ENVI spectral library ({fields.get("lines")} spectra of '
                            f'{fields.get("samples")} bands), expected an image')
    missing = [name for name in _REQUIRED if not fields.get(name)]
    if missing:  # GDAL takes one-byte values, band after band, for granted
        raise CubeReadError(f"{path}: the header {os.path.basename(header)} does not state '{missing[0]}'")
    if fields.get('file compression', '0') != '0':
        return
    try:
        offset, *extent = (int(fields.get(name, 0)) for name in ('header offset', 'lines', 'samples', 'bands'))
    except ValueError:
        return  # GDAL names the field it cannot read
    needed = offset + extent[0] * extent[1] * extent[2] * _BYTES_PER_VALUE.get(fields.get('data type', ''), 0)
    if size < needed:
        raise CubeReadError(f'{path}: the header {os.path.basename(header)} describes {extent[0]} x {extent[1]} '
                            f'pixels of {extent[2]} bands ({needed} bytes), the file holds {size} bytes')
