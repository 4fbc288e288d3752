"""Converting a city of OSCD: 13 bands of two dates and the change map on one grid, as arrays."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from skimage.io import imsave

from mmhsi.datasets.oscd.labels import read_changes
from mmhsi.datasets.oscd.registration import measure_displacement
from mmhsi.datasets.oscd.release import BANDS, CONVERTED, CityFiles
from mmhsi.datasets.oscd.resample import METHODS, Grid, fill_border, read_band, resample
from mmhsi.utils.files import parse_json, put_in_place
from mmhsi.utils.folder_lock import FolderLock
from mmhsi.utils.identity import changes, data_files, identify, told

RECORD = 'conversion.json'
IMAGES = ('auto', 'registered', 'original')
_FINEST = ('B02', 'B03', 'B04', 'B08')  # 10 m
_COVERED = 0.99  # smallest share of the grid that a band must cover
_PROPORTIONS = 0.03  # largest difference of aspect ratios of two rasters of the same ground
_LARGEST_SHIFT = 3.0  # pixels; larger shifts are not geolocation errors
_SMALLEST_SHIFT = 0.1  # pixels; for smaller shifts interpolation does more harm than good
_ENOUGH = 0.75  # fraction of the measurements of a shift that must agree


@dataclass(frozen=True)
class OscdSettings:
    """Settings of the conversion of cities.

    Args:
        images (str): 'registered' takes the ``imgs_*_rect`` of the release, whose bands are on one grid and whose dates
            were registered by its makers; 'original' takes ``imgs_*``; 'auto' the former where both dates have them.
            Defaults to 'auto'.
        resampling (str): How bands are brought to the grid, see :func:`resample`. Defaults to 'cubic'.
        register (bool): Whether to measure the shift between the dates of original images and correct it in the same
            interpolation. Defaults to True.

    Raises:
        ValueError: If a value is unknown.
    """

    images: str = 'auto'
    resampling: str = 'cubic'
    register: bool = True

    def __post_init__(self) -> None:
        for name, known in (('images', IMAGES), ('resampling', METHODS)):
            if getattr(self, name) not in known:
                raise ValueError(f'{name} is {getattr(self, name)!r}, expected one of {", ".join(known)}')


class _Date:
    """All bands of one date, each with its grid."""

    def __init__(self, city: str, number: int, files: dict[str, Path]):
        self.label = f'{city}, date {number}'
        self.bands = {}
        for band, path in files.items():
            values, grid = read_band(path)
            if values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
                raise ValueError(
                    f'{self.label}, band {band}: {path} holds values from {values.min()} to {values.max()}'
                    ', expected 0 to 65535'
                )
            if not values.any():
                raise ValueError(f'{self.label}, band {band}: {path} holds nothing but 0')
            self.bands[band] = values, grid
        placed = {band for band, (_, grid) in self.bands.items() if grid.crs is not None}
        if placed and len(placed) < len(self.bands):
            raise ValueError(
                f'{self.label}: band {next(band for band in BANDS if band not in placed)} has no '
                f'georeference, but band {next(band for band in BANDS if band in placed)} has one'
            )
        self.placed = bool(placed)
        shapes = {band: self.bands[band][1].shape for band in _FINEST}
        if len(set(shapes.values())) > 1:
            raise ValueError(
                f'{self.label}: the bands of 10 m differ in size, '
                + ', '.join(f'{band} has {rows} x {columns}' for band, (rows, columns) in shapes.items())
            )

    @property
    def grid(self) -> Grid:
        """Grid of 10 m."""
        return self.bands[_FINEST[0]][1]

    def spread_over(self, grid: Grid) -> None:
        """Assign the ground of ``grid`` to bands without georeference."""
        for band, (values, own) in self.bands.items():
            proportions = (own.height / own.width) / (grid.height / grid.width)
            # the size of a coarse band is rounded to whole pixels
            if abs(proportions - 1) > _PROPORTIONS + 1 / min(own.shape):
                raise ValueError(
                    f'{self.label}, band {band}: {own.height} x {own.width} pixels without georeference '
                    f'cannot show the same ground as {grid.height} x {grid.width}'
                )
            self.bands[band] = values, own.spread_over(grid)

    def check_cover(self, grid: Grid) -> None:
        """Raise a ValueError unless every band covers a grid."""
        for band, (_, own) in self.bands.items():
            covered = grid.covered_by(own)
            if covered < _COVERED:
                raise ValueError(
                    f'{self.label}, band {band} covers {covered:.1%} of the grid of the change map, '
                    f'expected at least {_COVERED:.0%}'
                )

    def on(self, grid: Grid, method: str, bands: tuple[str, ...] = BANDS) -> tuple[np.ndarray, int]:
        """Bands (H, W, B) float32 on a grid, and the number of pixels that were filled from their neighbours."""
        cube = np.stack([resample(*self.bands[band], grid, method) for band in bands], axis=-1)
        empty = int(np.isnan(cube).any(axis=-1).sum())
        if empty:
            cube = np.stack([fill_border(cube[..., band]) for band in range(len(bands))], axis=-1)
        return cube, empty


def _common_grid(city: str, dates: list[_Date], shape: tuple[int, int], map_file: str) -> tuple[Grid, int]:
    """Grid of the change map, and the date whose grid of 10 m it is."""
    number = next((number for number, date in enumerate(dates) if date.grid.shape == shape), None)
    if number is None:
        sizes = ' and '.join('{} x {}'.format(*date.grid.shape) for date in dates)
        raise ValueError(f'{city}: {map_file} has {shape[0]} x {shape[1]} pixels, but the dates have {sizes} at 10 m')
    if dates[0].placed != dates[1].placed:
        with_one = 1 if dates[0].placed else 2
        raise ValueError(f'{city}: date {with_one} has a georeference, date {3 - with_one} has none')
    if not dates[0].placed:
        plain = dates[number].grid
        for date in dates:
            date.spread_over(plain)
    return dates[number].grid, number


def _register(dates: list[_Date], grid: Grid, settings: OscdSettings) -> tuple[Grid, dict]:
    """The grid for reading the second date, and the measured shift."""
    first, second = (date.on(grid, settings.resampling, _FINEST)[0] for date in dates)
    found = measure_displacement(first, second)
    sure = found.agreement >= _ENOUGH and found.length <= _LARGEST_SHIFT
    used = settings.register and sure and found.length >= _SMALLEST_SHIFT
    record = {
        'rows': found.rows,
        'columns': found.columns,
        'agreement': found.agreement,
        'sure': sure,
        'used': used,
        'correlation': found.correlation,
    }
    if not used:
        return grid, record
    moved = grid.moved(-found.rows, -found.columns)
    after = measure_displacement(first, dates[1].on(moved, settings.resampling, _FINEST)[0])
    return moved, {**record, 'correlation_after': after.correlation}


def _whole_numbers(cube: np.ndarray) -> np.ndarray:
    # cubic interpolation overshoots near the darkest and brightest pixels
    return np.rint(np.clip(cube, 0, np.iinfo(np.uint16).max)).astype(np.uint16)


def read_city(files: CityFiles, settings: OscdSettings = OscdSettings()) -> tuple[list[np.ndarray], np.ndarray, dict]:
    """Read a city and resample it to the grid of its change map, the 10 m grid of one of the dates.

    Files with a georeference are placed by it, with :func:`rasterio.warp.reproject`. Without georeferences, all bands
    of both dates are assumed to show the same ground. In the release each band was cropped separately in degrees, so
    the second date of a city may differ in size.

    Args:
        files (CityFiles): Its files.
        settings (OscdSettings): The settings.

    Returns:
        tuple: Both dates, uint16 (H, W, 13) each; the changed pixels, bool (H, W); and a record of the conversion, as
            plain values.

    Raises:
        FileNotFoundError: If a band or the change map is missing.
        ValueError: If a file does not hold what is expected; the message names city, date and band.
    """
    images = settings.images
    if images == 'auto':
        images = 'registered' if all(files.images.get('registered', (None,))) else 'original'
    if images not in files.images:
        raise FileNotFoundError(f'{files.name}: there are no {images} images, only {", ".join(files.images)} ones')
    if files.labels is None:
        raise FileNotFoundError(f'{files.name}: there is no folder cm with the change map')
    changed, map_record = read_changes(files.name, files.labels)
    dates = [_Date(files.name, number, files.bands(images, number)) for number in (1, 2)]
    grid, own = _common_grid(files.name, dates, changed.shape, map_record['file'])
    for date in dates:
        date.check_cover(grid)
    second_grid, shift = _register(dates, grid, settings if images == 'original' else OscdSettings(register=False))
    places = zip(dates, (grid, second_grid), strict=True)
    cubes, filled = zip(*(date.on(place, settings.resampling) for date, place in places), strict=True)
    record = {
        'city': files.name,
        'days': list(files.dates),
        'images': images,
        'bands': list(BANDS),
        'folders': [str(folder) for folder in files.images[images]],
        'settings': asdict(settings),
        'grid': {
            'height': grid.height,
            'width': grid.width,
            'of_date': own + 1,
            'crs': grid.crs.to_string() if dates[0].placed else None,
            'transform': list(grid.transform)[:6] if dates[0].placed else None,
        },
        'shift_of_second_date': shift,
        'filled_pixels': list(filled),
        'change_map': map_record,
    }
    return [_whole_numbers(cube) for cube in cubes], changed, record


def _source_files(files: CityFiles) -> dict[str, dict]:
    """Identities of all files of a city, by their folder ('original/1', 'cm' ...) and name."""
    folders = {
        f'{kind}/{number}': folder
        for kind, pair in files.images.items()
        for number, folder in enumerate(pair, 1)
        if folder is not None
    }
    if files.labels is not None:
        folders['cm'] = files.labels
    return {
        f'{name}/{path}': entry
        for name, folder in folders.items()
        for path, entry in told(identify(data_files(folder), root=folder)).items()
    }


def finished(folder: Path, settings: OscdSettings, files: CityFiles | None = None) -> bool:
    """Whether a city has been converted and neither its source nor the output has changed since.

    Args:
        folder (Path): Folder of the converted city.
        settings (OscdSettings): The settings.
        files (CityFiles, optional): Its files; None compares only the settings.

    Raises:
        FileExistsError: If the folder holds something else, or the city with other settings.
    """
    if not folder.exists():
        return False
    try:
        record = parse_json((folder / RECORD).read_text(encoding='utf-8'))
        used = record['settings']
    except (OSError, ValueError, KeyError, TypeError):
        raise FileExistsError(
            f'{folder} exists but holds no {RECORD} of a conversion: it is not a converted city and is not replaced'
        ) from None
    if used != asdict(settings):
        raise FileExistsError(
            f'{folder} was converted with the settings {used}, not {asdict(settings)}; remove it to convert it again'
        )
    if files is None or 'source_files' not in record:
        return True  # from a former version
    before = record.get('written')
    if not isinstance(before, dict):
        return False  # a damaged record
    written = told(identify(sorted(folder / name for name in before), root=folder))
    return (
        record.get('days') == list(files.dates)
        and not changes(record['source_files'], _source_files(files))
        and not changes(before, written)
    )


def convert_city(
    files: CityFiles, out: str | Path, settings: OscdSettings = OscdSettings(), tell: Callable[[str], None] = print
) -> dict | None:
    """Convert a city into ``<out>/<city>`` atomically; a city that was converted from other files is replaced.

    It writes ``imgs_1_rect/ms_data.npy`` and ``imgs_2_rect/ms_data.npy``, uint16 (H, W, 13) in the order of
    :data:`BANDS`; ``cm/cm.png``, 0 unchanged and 255 changed; and ``conversion.json``, which records the conversion.
    Args:
        files (CityFiles): Its files.
        out (str | Path): Folder of the converted cities.
        settings (OscdSettings): How.
        tell (Callable): Called with messages for the user, such as dates that do not match. Defaults to ``print``.

    Returns:
        dict | None: The record of the conversion; None if the city was already converted.

    Raises:
        FileExistsError: If the folder holds something else, or the city with other settings.
        FileNotFoundError, ValueError: See :func:`read_city`.
        FolderBusyError: If another process is writing the city.
    """
    folder = Path(out) / files.name
    if finished(folder, settings, files):
        return None
    if folder.exists():
        tell(f'{files.name}: the release or the converted files have changed since, it is converted again')
    sources = _source_files(files)
    cubes, changed, record = read_city(files, settings)
    shift = record['shift_of_second_date']
    if not shift['sure']:
        tell(
            f'{files.name}: the measurements of the shift between the dates disagree or exceed {_LARGEST_SHIFT:g} '
            f'pixels, so none is corrected; check whether the dates match (rows {shift["rows"]:.2f}, columns '
            f'{shift["columns"]:.2f})'
        )
    differing = record['change_map'].get('differing_from_picture', 0)
    if differing:
        tell(
            f'{files.name}: cm.png differs from {record["change_map"]["file"]} in {differing} pixels; the latter is '
            'used'
        )
    with FolderLock(out, f'the conversion of {files.name}', name=f'.{files.name}.lock'):
        record['source_files'] = sources
        _write_city(folder, cubes, changed, record)
    return record


def _write_city(folder: Path, cubes: list[np.ndarray], changed: np.ndarray, record: dict) -> None:
    """Write the folder of a city under a temporary name, then move it to its place."""
    temporary, former = folder.with_name(f'.{folder.name}.part'), folder.with_name(f'.{folder.name}.former')
    for left_over in (temporary, former):  # left by a run that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    for number, cube in enumerate(cubes, 1):
        (temporary / f'imgs_{number}_rect').mkdir(parents=True)
        np.save(temporary / f'imgs_{number}_rect' / CONVERTED, cube)
    (temporary / 'cm').mkdir()
    imsave(temporary / 'cm/cm.png', np.where(changed, 255, 0).astype(np.uint8), check_contrast=False)
    record['written'] = told(identify(data_files(temporary), root=temporary))
    (temporary / RECORD).write_text(json.dumps(record, indent=2) + '\n', encoding='utf-8')
    if folder.exists():
        os.rename(folder, former)
    put_in_place(temporary, folder)
    shutil.rmtree(former, ignore_errors=True)
