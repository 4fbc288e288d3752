"""Maps of real numbers, one for each pixel, from all formats of cubes."""

import os

import numpy as np

from .base import CubeInfo, CubeReader
from .cube import Path, open_reader
from .errors import CubeReadError
from .memory import check_packing
from .same_ground import check_same_ground
from .variables import Key

_VECTORS = ('.shp', '.geojson', '.json', '.gpkg', '.kml', '.kmz', '.gml', '.fgb', '.roi')


def single_band(reader: CubeReader, what: str = 'map') -> tuple[np.ndarray, np.ndarray]:
    """The single band of a map, or the grey value of an RGB picture with equal channels.

    Returns:
        tuple[np.ndarray, np.ndarray]: Values as stored (H, W), and bool (H, W), True where the file says that there is
        no data.
    """
    info = reader.info
    if info.bands not in (1, 3):
        raise CubeReadError(f'{reader.path}: the file has {info.bands} bands, expected a {what} of one band')
    values = reader.read()
    if info.bands == 3 and not np.all(values == values[..., :1]):
        colours = len(np.unique(values.reshape(-1, 3), axis=0))
        raise CubeReadError(
            f'{reader.path}: the file has 3 bands, expected a {what} of one band; as a picture it has {colours} '
            'colours: save the number of the class of each pixel, not its colour'
        )
    no_data = np.zeros(values.shape[:2], dtype=bool)
    if info.nodata is not None:
        finite = np.isfinite(values) if np.all(np.isfinite(info.nodata)) else True
        no_data |= (info.no_data(values) & finite).all(axis=-1)
    mask = reader.read_mask()
    return values[..., 0], no_data if mask is None else no_data | ~mask


def _check_size(reader: CubeReader, shape: tuple[int, int] | None, what: str, ground: CubeInfo | None) -> None:
    """Refuse a map of another size before its values are unpacked; without a size to compare with, one that unpacks to
    hundreds of times its file."""
    info = reader.info
    if shape is not None and info.shape[:2] != tuple(shape):
        raise CubeReadError(
            f'{reader.path}: the {what} has {info.height} x {info.width} pixels, expected {shape[0]} x {shape[1]}'
        )
    if ground is not None and info.shape[:2] != ground.shape[:2]:
        raise CubeReadError(
            f'{reader.path}: the {what} has {info.height} x {info.width} pixels, but the cube of {ground.path} has '
            f'{ground.height} x {ground.width}'
        )
    if shape is None and ground is None and os.path.isfile(reader.path):
        unpacked = info.height * info.width * info.bands * info.dtype.itemsize
        check_packing(reader.path, f'the {what}', os.path.getsize(reader.path), unpacked)


def open_map(
    path: Path, key: Key = None, shape: tuple[int, int] | None = None, what: str = 'map', ground: CubeInfo | None = None
) -> CubeReader:
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
        CubeReadError: If the file is damaged, holds no such map, its size or georeference differs, or, without a size
            to compare with, if it unpacks to more than 256 MiB and 300 times its file.
    """
    if os.path.splitext(path)[1].lower() in _VECTORS and os.path.isfile(path):
        like = 'CUBE' if ground is None else ground.path
        raise CubeReadError(
            f'{path}: vector data (polygons, points) are not read as a {what}; burn the numbers of the classes into a '
            'raster on the pixels of the cube, for GeoJSON in its coordinate system: rio rasterize labels.tif --like '
            f'{like} --property NUMBER < {os.path.basename(path)}'
        )
    reader = open_reader(path, key, ndim=2)
    try:
        _check_size(reader, shape, what, ground)
        if ground is not None:
            check_same_ground(reader.info, ground, f'the {what} and the cube')
    except ValueError as error:
        reader.close()
        raise error if isinstance(error, CubeReadError) else CubeReadError(str(error)) from error
    return reader


def read_map(
    path: Path, key: Key = None, shape: tuple[int, int] | None = None, ground: CubeInfo | None = None
) -> np.ndarray:
    """Read a map of real numbers, e.g. the scores of a detector; arguments and errors as in :func:`open_map`.

    Returns:
        np.ndarray: float64 (H, W); NaN where the file says that there is no data.
    """
    with open_map(path, key, shape, ground=ground) as reader:
        values, no_data = single_band(reader)
        values = reader.info.physical(values[..., None], [0])[..., 0] if reader.info.scaled else values
    return np.where(no_data, np.nan, values.astype(np.float64))
