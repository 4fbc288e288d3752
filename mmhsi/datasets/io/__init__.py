"""Reading and writing image cubes, label maps and spectra."""

from .base import CubeInfo, CubeReader
from .cube import open_cube, read_cube
from .errors import CubeReadError
from .labels import read_labels
from .maps import read_map
from .spectra import SpectralLibrary, Spectrum, read_spectra, resample_spectrum
from .writer import write_raster

__all__ = [
    'CubeInfo',
    'CubeReadError',
    'CubeReader',
    'SpectralLibrary',
    'Spectrum',
    'open_cube',
    'read_cube',
    'read_labels',
    'read_map',
    'read_spectra',
    'resample_spectrum',
    'write_raster',
]
