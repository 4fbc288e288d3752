"""Inspect a label map: its values, what they may mean, and how many pixels have each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mmhsi.analysis.init_scene.found_cube import array_list
from mmhsi.datasets.io import CubeInfo, CubeReadError
from mmhsi.datasets.io.maps import open_map, single_band
from mmhsi.datasets.io.variables import Variable

_MOST_CLASSES = 99
_NOT_FINITE = float('inf')  # stands for NaN too among the values of a map


@dataclass
class FoundLabels:
    """A label map and how to read it.

    Attributes:
        source (dict): Arguments of the labels of a scene: path, and key and ignore where they are needed.
        counts (dict[int, int]): Pixels of each value that may stand for a class, without 0 and ignored values.
        zeros (int): Pixels with the value 0.
        without (int): Pixels that the file itself marks as having no data.
        ignored (dict[float, int]): Pixels of the values that are read as "no label".
        reasons (dict[str, str]): Reason for the value of each argument of the source, by name.
    """

    source: dict
    counts: dict[int, int]
    zeros: int
    ignored: dict[float, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    without: int = 0


def map_arrays(path: str, shape: tuple[int, int] | None) -> dict[str, Variable]:
    """Matrices of a file of arrays that may be maps of an image of this size, by name."""
    return {
        name: item
        for name, item in array_list(path).items()
        if item.numeric and len(item.shape) == 2 and min(item.shape) > 1 and (shape is None or item.shape == shape)
    }


def choose_map(path: str, key: str | None, shape: tuple[int, int] | None) -> str | None:
    """Name of the array of a file that is the map; None where the file has no names.

    Raises:
        CubeReadError: If there are several to choose from.
    """
    arrays = map_arrays(path, shape)
    if key is not None or not array_list(path):
        return key
    if len(arrays) != 1:
        listed = ', '.join(f"'{name}' {item.shape}" for name, item in array_list(path).items())
        size = '' if shape is None else f' of {shape[0]} x {shape[1]} pixels'
        raise CubeReadError(
            f'{path}: {"several matrices" if arrays else "no matrix"}{size} that could be the label map'
            f'{", name it with --labels-key" if arrays else ""}; the file holds {listed}{_why_not(path, shape)}'
        )
    return next(iter(arrays)) or None


def shape_of_map(path: str, key: str | None) -> tuple[int, int] | None:
    """Rows and columns of a map; None if it cannot be read, which is told when it is compared with the cube."""
    try:
        with open_map(path, choose_map(path, key, None)) as reader:
            return reader.info.shape[:2]
    except ValueError:
        return None


def _why_not(path: str, shape: tuple[int, int] | None) -> str:
    """What to do with an array that is a label map in another form."""
    if shape is None or map_arrays(path, shape):
        return ''
    shapes = [item.shape for item in array_list(path).values() if item.numeric]
    if shape[::-1] in shapes and shape[0] != shape[1]:
        return '. Its rows and columns are exchanged: save its transpose'
    pixels = shape[0] * shape[1]
    if any(found in ((pixels,), (pixels, 1), (1, pixels)) for found in shapes):
        return f'. It is a list of all pixels: reshape it to {shape[0]} x {shape[1]}'
    if any(found in ((*shape, 1), (1, *shape)) for found in shapes):
        return '. Save it without the axis of length 1 (numpy.squeeze)'
    if any(len(found) == 3 and shape == found[:2] for found in shapes):
        return '. It has a third axis: a label map has one number per pixel, e.g. the argmax over that axis plus 1'
    return ''


def find_labels(path: str, cube: CubeInfo, key: str | None = None) -> FoundLabels:
    """Read a label map and interpret its values.

    Args:
        path (str): File of a format of :func:`mmhsi.datasets.io.open_cube`.
        cube (CubeInfo): The cube that it lies over.
        key (str, optional): Name of the array in a file that holds several.

    Returns:
        FoundLabels: The labels.

    Raises:
        FileNotFoundError: If there is no such file.
        CubeReadError: If it is no label map of the cube: another size or place, fractions, or too many values.
    """
    return find_labels_of_all([path], [cube], key)


def find_labels_of_all(paths: Sequence[str], cubes: Sequence[CubeInfo], key: str | None = None) -> FoundLabels:
    """As :func:`find_labels`, for the maps of several cubes together; the source is the first of them."""
    found: Counter[float] = Counter()
    without, name = 0, None
    for path, cube in zip(paths, cubes, strict=True):
        name = choose_map(path, key, cube.shape[:2])
        numbers, missing = _values(path, name, cube)
        found.update(numbers)
        without += missing
    path = paths[0] if len(paths) == 1 else f'{os.path.dirname(paths[0])}: {len(paths)} label maps'
    source: dict = dict(path=paths[0]) if name is None else dict(path=paths[0], key=name)
    zeros = found.pop(0.0, 0)
    ignored: dict[float, int] = {}
    unknown = found.pop(_NOT_FINITE, 0)
    if unknown:
        ignored[float('nan')] = unknown
    for number in sorted(number for number in found if number < 0):
        ignored[number] = found.pop(number)
    if 255.0 in found and len(found) > 2 and len(found) < 255:
        ignored[255.0] = found.pop(255.0)
    if not found:
        raise CubeReadError(f'{path}: the label map holds no class: {zeros} pixels are 0, {ignored or "no"} others')
    if len(found) > _MOST_CLASSES:
        raise CubeReadError(
            f'{path}: the map holds {len(found)} different values, expected the numbers of at most {_MOST_CLASSES} '
            'classes: is it a label map?'
        )
    reasons = {}
    if ignored:
        listed = [int(number) if number == number else number for number in ignored]
        source['ignore'] = listed[0] if len(listed) == 1 else listed
        reasons['ignore'] = (
            ', '.join(f'{number:g} at {count:,} pixels' for number, count in ignored.items()) + ': taken for "no label"'
        )
    codes = {int(number): found[number] for number in sorted(found)}
    return FoundLabels(source, codes, zeros, ignored, reasons, without)


def _values(path: str, name: str | None, cube: CubeInfo) -> tuple[dict[float, int], int]:
    """Pixels of each value of a map, and those that the file marks as having no data."""
    with open_map(path, name, cube.shape[:2], 'label map', cube) as reader:
        values, no_data = single_band(reader, 'label map')
    flat = values[~no_data].astype(np.float64)
    finite = np.isfinite(flat)
    fractions = flat[finite & (flat != np.floor(flat))]
    if fractions.size:
        raise CubeReadError(f'{path}: the map holds {fractions[0]:g}, expected whole numbers for the classes')
    numbers, counts = np.unique(flat[finite], return_counts=True)
    found = {float(number): int(count) for number, count in zip(numbers, counts, strict=True)}
    if not finite.all():
        found[_NOT_FINITE] = int((~finite).sum())
    return found, int(no_data.sum())
