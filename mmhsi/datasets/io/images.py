"""Several images in one file: a degraded and a clean one, or many of equal size."""

import os
from collections.abc import Mapping

import numpy as np

from .errors import CubeReadError
from .spectra_arrays import open_listing
from .variables import select_variable

IMAGE_LAYOUTS = {'CHW': (1, 2, 0), 'HWC': (0, 1, 2), 'NCHW': (0, 2, 3, 1), 'NHWC': (0, 1, 2, 3)}
"""Layouts of an array by the axes that become (rows, columns, bands), or (images, rows, columns, bands)."""


def read_images(path: 'str | os.PathLike[str]', keys: Mapping[str, str], layout: str = 'CHW') -> dict[str, np.ndarray]:
    """Read named arrays of a .mat, HDF5 or .npz file, or the one array of a .npy file.

    Args:
        path (str | os.PathLike): The file.
        keys (Mapping[str, str]): Names of the arrays in the file, by the names in the result.
        layout (str): Axes of the arrays: 'CHW' (bands, rows, columns), 'HWC', or 'NCHW' and 'NHWC' for several images.

    Returns:
        dict[str, np.ndarray]: Arrays (N, H, W, C) as stored, N = 1 without an axis of images.

    Raises:
        FileNotFoundError: If there is no such file.
        CubeReadError: If it is damaged, lacks an array, an array has other axes or does not hold real numbers, or the
            numbers of images differ.
    """
    path = os.fspath(path)
    if layout not in IMAGE_LAYOUTS:
        raise ValueError(f'layout {layout!r}, expected one of {", ".join(IMAGE_LAYOUTS)}')
    if not os.path.isfile(path):
        raise FileNotFoundError(f'{path}: no such file')
    axes = IMAGE_LAYOUTS[layout]
    images = {}
    with open_listing(path) as listing:
        for wanted, key in keys.items():
            name = '' if listing.format == 'npy' else select_variable(path, listing.variables, key, len(axes))
            array = listing.array(name)
            if array.ndim != len(axes) or 0 in array.shape:
                raise CubeReadError(
                    f'{path}: {key!r} has the shape {array.shape}, expected an array of the layout {layout}'
                )
            if array.dtype.kind not in 'iuf':
                raise CubeReadError(f'{path}: {key!r} holds values of type {array.dtype}, expected real numbers')
            array = array.transpose(axes)
            images[wanted] = array if array.ndim == 4 else array[None]
    if len({len(array) for array in images.values()}) > 1:
        counts = ', '.join(f'{keys[name]!r} {len(array)}' for name, array in images.items())
        raise CubeReadError(f'{path}: the arrays must hold the same number of images, found {counts}')
    return images
