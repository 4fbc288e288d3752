"""Look-alike of the Washington DC Mall image, for denoising."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmhsi.datasets.io import write_raster

from .files import stored
from .landscape import field_grid, reflectance, smooth_spectra, sow

MATERIALS = 6
SHAPE = (288, 96, 191)  # the original has 1280 x 307 pixels


def write_wdc(folder: Path, rng: np.random.Generator) -> None:
    """Write ``dc.tif``, int16 as the original."""
    grid = field_grid(SHAPE[:2], 8)
    ground = sow(rng, grid, dict.fromkeys(range(1, MATERIALS), (grid.max() + 1) // MATERIALS), rest=0)
    cube = reflectance(rng, ground, smooth_spectra(rng, MATERIALS, SHAPE[2]))
    write_raster(folder / 'dc.tif', stored(cube, 'int16'))


DENOISING: dict[str, Callable[[Path, np.random.Generator], None]] = {'wdc': write_wdc}
