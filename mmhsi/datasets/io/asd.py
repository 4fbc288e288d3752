"""Binary files of ASD FieldSpec spectroradiometers.

The layout follows "ASD File Format, version 8, revision B" (Analytical Spectral Devices): a header of 484 bytes, the
counts of the target, 20 bytes and a text about the white reference, the counts of the reference. Reflectance is their
ratio.
"""

import os
import struct

import numpy as np

from .errors import CubeReadError, explained
from .spectral_library import SpectralLibrary

_SIGNATURES = (b'ASD', b'asd', b'as2', b'as3', b'as4', b'as5', b'as6', b'as7', b'as8')
_HEADER = 484
_DATA_TYPE, _FIRST_WAVELENGTH, _STEP, _FORMAT, _CHANNELS = 186, 191, 195, 199, 204
_KINDS = (
    'raw counts',
    'reflectance',
    'radiance',
    'values without unit',
    'irradiance',
    'a quality index',
    'transmittance',
    'values of an unknown kind',
    'absorbance',
)
_WITH_REFERENCE = (0, 1)
_TYPES = {0: '<f4', 1: '<i4', 2: '<f8'}
_MOST_CHANNELS = 10_000


def is_asd(start: bytes) -> bool:
    """Whether a file with this beginning is an ASD file, and not text that happens to start the same way."""
    return start[:3] in _SIGNATURES and any(byte < 9 for byte in start[3:])


def read_asd(path: str) -> SpectralLibrary:
    """Read the reflectance of a measurement: counts of the target divided by those of the white reference.

    Args:
        path (str): The file.

    Returns:
        SpectralLibrary: One spectrum, named after the file, wavelengths in nm; NaN where the reference has no counts.

    Raises:
        CubeReadError: If the file is damaged, or holds anything but counts with a white reference.
    """
    with explained(path), open(path, 'rb') as stream:
        content = stream.read(_HEADER + 3 * 8 * _MOST_CHANNELS + 2**16)
        kind, number_format = content[_DATA_TYPE], content[_FORMAT]
        first, step = struct.unpack_from('<ff', content, _FIRST_WAVELENGTH)
        (channels,) = struct.unpack_from('<H', content, _CHANNELS)
    if number_format not in _TYPES or not 1 < channels <= _MOST_CHANNELS or not (first > 0 and step > 0):
        raise CubeReadError(
            f'{path}: the header of the ASD file is damaged: number format {number_format}, {channels} '
            f'channels from {first:g} nm in steps of {step:g} nm'
        )
    if kind not in _WITH_REFERENCE:
        what = _KINDS[kind] if kind < len(_KINDS) else f'values of the unknown kind {kind}'
        raise CubeReadError(
            f'{path}: the ASD file holds {what}, expected counts with a white reference; export the spectrum as text'
        )
    dtype = np.dtype(_TYPES[number_format])
    end = _HEADER + channels * dtype.itemsize
    (text,) = struct.unpack_from('<H', content, end + 18) if len(content) >= end + 20 else (0,)
    start = end + 20 + text
    if len(content) < start + channels * dtype.itemsize:
        raise CubeReadError(
            f'{path}: the ASD file ends before its white reference, which the reflectance needs; it is '
            'truncated or holds none'
        )
    target, reference = (np.frombuffer(content, dtype, channels, at).astype(np.float64) for at in (_HEADER, start))
    with np.errstate(divide='ignore', invalid='ignore'):
        reflectance = np.where(reference != 0, target / reference, np.nan)
    if not np.isfinite(reflectance).any() or (reference == reference[0]).all():
        raise CubeReadError(f'{path}: the white reference of the ASD file is empty')
    name = os.path.splitext(os.path.basename(path))[0]
    return SpectralLibrary((name,), reflectance[None], first + step * np.arange(channels), None, path, True)
