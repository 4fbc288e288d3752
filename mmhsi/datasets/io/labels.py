"""Label maps: class numbers of pixels, from all formats of cubes."""

from collections.abc import Sequence

import numpy as np

from .base import CubeInfo
from .cube import Path
from .errors import CubeReadError
from .maps import open_map, single_band
from .variables import Key


def read_labels(
    path: Path,
    key: Key = None,
    shape: tuple[int, int] | None = None,
    unlabelled: int = 0,
    ignore: float | Sequence[float] = (),
    ground: CubeInfo | None = None,
) -> np.ndarray:
    """Read a label map.

    Floating-point files are accepted if every value is a whole number. Pixels that a raster declares as without data,
    by its nodata value or by a mask, are unlabelled. A grey picture saved as RGB or RGBA (as change maps often are)
    counts as one band.

    Args:
        path (str | os.PathLike): A file of any format of :func:`open_cube`.
        key (str | Sequence[str], optional): Name of the array in a file that holds several, or candidate names. Without
            it the only numeric matrix is used.
        shape (tuple[int, int], optional): Required rows and columns of the map.
        unlabelled (int): Value of pixels without a label. Defaults to 0.
        ignore (float | Sequence[float]): Values that mean unlabelled besides, such as 255, -1 or NaN. Defaults to
            none.
        ground (CubeInfo, optional): What the file of the cube says about it, on whose pixels the labels must lie.

    Returns:
        np.ndarray: int64 (H, W), the numbers as stored; usually 0 = unlabelled.

    Raises:
        FileNotFoundError: If there is no such file.
        CubeReadError: If the file is damaged, holds no such map, or its values, its size or its georeference do not fit
            the cube.
    """
    with open_map(path, key, shape, 'label map', ground) as reader:
        path = reader.path
        values, no_data = single_band(reader, 'label map')
    for value in np.atleast_1d(np.asarray(ignore, np.float64)):
        no_data |= np.isnan(values) if np.isnan(value) else values == value
    values = np.where(no_data, values.dtype.type(0), values)
    return np.where(no_data, unlabelled, whole_labels(values, path))


def whole_labels(values: np.ndarray, path: str) -> np.ndarray:
    """Labels as whole numbers.

    Args:
        values (np.ndarray): Numbers of shape (H, W), of any type.
        path (str): The file, for errors.

    Returns:
        np.ndarray: int64 (H, W).

    Raises:
        CubeReadError: If values are not real numbers, not integers, or negative.
    """
    if values.dtype.kind not in 'biuf':
        raise CubeReadError(f'{path}: labels of the type {values.dtype}, expected whole numbers')
    if values.dtype.kind == 'f':
        fractional = ~np.isfinite(values) | (values != np.floor(values))
        if fractional.any():
            where = tuple(np.argwhere(fractional)[0])
            value = values[where]
            hint = '' if np.isfinite(value) else f'; if it means unlabelled, give ignore={value}'
            place = f'row {where[0]}, column {where[1]}' if values.ndim == 2 else f'place {where}'
            raise CubeReadError(f'{path}: label {value} at {place}, expected whole numbers{hint}')
    if values.size and values.min() < 0:
        raise CubeReadError(
            f'{path}: labels range from {values.min():g} to {values.max():g}, expected 0 (unlabelled) '
            f'and class numbers from 1; if {values.min():g} means unlabelled, give '
            f'ignore={values.min():g}'
        )
    return values.astype(np.int64)
