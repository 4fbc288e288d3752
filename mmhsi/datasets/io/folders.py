"""Finding the scenes of a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from mmengine.logging import print_log

from .envi import DATA_SUFFIXES, data_file, find_header, is_header
from .envi_header import read_header
from .errors import CubeReadError
from .products import entries_below, products_below, products_in
from .sources import drivers_for, parse_xml

_RASTERS = ('.tif', '.tiff', '.jp2', '.vrt')
_ARRAYS = ('.mat', '.npy', '.npz', '.h5', '.hdf5', '.he5', '.hdf', '.nc', '.nc4', '.cdf')
_RAW = tuple(suffix for suffix in DATA_SUFFIXES if suffix not in ('', '.sli'))
_ANY_RAW = ('.dat', '.bin', '.raw')  # suffixes of files that are scenes only with a header
_PICTURES = ('.png', '.jpg', '.jpeg', '.bmp', '.pgm', '.ppm')
_QUICKLOOK = re.compile(r'(^|[_\-. ])(ql|quick[_\-]?looks?|browse|thumb(nail)?s?|preview)([_\-. ]|$)', re.IGNORECASE)
SCENE_SUFFIXES = (*_RASTERS, *_ARRAYS, '.hdr', *_RAW, *_PICTURES)


def scene_files(folder: str | os.PathLike, recursive: bool = False, pictures: bool = False) -> list[Path]:
    """The scenes of a folder, sorted by name.

    Scenes are recognised by suffix and content. The header represents an ENVI pair, whatever the name of the data file;
    a header next to a TIFF belongs to the TIFF, and a spectral library is not a scene. The entry represents all files
    of a sensor product, and subfolders that are products count too. Sources of virtual rasters in the folder are left
    out, and, if there are other scenes, quick-looks: pictures and names such as 'scene_ql.tif'.

    Args:
        folder (str | os.PathLike): The folder.
        recursive (bool): Whether folders in it are searched too. Defaults to False.
        pictures (bool): Whether pictures and quick-looks count too, as label maps often are. Defaults to False.

    Returns:
        list[Path]: The files.
    """
    folder = Path(folder)
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        products, claimed = products_in(place)
        whole = bool(products) and claimed.issuperset(names)  # then the subfolders hold parts of the product
        below = [] if whole else sorted(name for name in folders if not name.startswith('.'))
        folders[:] = below if recursive else []
        found += map(Path, products)
        if not recursive:
            found += [Path(entry) for name in below for entry in entries_below(os.path.join(place, name))]
        found += _of_one_folder(Path(place), sorted(set(names) - claimed), pictures)
    return sorted(found or map(Path, products_below(folder)))


def _of_one_folder(folder: Path, names: list[str], pictures: bool) -> list[Path]:
    paths = [folder / name for name in names if not name.startswith('.')]
    headers = [path for path in paths if path.suffix.lower() == '.hdr' and is_header(str(path))]
    pairs, data = [], set()
    for header in headers:
        belongs, is_scene = _pair(header)
        if is_scene:
            pairs.append(header)
        if belongs is not None and not belongs.suffix.lower().startswith('.tif'):
            data.add(belongs)
    others = [path for path in paths if path not in data and path not in headers and _is_scene(path)]
    parts = _sources(path for path in others if path.suffix.lower() == '.vrt')
    cubes = [path for path in (*pairs, *others) if path.suffix.lower() not in _PICTURES and path.resolve() not in parts]
    looks = [path for path in others if path.suffix.lower() in _PICTURES]
    if pictures:
        return [*cubes, *looks]
    named = [path for path in cubes if _QUICKLOOK.search(path.stem)]
    if len(named) < len(cubes):
        looks += named
        cubes = [path for path in cubes if path not in named]
    if cubes and looks:
        print_log(f'{folder}: left out as quick-looks: {", ".join(path.name for path in looks)}', 'current')
    return cubes or looks


def _pair(header: Path) -> tuple[Path | None, bool]:
    """The data file of a header, if there is one, and whether the header represents a scene."""
    try:
        library = 'spectral library' in read_header(str(header)).get('file type', '').lower()
    except CubeReadError:
        library = False  # a damaged header is reported when the scene is opened
    try:
        belongs = Path(data_file(str(header)))
    except CubeReadError:
        return None, not library
    return belongs, not library and not belongs.suffix.lower().startswith('.tif')


def _is_scene(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in _ANY_RAW:
        try:
            return find_header(str(path)) is not None or bool(drivers_for(str(path)))
        except CubeReadError:
            return False
    return suffix in (*_RASTERS, *_ARRAYS, *_RAW, *_PICTURES)


def _sources(virtual: Iterable[Path]) -> set[Path]:
    """The sources of virtual rasters."""
    parts = set()
    for path in virtual:
        try:
            for element in parse_xml(str(path)).iter('SourceFilename'):
                parts.add((path.parent / (element.text or '')).resolve())
        except (SyntaxError, OSError, ValueError):  # of which a ParseError is the first
            continue
    return parts


def files_of_scene(path: str | os.PathLike) -> list[Path]:
    """The files of a scene of :func:`scene_files`: for an ENVI header, its data file too."""
    path = Path(path)
    if path.suffix.lower() != '.hdr':
        return [path]
    try:
        return [Path(data_file(str(path))), path]
    except CubeReadError:
        return [path]
