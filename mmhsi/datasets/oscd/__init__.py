"""OSCD, the Onera Satellite Change Detection dataset: its cities, and its release brought to one grid per city."""

from .convert import IMAGES, OscdSettings, convert_city, read_city
from .registration import Displacement, measure_displacement
from .release import BANDS, CITIES, TEST_CITIES, TRAIN_CITIES, CityFiles, find_cities
from .resample import METHODS

__all__ = [
    'BANDS',
    'CITIES',
    'IMAGES',
    'METHODS',
    'TEST_CITIES',
    'TRAIN_CITIES',
    'CityFiles',
    'Displacement',
    'OscdSettings',
    'convert_city',
    'find_cities',
    'measure_displacement',
    'read_city',
]
