"""The files of products, and their rasters as arrays in memory."""

from pathlib import Path

import numpy as np
import rasterio

UNMIXING_FILES = (  # of a scene without a truth, after its name
    'false_colour.png',
    'abundances.png',
    'abundances.tif',
    'endmembers.sli',
    'endmembers.hdr',
    'endmembers.png',
    'endmembers.csv',
    'reconstruction.png',
)


def read_product(folder: Path, name: str, product: str) -> np.ndarray:
    """A raster: maps of classes (H, W) from 0 with 255 where there is no data, restored cubes (H, W, C), other layers
    (H, W) or (L, H, W)."""
    with rasterio.open(Path(folder) / f'{name}_{product}.tif') as dataset:
        values = dataset.read()
    if product in ('classes', 'detected'):
        return np.where(values[0] == 0, 255, values[0] - np.uint8(1))
    if product == 'restored':
        return np.moveaxis(values, 0, -1)
    return values[0] if len(values) == 1 else values
