"""Inspect the file of a scene: which array is the cube, its axes, values and empty bands."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mmhsi.datasets.io import CubeInfo, CubeReadError
from mmhsi.datasets.io.folders import scene_files
from mmhsi.datasets.io.products import product_title
from mmhsi.datasets.io.spectra_arrays import open_listing
from mmhsi.datasets.io.variables import Variable
from mmhsi.datasets.scenes.cube_source import CubeSource

ARRAY_SUFFIXES = ('.mat', '.h5', '.hdf5', '.he5', '.nc', '.npy', '.npz')
_SAMPLED_ROWS = 32
_ROW_NAMES = ('nrow', 'rows', 'lines', 'height', 'h', 'nr')
_COLUMN_NAMES = ('ncol', 'cols', 'columns', 'samples', 'width', 'w', 'nc')
_ALIKE = 1e-3  # relative difference of roughness that is not conclusive
_MANY_MORE = 4  # times as many bands make an array the cube among several
_FILL_VALUES = (-32768.0, -9999.0, -999.0, 65535.0)  # common values of pixels without data


@dataclass
class FoundCube:
    """A cube and how to read it.

    Attributes:
        source (dict): Arguments of the image of a scene: path, and key, layout and size where they are needed.
        info (CubeInfo): Metadata of the file, without bands that it marks as bad.
        reasons (dict[str, str]): Reason for the value of each argument of the source, by name.
        marked_bad (list[int]): Bands of the file that it marks as bad.
        without_data (list[int]): Other bands of the file that hold no data, or one value, in all sampled rows.
        nodata (float | None): A value that looks like missing data and that the file does not declare.
        masked (float): Share of the sampled pixels that hold no data in a band that holds some.
        percentiles (tuple[float, float, float]): 1st, 50th and 99th of the sampled values.
        largest (float): Largest of them.
        zeros (float): Share of the sampled pixels that are 0 in all bands.
        members (tuple[FoundCube, ...]): The cubes that this one summarises, if there are several; its source and info
            are those of the first.
        given (str): The folder or pattern that stands for them.
    """

    source: dict
    info: CubeInfo
    reasons: dict[str, str] = field(default_factory=dict)
    marked_bad: list[int] = field(default_factory=list)
    without_data: list[int] = field(default_factory=list)
    nodata: float | None = None
    masked: float = 0.0
    percentiles: tuple[float, float, float] = (0.0, 0.0, 0.0)
    largest: float = 0.0
    zeros: float = 0.0
    members: tuple[FoundCube, ...] = ()
    given: str = ''

    @property
    def file_bands(self) -> int:
        """Number of bands of the file."""
        return self.members[0].file_bands if self.members else self.info.bands + len(self.marked_bad)

    @property
    def path(self) -> str:
        """The file, or the folder or pattern of several."""
        return self.given or self.source['path']

    @property
    def bands(self) -> int:
        """Number of usable bands."""
        return self.info.bands - len(self.without_data)

    @property
    def factor(self) -> float | None:
        """Power of ten that scales the values to at most 1; None if they already are."""
        if self.largest <= 2:
            return None
        return float(10.0 ** -np.ceil(np.log10(self.largest)))


def array_list(path: str) -> dict[str, Variable]:
    """The arrays of a file by name; empty for a raster, a product, or a file of another kind."""
    if not os.path.isfile(path) or not path.lower().endswith(ARRAY_SUFFIXES) or product_title(path) is not None:
        return {}
    with open_listing(path) as listing:
        return dict(listing.variables)


def two_dates(path: str) -> list[str]:
    """Names of the two cubes of a file that holds exactly two, of one size; else empty."""
    cubes = {
        name: item.shape
        for name, item in array_list(path).items()
        if item.numeric and len(item.shape) == 3 and min(item.shape) > 1
    }
    return list(cubes) if len(cubes) == 2 and len(set(cubes.values())) == 1 else []


def find_cube(
    path: str,
    key: str | None = None,
    layout: str | None = None,
    size: tuple[int, int] | None = None,
    map_shape: tuple[int, int] | None = None,
    wavelengths: tuple[float, float] | None = None,
) -> FoundCube:
    """Find the cube of a file and inspect a sample of its rows.

    Args:
        path (str): File of a format of :func:`mmhsi.datasets.io.open_cube`, folder of a sensor product, or folder that
            holds one scene.
        key (str, optional): Name of the array in a file that holds several.
        layout (str, optional): Order of the axes, if the file does not define it.
        size (tuple[int, int], optional): Height and width, for an array that is a list of pixels.
        wavelengths (tuple[float, float], optional): Of the first and the last band in nm, where the file states none.
        map_shape (tuple[int, int], optional): Size of a map of the same pixels, which determines the axes.

    Returns:
        FoundCube: The cube.

    Raises:
        FileNotFoundError: If there is no such file.
        CubeReadError: If the file holds no cube, or several to choose from.
    """
    path = _one_scene(path)
    source: dict = dict(path=path)
    reasons: dict[str, str] = {}
    arrays = {name: variable for name, variable in array_list(path).items() if variable.numeric}
    if key is not None:
        source['key'] = key
    if layout is not None:
        source['layout'] = layout
    if size is not None:
        source['size'] = size
    if wavelengths is not None:
        source['wavelengths'] = tuple(wavelengths)
        reasons['wavelengths'] = 'nm, as you said; the file states none'
    if arrays:
        _find_array(path, arrays, source, reasons, map_shape)
    return _look(source, reasons)


def summary_of(cubes: Sequence[FoundCube], given: str) -> FoundCube:
    """The summary of the cubes of several scenes that are one set of data.

    Args:
        cubes (Sequence[FoundCube]): The cubes.
        given (str): The folder or pattern that stands for them.

    Raises:
        CubeReadError: If they differ in their bands, or are read differently.
    """
    first = cubes[0]
    for other in cubes[1:]:
        if other.file_bands != first.file_bands:
            raise CubeReadError(
                f'{given}: scenes of one set must have the same bands: {first.path} has {first.file_bands}, '
                f"{other.path} has {other.file_bands}; a pattern such as 'FOLDER/*_cube.tif' selects files"
            )
        if _reading(other) != _reading(first):
            raise CubeReadError(
                f'{given}: scenes of one set are read alike, but {first.path} with {_reading(first) or "no option"}, '
                f'{other.path} with {_reading(other) or "no option"}; --key, --layout and --size state what is the same'
            )
    low, middle, high = np.array([cube.percentiles for cube in cubes]).T
    return replace(
        first,
        marked_bad=sorted({band for cube in cubes for band in cube.marked_bad}),
        without_data=sorted({band for cube in cubes for band in cube.without_data}),
        nodata=next((cube.nodata for cube in cubes if cube.nodata is not None), None),
        masked=float(np.mean([cube.masked for cube in cubes])),
        percentiles=(float(low.min()), float(np.median(middle)), float(high.max())),
        largest=max(cube.largest for cube in cubes),
        zeros=float(np.mean([cube.zeros for cube in cubes])),
        members=tuple(cubes),
        given=given,
    )


def _reading(cube: FoundCube) -> dict:
    return {name: value for name, value in cube.source.items() if name != 'path'}


def _one_scene(path: str) -> str:
    if not os.path.isdir(path) or product_title(path) is not None:
        return path
    scenes = scene_files(path)
    if len(scenes) != 1:
        listed = ', '.join(scene.name for scene in scenes[:8]) or 'none'
        raise CubeReadError(f'{path}: a folder with {len(scenes)} scenes ({listed}), expected one; name the file')
    return str(scenes[0])


def _find_array(
    path: str, arrays: Mapping[str, Variable], source: dict, reasons: dict[str, str], map_shape: tuple[int, int] | None
) -> None:
    """Complete the source by key, layout and size."""
    cubes = {name: item.shape for name, item in arrays.items() if len(item.shape) == 3 and min(item.shape) > 1}
    name = source.get('key')
    if name is not None and name not in arrays:
        listed = ', '.join(f"'{other}' {item.shape}" for other, item in arrays.items())
        raise CubeReadError(f"{path}: key '{name}' not found; the file holds {listed}")
    if name is None:
        name = _name_of_cube(path, arrays, cubes, map_shape, source)
        if name:
            source['key'] = name
            reasons['key'] = f'{" x ".join(map(str, arrays[name].shape))}, the array that looks like the cube'
    shape = arrays[name].shape
    if len(shape) == 2 and min(shape) > 1:
        _find_pixel_list(path, name, arrays, cubes, source, reasons, map_shape)
    elif len(shape) == 3 and 'layout' not in source:
        found = _layout_of(shape, map_shape)
        if found is not None and found != 'hwc':
            source['layout'] = found
            reasons['layout'] = (
                f'the map has {map_shape[0]} x {map_shape[1]} pixels'
                if map_shape is not None
                else f'axes of {" x ".join(map(str, shape))}: two are alike, the third counts the bands'
            )


def _name_of_cube(path: str, arrays: Mapping, cubes: Mapping, map_shape: tuple[int, int] | None, source: dict) -> str:
    lists = [
        name
        for name, item in arrays.items()
        if len(item.shape) == 2
        and min(item.shape) > 1
        and any(_is_pixel_list(item.shape, shape, height * width) for shape, (height, width) in _sizes(cubes, source))
    ]
    if len(lists) == 1:
        return lists[0]
    if map_shape is not None and len(cubes) > 1:
        cubes = {name: shape for name, shape in cubes.items() if _layout_of(shape, map_shape) is not None}
    if len(cubes) > 1:
        deepest = max(cubes, key=lambda name: cubes[name][-1])
        others = [shape[-1] for name, shape in cubes.items() if name != deepest]
        if cubes[deepest][-1] >= _MANY_MORE * max(others):
            cubes = {deepest: cubes[deepest]}
    if not cubes and len(arrays) == 1:
        return next(iter(arrays))
    if len(cubes) != 1:
        listed = ', '.join(f"'{name}' {item.shape}" for name, item in arrays.items())
        raise CubeReadError(
            f'{path}: {"several arrays" if cubes else "no array"} with three axes to choose from, name the cube with '
            f'--key (and --size HEIGHT WIDTH if it is a list of pixels); the file holds {listed}'
        )
    return next(iter(cubes))


def _sizes(cubes: Mapping, source: Mapping) -> list[tuple[tuple[int, ...], tuple[int, int]]]:
    found = [(shape, pair) for shape in cubes.values() for pair in (shape[:2], shape[1:])]
    if 'size' in source:
        found.append(((1, 1, 1), tuple(source['size'])))
    return found


def _is_pixel_list(shape: tuple[int, int], cube: tuple[int, ...], pixels: int) -> bool:
    """Whether a matrix holds all pixels of an image, of which the array with three axes has fewer bands."""
    if pixels not in shape:
        return False
    bands = shape[0] if shape[1] == pixels else shape[1]
    return bands > min(cube)


def _layout_of(shape: tuple[int, ...], map_shape: tuple[int, int] | None) -> str | None:
    axes = {'hwc': shape[:2], 'chw': shape[1:], 'bil': (shape[0], shape[2])}
    if map_shape is not None:
        return next((name for name, found in axes.items() if tuple(found) == tuple(map_shape)), None)
    alike = [name for name, (height, width) in axes.items() if height == width]
    return alike[0] if len(alike) == 1 else None


def _find_pixel_list(
    path: str,
    name: str,
    arrays: Mapping[str, Variable],
    cubes: Mapping,
    source: dict,
    reasons: dict[str, str],
    map_shape: tuple[int, int] | None,
) -> None:
    shape = arrays[name].shape
    if 'size' not in source:
        candidates = [*([map_shape] if map_shape else []), *_stated_size(path, arrays)]
        candidates += [pair for cube in cubes.values() for pair in (cube[:2], cube[1:])]
        fitting = [pair for pair in candidates if pair[0] * pair[1] in shape]
        if not fitting:
            raise CubeReadError(
                f"{path}: '{name}' {shape} is a list of pixels, but the size of the image is not known; give "
                '--size HEIGHT WIDTH'
            )
        source['size'] = tuple(int(side) for side in fitting[0])
        reasons['size'] = f'height and width of the image: {shape[0]} x {shape[1]} is a list of pixels'
    if 'layout' not in source:
        height, width = source['size']
        first = shape[1] == height * width  # bands first
        with open_listing(path) as listing:
            values = listing.array(name).astype(np.float32)
        values = values if first else values.T
        by_row, by_column = (
            np.moveaxis(values.reshape(-1, *pair), 0, -1) for pair in ((height, width), (width, height))
        )
        rough_rows, rough_columns = _roughness(by_row), _roughness(by_column.swapaxes(0, 1))
        # a square image looks the same either way, transposed: MATLAB stores columns
        rows_are_smoother = rough_rows < rough_columns * (1 - _ALIKE) or (
            rough_rows < rough_columns * (1 + _ALIKE) and not path.lower().endswith('.mat')
        )
        source['layout'] = ('chw' if rows_are_smoother else 'cwh') if first else ('hwc' if rows_are_smoother else 'whc')
        reasons['layout'] = f'pixels {"row by row" if rows_are_smoother else "column by column"}'


def _stated_size(path: str, arrays: Mapping[str, Variable]) -> list[tuple[int, int]]:
    with open_listing(path) as listing:
        numbers = {name.lower(): int(listing.array(name).ravel()[0]) for name, item in arrays.items() if item.size == 1}
    rows = next((numbers[name] for name in _ROW_NAMES if name in numbers), None)
    columns = next((numbers[name] for name in _COLUMN_NAMES if name in numbers), None)
    return [] if None in (rows, columns) else [(rows, columns)]


def _roughness(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image, axis=0)).mean() + np.abs(np.diff(image, axis=1)).mean())


def _look(source: dict, reasons: dict[str, str]) -> FoundCube:
    cube = CubeSource(source)
    try:
        info, numbers = cube.info, cube.kept_bands
        marked = np.setdiff1d(np.arange(cube.file_bands), numbers)
        rows = np.unique(np.linspace(0, info.height - 1, min(_SAMPLED_ROWS, info.height)).astype(int))
        stored = np.concatenate([cube.stored((int(row), 0, 1, info.width)) for row in rows])
    finally:
        cube.close()
    missing = info.no_data(stored)
    nodata = _undeclared_nodata(info, stored, missing)
    if nodata is not None:
        missing = info.no_data(stored, nodata=nodata)
    varies = np.array(
        [
            bool((~gone).any()) and np.ptp(band[~gone]) > 0
            for band, gone in ((stored[..., index], missing[..., index]) for index in range(info.bands))
        ]
    )
    good = np.flatnonzero(varies)
    if not len(good):
        raise CubeReadError(f'{source["path"]}: all bands are empty or constant in the sampled rows')
    values = info.physical(stored[..., good], good)
    valid = ~missing[..., good].any(axis=-1)
    seen = values[valid] if valid.any() else values[~missing[..., good]]
    return FoundCube(
        source,
        info,
        reasons,
        marked.tolist(),
        numbers[~varies].tolist(),
        nodata,
        1 - float(valid.mean()),
        tuple(float(value) for value in np.percentile(seen, (1, 50, 99))),
        float(seen.max()),
        float((stored == 0).all(axis=-1).mean()),
    )


def _undeclared_nodata(info: CubeInfo, stored: np.ndarray, missing: np.ndarray) -> float | None:
    """A common fill value that all bands of some pixels have, or some bands have everywhere."""
    if info.nodata is not None:
        return None
    for value in _FILL_VALUES:
        found = (stored == value) & ~missing
        if found.any() and (found.all(axis=-1).any() or found.all(axis=(0, 1)).any()):
            return value
    return None
