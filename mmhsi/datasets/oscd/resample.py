"""Resampling a band from its own grid to that of the change map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import from_bounds
from rasterio.warp import reproject, transform_bounds
from scipy.ndimage import distance_transform_edt

from mmhsi.datasets.io.errors import CubeReadError, explained
from mmhsi.datasets.io.georeference import raster_environment, silent_georeference

METHODS = ('cubic', 'bilinear', 'nearest')
_ANY_PLANE = CRS.from_epsg(3857)  # for files without georeference; only the proportions matter
_METRES = 10.0


@dataclass(frozen=True)
class Grid:
    """The pixel grid of a raster.

    Args:
        height (int): Rows.
        width (int): Columns.
        crs (CRS, optional): Coordinate reference system; None without georeference.
        transform (Affine, optional): From (column, row) to coordinates.
    """

    height: int
    width: int
    crs: CRS | None = None
    transform: rasterio.Affine | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top border."""
        return rasterio.transform.array_bounds(self.height, self.width, self.transform)

    def spread_over(self, other: Grid) -> Grid:
        """This raster without georeference, put over the same ground as another one without."""
        bounds = 0, 0, other.width * _METRES, other.height * _METRES
        return replace(self, crs=_ANY_PLANE, transform=from_bounds(*bounds, self.width, self.height))

    def moved(self, rows: float, columns: float) -> Grid:
        """This grid, moved by some of its pixels down and to the right."""
        return replace(self, transform=self.transform * rasterio.Affine.translation(columns, rows))

    def covered_by(self, other: Grid) -> float:
        """Fraction of this grid that lies inside another one."""
        left, bottom, right, top = self.bounds
        bounds = other.bounds if other.crs == self.crs else transform_bounds(other.crs, self.crs, *other.bounds)
        width = max(0.0, min(right, bounds[2]) - max(left, bounds[0]))
        height = max(0.0, min(top, bounds[3]) - max(bottom, bounds[1]))
        return width * height / ((right - left) * (top - bottom))


def read_band(path: Path) -> tuple[np.ndarray, Grid]:
    """Read a raster of one band of whole numbers.

    Args:
        path (Path): The file.

    Returns:
        tuple[np.ndarray, Grid]: Values (H, W) as stored, and their grid.

    Raises:
        CubeReadError: If the file is damaged, or has other content.
    """
    with explained(str(path)), raster_environment(), silent_georeference(), rasterio.open(path) as dataset:
        if dataset.count != 1 or not np.issubdtype(dataset.dtypes[0], np.integer):
            raise CubeReadError(
                f'{path}: {dataset.count} bands of type {dataset.dtypes[0]}, expected one of whole numbers'
            )
        placed = dataset.crs is not None and not dataset.transform.is_identity
        grid = Grid(dataset.height, dataset.width, *((dataset.crs, dataset.transform) if placed else ()))
        return dataset.read(1), grid


def resample(values: np.ndarray, source: Grid, target: Grid, method: str = 'cubic') -> np.ndarray:
    """Values of a raster at the pixels of another grid.

    A finer grid is filled by interpolation; for a coarser one GDAL widens the kernel, which averages. Values already on
    the grid are not changed.

    Args:
        values (np.ndarray): (h, w) values.
        source (Grid): Their grid.
        target (Grid): The target grid, H x W pixels.
        method (str): 'cubic' (keeps edges sharp, and overshoots a little), 'bilinear' (neither) or 'nearest'. Defaults
            to 'cubic'.

    Returns:
        np.ndarray: (H, W) float32, NaN outside the source.
    """
    if source == target:
        return values.astype(np.float32)
    result = np.full(target.shape, np.nan, np.float32)
    reproject(
        values.astype(np.float32),
        result,
        src_transform=source.transform,
        src_crs=source.crs,
        dst_transform=target.transform,
        dst_crs=target.crs,
        dst_nodata=np.nan,
        resampling=Resampling[method],
    )
    return result


def fill_border(values: np.ndarray) -> np.ndarray:
    """Fill NaN pixels (H, W) with the value of the nearest valid pixel."""
    empty = np.isnan(values)
    return values[tuple(distance_transform_edt(empty, return_distances=False, return_indices=True))]
