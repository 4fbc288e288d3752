"""Look-alike of OSCD: Sentinel-2 pairs of a few cities, as released and as converted to one array for each date."""

import warnings
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import from_origin
from skimage.transform import resize

from mmhsi.datasets.oscd.release import METRES

from .change import MATERIALS, change_pair
from .files import stored
from .landscape import field_grid, smooth_spectra, sow

RELEASE = 'Onera Satellite Change Detection dataset - '
CITIES = {  # subset, rows and columns of both dates on the grid of 10 m: the dates of Abu Dhabi differ in the original
    'aguasclaras': ('train', (128, 131), (128, 131)),
    'abudhabi': ('train', (131, 129), (129, 128)),
    'pisa': ('train', (129, 128), (129, 128)),
    'brasilia': ('test', (128, 130), (128, 130)),
    'montpellier': ('test', (133, 128), (133, 128)),
}
_NAMES = ('S2A_OPER_MSI_L1C_TL_MTI__20160120T104345_A003020_T39QZG_{}.tif', 'T40QBM_20180328T065919_{}.tif')
_DATES = 'date_1: 20160120\ndate_2: 20180328\n'
_DEGREES = 1e-4  # of 10 m
_SIDE = 11  # pixels of the side of a field


def _write(path: Path, driver: str, values: np.ndarray, **profile) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values.shape
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)  # the maps of the release have no place either
        with rasterio.open(
            path, 'w', driver=driver, count=count, height=height, width=width, dtype=values.dtype, **profile
        ) as file:
            file.write(values)


def _write_bands(folder: Path, name: str, cube: np.ndarray, extent: tuple[float, float]) -> None:
    """One GeoTIFF for each band, on the grid of the sensor; all cover ``extent``, degrees of latitude and longitude."""
    for band, (label, metres) in enumerate(METRES.items()):
        shape = tuple(round(length * 10 / metres) for length in cube.shape[:2])
        values = cube[..., band]
        if metres > 10:
            values = np.round(resize(values.astype(np.float64), shape, anti_aliasing=True)).astype(cube.dtype)
        steps = [whole / part for whole, part in zip(extent, shape, strict=True)]
        _write(
            folder / name.format(label),
            'GTiff',
            values[None],
            crs='EPSG:4326',
            compress='deflate',
            predictor=2,
            transform=from_origin(54.54, 24.37, steps[1], steps[0]),
        )


def _write_labels(folder: Path, city: str, changed: np.ndarray) -> None:
    """The map as a picture, 0 and 255 in four channels, and as a raster, 1 and 2."""
    grey = np.where(changed, 255, 0).astype(np.uint8)
    _write(folder / 'cm.png', 'PNG', np.stack([grey, grey, grey, np.full_like(grey, 255)]))
    _write(folder / f'{city}-cm.tif', 'GTiff', (1 + changed).astype(np.uint8)[None], compress='deflate')


def write_oscd(folder: Path, rng: np.random.Generator) -> None:
    """Write the folders of the release, and beside them each city as the official code reads it.

    The map has the size of the first date. The converted arrays (H, W, 13) have it too: both dates and all bands are on
    the grid of its bands of 10 m.
    """
    spectra = smooth_spectra(rng, MATERIALS, len(METRES))  # of all cities: what is learnt in one is true in another
    for city, (subset, shape, second_shape) in CITIES.items():
        grid = field_grid(shape, _SIDE)
        changed = sow(rng, grid, {1: (grid.max() + 1) // 10}, rest=0).astype(bool)
        pair = [stored(cube, 'uint16') for cube in change_pair(rng, spectra, changed, _SIDE)]
        images = folder / f'{RELEASE}Images' / city
        for number, name in enumerate(_NAMES):
            cube = pair[number]
            if number and second_shape != shape:
                cube = np.round(resize(cube.astype(np.float64), second_shape, anti_aliasing=True)).astype(cube.dtype)
            _write_bands(images / f'imgs_{number + 1}', name, cube, (shape[0] * _DEGREES, shape[1] * _DEGREES))
            converted = folder / city / f'imgs_{number + 1}_rect' / 'ms_data.npy'
            converted.parent.mkdir(parents=True, exist_ok=True)
            np.save(converted, pair[number])
        (images / 'dates.txt').write_text(_DATES, encoding='utf-8')
        for labels in (folder / f'{RELEASE}{subset.capitalize()} Labels' / city / 'cm', folder / city / 'cm'):
            _write_labels(labels, city, changed)
    for subset in ('train', 'test'):
        cities = ','.join(city for city, (part, *_) in CITIES.items() if part == subset)
        for place in (folder, folder / f'{RELEASE}Images'):
            (place / f'{subset}.txt').write_text(cities + '\n', encoding='utf-8')
