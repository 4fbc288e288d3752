"""Label maps: class numbers of pixels, from every format that cubes are read from."""


import numpy as np

from .base import CubeReader
from .cube import Path, open_reader
from .errors import CubeReadError
from .variables import Key


def _single_band(reader: CubeReader) -> np.ndarray:
    """Read the one band of a map, or the grey value of a picture that repeats it in red, green and blue."""
    bands = reader.info.bands
    if bands == 1:
        return reader.read()[..., 0]
    if bands <= 4:
        values = reader.read()
        colours = bands - 1 + bands % 2  # a second or fourth band is opacity
        if np.all(values[..., :colours] == values[..., :1]) and np.all(values[..., colours:] == 255):
            return values[..., 0]
    raise CubeReadError(f'{reader.path}: the file has {bands} bands, expected a label map of one band')


def read_labels(path: Path, key: Key = None, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read a label map.

    Floating-point files are accepted if every value is a whole number. Pixels with the nodata value of a raster are
    unlabelled. A grey picture saved as RGB or RGBA (as change maps often are) counts as one band.

    Args:
        path (str | os.PathLike): A file of any format of :func:`open_cube`.
        key (str | Sequence[str], optional): Name of the array in a file that holds several, or candidate names.
            Without it the only numeric matrix is taken.
        shape (tuple[int, int], optional): Rows and columns that the map must have.

    Returns:
        np.ndarray: int64 (H, W), the numbers as stored, 0 = unlabelled.

    Raises:
        FileNotFoundError: If there is no such file.
        CubeReadError: If the file is damaged, holds no such map, or its values or its size are not those of labels.
    """
    with open_reader(path, key, ndim=2) as reader:
        path, info = reader.path, reader.info
        if shape is not None and info.shape[:2] != tuple(shape):
            raise CubeReadError(f'{path}: the label map has {info.height} x {info.width} pixels, '
                                f'expected {shape[0]} x {shape[1]}')
        values = _single_band(reader)
    if info.nodata is not None:
        values = np.where(np.isnan(values) if np.isnan(info.nodata) else values == info.nodata, 0, values)
    if values.dtype.kind == 'f':
        fractional = ~np.isfinite(values) | (values != np.floor(values))
        if fractional.any():
            row, column = np.argwhere(fractional)[0]
            raise CubeReadError(f'{path}: label {values[row, column]} at row {row}, column {column}, '
                                'expected whole numbers')
    if values.min() < 0:
        raise CubeReadError(f'{path}: labels range from {values.min():g} to {values.max():g}, '
                            'expected 0 (unlabelled) and class numbers from 1')
    return values.astype(np.int64)
