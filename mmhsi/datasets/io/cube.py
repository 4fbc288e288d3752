"""Opening a cube of any format."""

import logging
import os
from typing import Union

import numpy as np
from mmengine.logging import print_log

from .base import LAYOUTS, CubeInfo, CubeReader
from .errors import CubeReadError
from .formats import choose_reader
from .products import open_product, product_around
from .sources import is_address
from .variables import Key

Path = Union[str, 'os.PathLike[str]']


def open_reader(path: Path, key: Key = None, layout: str = 'auto', ndim: int = 3, products: bool = True) -> CubeReader:
    """Open a cube (``ndim`` 3) or a map (``ndim`` 2); see :func:`open_cube`.

    Without ``products`` a file is opened on its own, even if it is part of a sensor product.
    """
    path = os.fspath(path)
    _check_layout(path, layout)
    local = not is_address(path)
    if local:
        _check_file(path)
    reader: CubeReader | None = open_product(path, key) if ndim == 3 and products and local else None
    if reader is None:
        if local and os.path.isdir(path):
            raise CubeReadError(f'{path}: this is a folder, expected a file')
        try:
            kind, file = choose_reader(path)
            reader = kind(file, key, layout, ndim)
        except CubeReadError as error:
            entry = product_around(path) if local and ndim == 3 and products else None
            if entry is None:
                raise
            raise CubeReadError(f'{error}; it belongs to a product: name {entry} or its folder') from error
    for note in reader.info.notes:
        print_log(f'{path}: {note}', 'current', logging.WARNING)
    return reader


def _check_layout(path: str, layout: str) -> None:
    if layout in ('cwh', 'whc'):
        raise ValueError(
            f'{path}: layout {layout!r} is that of a list of pixels, stored column by column; it needs the size of the '
            'image: size=(rows, columns)'
        )
    if layout not in LAYOUTS:
        raise ValueError(f'layout {layout!r}, expected {", ".join(map(repr, LAYOUTS))}')


def _check_file(path: str) -> None:
    if not os.path.exists(path):
        raise FileNotFoundError(f'{path}: no such file')
    if not (os.path.isfile(path) or os.path.isdir(path)):
        raise CubeReadError(f'{path}: this is neither a file nor a folder')
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        raise CubeReadError(f'{path}: the file is empty')


def open_cube(path: Path, key: Key = None, layout: str = 'auto') -> CubeReader:
    """Open the cube of a file or of a sensor product and read its description.

    Formats, chosen by the content of the file: MATLAB up to version 7 and 7.3, other HDF5, netCDF, .npy, .npz, ENVI by
    its data file or its .hdr, GeoTIFF, JPEG 2000, PNG, JPEG, BMP, PNM, Erdas Imagine, raw files with a header of ESRI,
    and virtual rasters (.vrt) of files beside them. The values of MATLAB up to version 7, netCDF of version 3 and .npz
    are read completely here; the other formats are read on demand. Sensor products (:mod:`mmhsi.datasets.io.products`)
    are recognised by their content, by their folder, their metadata file or their image. Rasters are also read from
    addresses (https://, s3://, gs://, az://) and from archives (/vsizip/...), by window.

    Values are returned as stored; ``info`` says what they mean. Statements in the file that cannot be used are logged
    and listed in ``info.notes``.

    Args:
        path (str | os.PathLike): The file, the folder of a product, or an address.
        key (str | Sequence[str], optional): Name of the array in a file that holds several, or candidate names of which
            the first that is in the file is used. Without it the only numeric 3-D array is used. For a product it
            chooses a view, such as 'ortho' for EMIT.
        layout (str): Axes of the array in a MATLAB, HDF5 or NumPy file: 'hwc' (rows, columns, bands), 'chw' (bands,
            rows, columns) or 'bil' (rows, bands, columns). 'auto' uses the names of the dimensions, or the one
            axis that is as long as the list of wavelengths, and is 'hwc' otherwise; it does not accept 2-D arrays,
            which the other layouts treat as images with one band. Rasters define their bands and need no layout.
            Defaults to 'auto'.

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
        tuple[np.ndarray, CubeInfo]: Cube (H, W, C) in the file's dtype, and its description.
    """
    with open_cube(path, key, layout) as reader:
        return reader.read(), reader.info
