"""Opening a cube of any format: the content of the file picks the reader."""

import os
from typing import Union

import h5py
import numpy as np

from .base import LAYOUTS, CubeInfo, CubeReader
from .errors import CubeReadError, explained
from .mat import HDF5Reader, MatReader
from .numpy_files import NpyReader, NpzReader
from .products import open_product
from .raster import RasterReader
from .variables import Key

Path = Union[str, 'os.PathLike[str]']


def _reader_class(path: str) -> type:
    with explained(path), open(path, 'rb') as stream:
        start = stream.read(10)
    if h5py.is_hdf5(path):
        return HDF5Reader
    if start.startswith(b'\x93NUMPY'):
        return NpyReader
    suffix = os.path.splitext(path)[1].lower()
    # version 4 of MATLAB's format has no signature; a damaged file is explained by the reader of its suffix
    by_suffix = {'.mat': MatReader, '.npy': NpyReader, '.npz': NpzReader}
    return MatReader if start == b'MATLAB 5.0' else by_suffix.get(suffix, RasterReader)


def open_reader(path: Path, key: Key = None, layout: str = 'auto', ndim: int = 3,
                products: bool = True) -> CubeReader:
    """Open a cube (``ndim`` 3) or a map (``ndim`` 2); see :func:`open_cube`.

    Without ``products`` a file is opened for itself, even if it is part of a sensor product.
    """
    path = os.fspath(path)
    if layout not in LAYOUTS:
        raise ValueError(f"layout {layout!r}, expected {', '.join(map(repr, LAYOUTS))}")
    if not os.path.exists(path):
        raise FileNotFoundError(f'{path}: no such file')
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        raise CubeReadError(f'{path}: the file is empty')
    product = open_product(path, key) if ndim == 3 and products else None
    if product is not None:
        return product
    if os.path.isdir(path):
        raise CubeReadError(f'{path}: this is a folder, expected a file')
    return _reader_class(path)(path, key, layout, ndim)


def open_cube(path: Path, key: Key = None, layout: str = 'auto') -> CubeReader:
    """Open the cube of a file or of a sensor product and read its description.

    Formats: MATLAB up to version 7 and 7.3, other HDF5, .npy, .npz, and all rasters of GDAL (GeoTIFF, ENVI by its
    data file or its .hdr, ...). The values of MATLAB up to version 7 and .npz are read here, once and whole; of the
    others only what is asked for, when it is. Sensor products (:mod:`mmhsi.datasets.io.products`) are recognised by
    their content, by their folder, their metadata file or their image.

    Args:
        path (str | os.PathLike): The file, or the folder of a product.
        key (str | Sequence[str], optional): Name of the array in a file that holds several, or candidate names of
            which the first that is in the file is used. Without it the only numeric 3-D array is taken. Of a product
            it chooses a view, such as 'ortho' of EMIT.
        layout (str): Axes of the array in a MATLAB, HDF5 or NumPy file: 'hwc' (rows, columns, bands), 'chw'
            (bands, rows, columns) or 'bil' (rows, bands, columns). 'auto' is 'hwc', but takes no 2-D array; with the
            others a 2-D array is an image of one band. Rasters know their bands and need no layout. Defaults to 'auto'.

    Returns:
        CubeReader: The reader, a context manager with ``info`` and ``read(window, bands)``.

    Raises:
        FileNotFoundError: If there is no such file.
        CubeReadError: If the file is damaged or holds no such cube.
    """
    return open_reader(path, key, layout)


def read_cube(path: Path, key: Key = None, layout: str = 'auto') -> tuple[np.ndarray, CubeInfo]:
    """Read the whole cube of a file; arguments and errors as in :func:`open_cube`.

    Args:
        path (str | os.PathLike): The file.
        key (str | Sequence[str], optional): Name of the array, or candidate names.
        layout (str): 'auto', 'hwc', 'chw' or 'bil'. Defaults to 'auto'.

    Returns:
        tuple[np.ndarray, CubeInfo]: Cube (H, W, C) in the file's dtype, and what the file says about it.
    """
    with open_cube(path, key, layout) as reader:
        return reader.read(), reader.info
