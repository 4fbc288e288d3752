"""Maps of real numbers, one for each pixel, from every format that cubes are read from."""

import numpy as np

from .base import CubeInfo, CubeReader
from .cube import Path, open_reader
from .errors import CubeReadError
from .same_ground import check_same_ground
from .variables import Key


def single_band(reader: CubeReader, what: str = 'map') -> np.ndarray:
    """The one band of a map (H, W), or the grey value of a picture that repeats it in red, green and blue."""
    bands = reader.info.bands
    if bands == 1:
        return reader.read()[..., 0]
    if bands <= 4:
        values = reader.read()
        colours = bands - 1 + bands % 2  # a second or fourth band is opacity
        if np.all(values[..., :colours] == values[..., :1]) and np.all(values[..., colours:] == 255):
            return values[..., 0]
    raise CubeReadError(f'{reader.path}: the file has {bands} bands, expected a {what} of one band')


def open_map(path: Path, key: Key = None, shape: tuple[int, int] | None = None, what: str = 'map',
             ground: CubeInfo | None = None) -> CubeReader:
    """Open a map and check its size and its place.

    Args:
        path (str | os.PathLike): A file of any format of :func:`mmhsi.datasets.io.open_cube`.
        key (str | Sequence[str], optional): Name of the array in a file that holds several, or candidate names.
            Without it the only numeric matrix is taken.
        shape (tuple[int, int], optional): Rows and columns that the map must have.
        what (str): What the map is, for messages. Defaults to 'map'.
        ground (CubeInfo, optional): What the file of the cube says about it, on whose pixels the map must lie.

    Returns:
        CubeReader: The reader, for :func:`single_band`.

    Raises:
        FileNotFoundError: If there is no such file.
        CubeReadError: If the file is damaged, holds no such map, or it has another size or place.
    """
    reader = open_reader(path, key, ndim=2)
    if shape is not None and reader.info.shape[:2] != tuple(shape):
        reader.close()
        raise CubeReadError(f'{reader.path}: the {what} has {reader.info.height} x {reader.info.width} pixels, '
                            f'expected {shape[0]} x {shape[1]}')
    if ground is not None and reader.info.shape[:2] == ground.shape[:2]:  # callers tell of the size in their own words
        try:
            check_same_ground(reader.info, ground, f'the {what} and the cube')
        except ValueError as error:
            reader.close()
            raise CubeReadError(str(error)) from error
    return reader


def read_map(path: Path, key: Key = None, shape: tuple[int, int] | None = None,
             ground: CubeInfo | None = None) -> np.ndarray:
    """Read a map of real numbers, e.g. the scores of a detector; arguments and errors as in :func:`open_map`.

    Returns:
        np.ndarray: float64 (H, W); NaN where the file says that there is no data.
    """
    with open_map(path, key, shape, ground=ground) as reader:
        values = single_band(reader).astype(np.float64)
        nodata = reader.info.nodata
    return values if nodata is None else np.where(values == nodata, np.nan, values)
