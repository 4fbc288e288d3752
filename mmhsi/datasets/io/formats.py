"""Choosing the reader of a file by its content."""

import os

import h5py

from .base import CubeReader
from .envi import EnviReader, data_file, find_header, is_header
from .errors import explained
from .hdf5 import NETCDF3, HDF5Reader, NetCDF3Reader
from .mat import MatReader
from .numpy_files import NpyReader, NpzReader
from .raster import RasterReader
from .sources import is_address

_TIFF = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')


def choose_reader(path: str) -> tuple[type[CubeReader], str]:
    """Find the reader of a file.

    Args:
        path (str): The file, or an address.

    Returns:
        tuple[type[CubeReader], str]: The class of the reader, and the path for it.

    Raises:
        CubeReadError: If the file cannot be read, or is a header without its data.
    """
    if is_address(path):
        return RasterReader, path
    if path.lower().endswith('.hdr'):
        if is_header(path):
            data = data_file(path)
            with explained(data), open(data, 'rb') as stream:
                return (RasterReader, data) if stream.read(4) in _TIFF else (EnviReader, path)
        stem = os.path.splitext(path)[0]
        path = next((stem + suffix for suffix in ('.bil', '.bip', '.bsq') if os.path.isfile(stem + suffix)), path)
    with explained(path), open(path, 'rb') as stream:
        start = stream.read(10)
    if h5py.is_hdf5(path):
        return HDF5Reader, path
    if start.startswith(b'\x93NUMPY'):
        return NpyReader, path
    if start == b'MATLAB 5.0':
        return MatReader, path
    if start[:4] in NETCDF3:
        return NetCDF3Reader, path
    suffix = os.path.splitext(path)[1].lower()
    # version 4 of MATLAB's format has no signature; a damaged file is reported by the reader for its suffix
    by_suffix = {'.mat': MatReader, '.npy': NpyReader, '.npz': NpzReader}
    if suffix in by_suffix:
        return by_suffix[suffix], path
    return (EnviReader if start[:4] not in _TIFF and find_header(path) else RasterReader), path
