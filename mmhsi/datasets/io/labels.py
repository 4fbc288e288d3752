"""Label maps: class numbers of pixels, from every format that cubes are read from."""


import numpy as np

from .base import CubeInfo
from .cube import Path
from .errors import CubeReadError
from .maps import open_map, single_band
from .variables import Key


def read_labels(path: Path, key: Key = None, shape: tuple[int, int] | None = None, unlabelled: int = 0,
                ground: CubeInfo | None = None) -> np.ndarray:
    """Read a label map.

    Floating-point files are accepted if every value is a whole number. Pixels with the nodata value of a raster are
    unlabelled. A grey picture saved as RGB or RGBA (as change maps often are) counts as one band.

    Args:
        path (str | os.PathLike): A file of any format of :func:`open_cube`.
        key (str | Sequence[str], optional): Name of the array in a file that holds several, or candidate names.
            Without it the only numeric matrix is taken.
        shape (tuple[int, int], optional): Rows and columns that the map must have.
        unlabelled (int): What pixels with the nodata value of a raster become. Defaults to 0.
        ground (CubeInfo, optional): What the file of the cube says about it, on whose pixels the labels must lie.

    Returns:
        np.ndarray: int64 (H, W), the numbers as stored; customarily 0 = unlabelled.

    Raises:
        FileNotFoundError: If there is no such file.
        CubeReadError: If the file is damaged, holds no such map, or its values, its size or its place are not those of
            labels of the cube.
    """
    with open_map(path, key, shape, 'label map', ground) as reader:
        path, info = reader.path, reader.info
        values = single_band(reader, 'label map')
    no_data = np.zeros(values.shape, dtype=bool)
    if info.nodata is not None:
        no_data = np.isnan(values) if np.isnan(info.nodata) else values == info.nodata
        values = np.where(no_data, 0, values)
    if values.dtype.kind == 'f':
        fractional = ~np.isfinite(values) | (values != np.floor(values))
        if fractional.any():
            row, column = np.argwhere(fractional)[0]
            raise CubeReadError(f'{path}: label {values[row, column]} at row {row}, column {column}, '
                                'expected whole numbers')
    if values.min() < 0:
        raise CubeReadError(f'{path}: labels range from {values.min():g} to {values.max():g}, '
                            'expected 0 (unlabelled) and class numbers from 1')
    return np.where(no_data, unlabelled, values.astype(np.int64))
