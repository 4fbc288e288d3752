"""The files of the OSCD release: locating each band of each date of each city."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

METRES = dict(B01=60, B02=10, B03=10, B04=10, B05=20, B06=20, B07=20, B08=10, B8A=20, B09=60, B10=60, B11=20, B12=20)
"""Ground sampling distance of the bands of Sentinel-2."""
BANDS = tuple(METRES)
"""The bands of Sentinel-2 in the order of their wavelengths, which is that of the converted arrays."""

TRAIN_CITIES = (
    'aguasclaras',
    'bercy',
    'bordeaux',
    'nantes',
    'paris',
    'rennes',
    'saclay_e',
    'abudhabi',
    'cupertino',
    'pisa',
    'beihai',
    'hongkong',
    'beirut',
    'mumbai',
)
TEST_CITIES = (
    'brasilia',
    'montpellier',
    'norcia',
    'rio',
    'saclay_w',
    'valencia',
    'dubai',
    'lasvegas',
    'milano',
    'chongqing',
)
CITIES = (*TRAIN_CITIES, *TEST_CITIES)

CONVERTED = 'ms_data.npy'
_IMAGES = re.compile(r'imgs_([12])(_rect)?', re.IGNORECASE)
_BAND = re.compile(r'(?:^|_)(B\d\d|B8A)\.tiff?$', re.IGNORECASE)
_DATE = re.compile(r'\b(\d{8})\b')
_DEPTH = 4  # folders below the source: the release, a part of it, the city, its images


@dataclass(frozen=True)
class CityFiles:
    """Files of one city.

    Args:
        name (str): Name of the city, in lower case.
        images (Mapping[str, tuple[Path | None, Path | None]]): Folders of both dates, by 'original' (each band on the
            grid of its sensor) and 'registered' (``imgs_*_rect``: all bands of both dates on one grid).
        labels (Path | None): Folder of the change map.
        dates (tuple[str, ...]): Days of both dates as YYYYMMDD; empty if the release does not state them.
    """

    name: str
    images: Mapping[str, tuple[Path, Path]]
    labels: Path | None
    dates: tuple[str, ...] = ()

    def bands(self, images: str, date: int) -> dict[str, Path]:
        """Files of all 13 bands.

        Args:
            images (str): 'original' or 'registered'.
            date (int): 1 or 2.

        Raises:
            FileNotFoundError: If the folder or a band is missing.
            ValueError: If a band exists twice.
        """
        folder, other = (self.images[images][number - 1] for number in (date, 3 - date))
        if folder is None:
            raise FileNotFoundError(
                f'{self.name}, date {date}: there are no images in addition to those of date {3 - date} in {other}'
            )
        files = {}
        for path in sorted(folder.iterdir()):
            found = _BAND.search(path.name)
            if found and found[1].upper() in BANDS:
                band = found[1].upper()
                if band in files:
                    raise ValueError(
                        f'{self.name}, date {date}: band {band} exists twice, as {files[band]} and {path.name}'
                    )
                files[band] = path
        missing = [band for band in BANDS if band not in files]
        if missing:
            raise FileNotFoundError(
                f'{self.name}, date {date}: no GeoTIFF of band {", ".join(missing)} in {folder}, '
                f'which holds {", ".join(files) or "none of the 13 bands"}'
            )
        return {band: files[band] for band in BANDS}


def _folders(root: Path, depth: int) -> Iterator[Path]:
    """All subfolders down to a depth, except those of a converted city."""
    for path in sorted(root.iterdir()) if depth else ():
        # an unreadable folder is not part of a release
        if path.is_dir() and os.access(path, os.R_OK | os.X_OK) and not _converted(path):
            yield path
            yield from _folders(path, depth - 1)


def _converted(city: Path) -> bool:
    return any((city / f'imgs_{date}_rect' / CONVERTED).is_file() for date in (1, 2))


def _city_name(folder: Path) -> str:
    return folder.name.lower().removeprefix('oscd-')


def _only(found: Sequence[Path], what: str) -> Path | None:
    if len(found) > 1:
        raise ValueError(f'{what} exist twice: in {found[0]} and in {found[1]}')
    return found[0] if found else None


def find_cities(sources: Sequence[str | Path]) -> dict[str, CityFiles]:
    """Search for cities in folders and all their subfolders.

    A city is a folder that holds ``imgs_1`` and ``imgs_2`` or ``imgs_1_rect`` and ``imgs_2_rect``; its change map is in
    a folder ``cm`` of the same folder or of another one of the same name. So the parts of the official release ('... -
    Images', '... - Train Labels', '... - Test Labels') are recognised, and also one folder for each city.

    Args:
        sources (Sequence[str | Path]): Folders to search.

    Returns:
        dict[str, CityFiles]: The cities by name, in alphabetical order. Missing parts are reported when they are read.

    Raises:
        FileNotFoundError: If a source does not exist, or none contains a city.
        ValueError: If images or change map of a city exist twice.
    """
    images: dict[str, dict[tuple[str, int], list[Path]]] = {}
    labels: dict[str, list[Path]] = {}
    texts: dict[str, list[Path]] = {}
    for source in map(Path, sources):
        if not source.is_dir():
            raise FileNotFoundError(f'{source}: no such folder')
        for folder in (source, *_folders(source, _DEPTH)):
            city, kind = _city_name(folder.parent), _IMAGES.fullmatch(folder.name)
            if kind and any(_BAND.search(path.name) for path in folder.iterdir()):
                key = 'registered' if kind[2] else 'original', int(kind[1])
                images.setdefault(city, {}).setdefault(key, []).append(folder)
                texts.setdefault(city, []).append(folder.parent / 'dates.txt')
            elif folder.name.lower() == 'cm':
                labels.setdefault(city, []).append(folder)
    if not images:
        raise FileNotFoundError(
            f'no folder imgs_1 or imgs_1_rect with bands as GeoTIFF below {", ".join(map(str, sources))}'
        )
    cities = {}
    for name in sorted(images):
        pairs = {}
        for kind in ('registered', 'original'):
            pair = tuple(_only(images[name].get((kind, date), ()), f'{name}: images of date {date}') for date in (1, 2))
            if any(pair):
                pairs[kind] = pair
        found = _only(labels.get(name, ()), f'{name}: change maps')
        cities[name] = CityFiles(name, pairs, found, _dates(texts[name]))
    return cities


def _dates(texts: Sequence[Path]) -> tuple[str, ...]:
    for path in texts:
        if path.is_file():
            days = _DATE.findall(path.read_text(encoding='utf-8'))
            return tuple(days) if len(days) == 2 else ()
    return ()
