"""Reading and writing of image cubes and label maps."""

from .base import CubeInfo, CubeReader
from .cube import open_cube, read_cube
from .errors import CubeReadError
from .labels import read_labels
from .writer import write_raster

__all__ = ['CubeInfo', 'CubeReadError', 'CubeReader', 'open_cube', 'read_cube', 'read_labels', 'write_raster']
