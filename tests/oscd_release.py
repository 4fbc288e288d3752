"""A small release of OSCD: synthetic ground, seen by 13 bands on grids of 10, 20 and 60 m at two dates."""

import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import from_bounds
from rasterio.warp import transform as transform_points
from skimage.io import imsave

from mmhsi.datasets.oscd.release import METRES

SHAPE = (96, 84)  # rows and columns of 10 m
LEFT, TOP, DEGREES = 2.2, 48.7, 1e-4  # of the upper left corner, and of a pixel of 10 m
BOUNDS = LEFT, TOP - SHAPE[0] * DEGREES, LEFT + SHAPE[1] * DEGREES, TOP
DETAIL, FIELDS = (4.0, 30.0), (70.0, 140.0)  # wavelengths in pixels of 10 m; coarse bands cannot show more than fields
_WAVES = 150


def ground(band: str, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Brightness, 2000 with a standard deviation of 300, at places in pixels of 10 m from the upper left corner."""
    rng = np.random.default_rng([7, *band.encode()])
    shortest, longest = DETAIL if METRES[band] == 10 else FIELDS
    lengths = rng.uniform(shortest, longest, _WAVES)
    heights = 300 * np.sqrt(2) * lengths / np.linalg.norm(lengths)  # the finer the fainter
    value = np.full(np.broadcast(rows, columns).shape, 2000.0)
    for length, height, (angle, phase) in zip(lengths, heights, rng.uniform(0, 2 * np.pi, (_WAVES, 2)), strict=True):
        value = value + height * np.sin(2 * np.pi / length * (np.cos(angle) * rows + np.sin(angle) * columns) + phase)
    return value


def centres(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows (H, 1) and columns (1, W) of the centres of the pixels of a grid over the city, in pixels of 10 m."""
    return tuple((np.arange(length) + 0.5) * whole / length for length, whole in zip(shape, SHAPE, strict=True))


@lru_cache(None)
def seen(band: str, shape: tuple[int, int], shift: tuple[float, float]) -> np.ndarray:
    """The city on a grid, its content moved down and to the right by some pixels of 10 m; (H, W)."""
    rows, columns = centres(shape)
    return ground(band, rows[:, None] - shift[0], columns[None] - shift[1])


def expected(band: str) -> np.ndarray:
    """What a converted band should show, (H, W)."""
    return seen(band, SHAPE, (0.0, 0.0))


def write_band(path: Path, values: np.ndarray, crs: str | None = 'EPSG:4326', bounds: tuple = BOUNDS) -> None:
    """Write a GeoTIFF of one band."""
    path.parent.mkdir(parents=True, exist_ok=True)
    place = {} if crs is None else dict(crs=crs, transform=from_bounds(*bounds, values.shape[1], values.shape[0]))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        with rasterio.open(
            path,
            'w',
            driver='GTiff',
            count=1,
            height=values.shape[0],
            width=values.shape[1],
            dtype=values.dtype,
            **place,
        ) as file:
            file.write(values, 1)


def write_date(
    folder: Path,
    shape: tuple[int, int] = SHAPE,
    shift: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
    crs: str | None = 'EPSG:4326',
    names: str = 'T31UDQ_20170829T105019_{}.tif',
) -> None:
    """Write all bands of a date: ``shape`` is its 10 m grid, ``shift`` how far its content lies down and right."""
    for band, metres in METRES.items():
        values = scale * seen(band, tuple(round(length * 10 / metres) for length in shape), shift)
        write_band(folder / names.format(band), np.rint(values).astype(np.uint16), crs)


def write_date_in_utm(folder: Path, shape: tuple[int, int] = (120, 110)) -> None:
    """Write a date in UTM, on grids that reach beyond the city."""
    xs, ys = transform_points(
        'EPSG:4326', 'EPSG:32631', [BOUNDS[0], BOUNDS[2]] * 2, [BOUNDS[1], BOUNDS[1], BOUNDS[3], BOUNDS[3]]
    )
    margin = 60.0
    bounds = min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin
    for band, metres in METRES.items():
        height, width = (round(length * 10 / metres) for length in shape)
        x = bounds[0] + (np.arange(width) + 0.5) * (bounds[2] - bounds[0]) / width
        y = bounds[3] - (np.arange(height) + 0.5) * (bounds[3] - bounds[1]) / height
        grid = np.meshgrid(x, y)
        lon, lat = transform_points('EPSG:32631', 'EPSG:4326', grid[0].ravel(), grid[1].ravel())
        values = ground(band, (TOP - np.array(lat)) / DEGREES, (np.array(lon) - LEFT) / DEGREES)
        write_band(
            folder / f'T31UDQ_{band}.tif',
            np.rint(values.reshape(height, width)).astype(np.uint16),
            'EPSG:32631',
            bounds,
        )


def changes(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """A change map, bool (H, W)."""
    changed = np.zeros(shape, bool)
    changed[10:22, 30:45] = True
    return changed


def write_map(folder: Path, city: str, changed: np.ndarray | None = None) -> None:
    """Write the change map twice: as a raster (1, 2) and as a picture of four channels (0, 255)."""
    changed = changes() if changed is None else changed
    write_band(folder / f'{city}-cm.tif', (1 + changed).astype(np.uint8), None)
    grey = np.where(changed, 255, 0).astype(np.uint8)
    imsave(folder / 'cm.png', np.stack([grey, grey, grey, np.full_like(grey, 255)], axis=-1), check_contrast=False)


def write_city(root: Path, city: str = 'bercy', labels: Path | None = None, **second) -> Path:
    """Write a city of the original images; keyword arguments are those of :func:`write_date` for the second date."""
    folder = root / city
    write_date(
        folder / 'imgs_1',
        names='S2A_OPER_MSI_L1C_TL_EPA__20160809_A000162_T31UDQ_{}.tif',
        crs=second.get('crs', 'EPSG:4326'),
    )
    write_date(folder / 'imgs_2', **{'scale': 1.1, **second})
    write_map((labels or root) / city / 'cm', city)
    (folder / 'dates.txt').write_text('date_1: 20160809\ndate_2: 20170829\n')
    return folder
