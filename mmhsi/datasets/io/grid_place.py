"""The georeference of a grid in a netCDF or HDF5 file, from the coordinates of its rows and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rasterio.crs import CRS
from rasterio.errors import CRSError

from .conventions import find_text, scalar
from .errors import explained
from .variables import Dimension, Variable
from .wavelengths import plain_name

_TOLERANCE = 0.01  # of a pixel: coordinates are often rounded to float32
_MOST_COORDINATES = 10**6
_DEGREES = {'latitude': ('degrees_north', 'degree_north', 'lat'), 'longitude': ('degrees_east', 'degree_east', 'lon')}
_POINTS = 11  # control points along an axis


def grid_place(
    reader: Any,
    variables: Mapping[str, Variable],
    dimensions: Sequence[Dimension],
    axes: tuple[int, int, int],
    attributes: Mapping[str, Any],
) -> tuple[dict, list[str]]:
    """Fields of :class:`CubeInfo` on the place.

    Coordinates of evenly spaced rows and columns are the centres of pixels (CF 1.11, section 4), unless they only
    number the pixels. The reference system is that of the variable that ``grid_mapping`` names: its text (``crs_wkt``,
    ``spatial_ref``), else its parameters; longitudes and latitudes without one are assumed to be WGS 84.

    Args:
        reader (ArrayReader): The reader, which reads vectors and attributes by name.
        variables (Mapping[str, Variable]): The arrays of the file.
        dimensions (Sequence[Dimension]): The axes of the array.
        axes (tuple[int, int, int]): Axes of rows, columns and bands.
        attributes (Mapping[str, Any]): Attributes of the array.

    Returns:
        tuple: The known fields, and notes on unused statements.
    """
    rows, columns = dimensions[axes[0]], dimensions[axes[1]]
    notes: list[str] = []
    with explained(reader.path):
        mapping = _mapping(reader, attributes)
        if not rows.coordinate or not columns.coordinate:
            place = _stated_transform(mapping) or _swath(reader, variables, attributes)
            if 'transform' not in place:
                return place, []
        else:
            steps: list[tuple[float, float]] = []
            for dimension in (columns, rows):
                step = _steps(np.asarray(reader._vector(dimension.coordinate)).ravel()[:_MOST_COORDINATES])
                if step is None:
                    return {}, [f"the coordinates '{dimension.name}' are not evenly spaced; the place is not kept"]
                steps.append(step)
            (left, width), (top, height) = steps
            if not mapping and all(_counts(*each) for each in zip(steps, (columns, rows), strict=True)):
                return _swath(reader, variables, attributes), []
            place = {'transform': (width, 0.0, left - width / 2, 0.0, height, top - height / 2)}
    geographic = (find_text(rows.attributes, 'units') or '').lower().startswith('degree') or plain_name(rows.name) in (
        'lat',
        'latitude',
    )
    crs = _system(mapping, notes)
    if crs is None and not mapping and geographic:
        crs = CRS.from_epsg(4326)
    if crs is not None:
        place['crs'] = crs.to_wkt()
    return place, notes


def _counts(step: tuple[float, float], dimension: Dimension) -> bool:
    """Whether coordinates, given by the first and their distance, number the pixels and are no place."""
    return step[0] in (0, 1) and step[1] == 1 and not find_text(dimension.attributes, 'units', 'standard_name')


def _stated_transform(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The transform of the grid mapping as GDAL writes it: x, width, rotation, y, rotation, -height."""
    words = (find_text(mapping, 'GeoTransform') or '').split()
    try:
        left, width, across, top, along, height = map(float, words)
    except ValueError:
        return {}
    return {'transform': (width, across, left, along, height, top)}


def _swath(reader: Any, variables: Mapping[str, Variable], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Control points from the arrays of latitude and longitude that ``coordinates`` names (CF 1.11, section 5.2)."""
    parent = reader._name.rpartition('/')[0]
    found: dict[str, Any] = {}
    for word in (find_text(attributes, 'coordinates') or '').split():
        name = f'{parent}/{word}' if parent else word
        if name not in variables or not variables[name].numeric or len(variables[name].shape) != 2:
            continue
        of_array = reader._attributes(name)
        degrees = (find_text(of_array, 'units') or find_text(of_array, 'standard_name') or word).lower()
        axis = next((axis for axis, marks in _DEGREES.items() if degrees.startswith(marks)), None)
        if axis is not None:
            found[axis] = reader._stored(name)
    if len(found) < 2:
        return {}
    return control_points(found['latitude'], found['longitude'], *found['latitude'].shape)


def control_points(latitude: Any, longitude: Any, lines: int, samples: int) -> dict:
    """Georeference of a swath: a grid of control points in degrees from its arrays of latitude and longitude.

    Args:
        latitude (np.ndarray | h5py.Dataset): Degrees of each pixel centre, (lines, samples).
        longitude (np.ndarray | h5py.Dataset): Degrees of each pixel centre.
        lines (int): Rows of the cube.
        samples (int): Columns of the cube.

    Returns:
        dict: ``gcps`` and ``gcps_crs`` of :class:`CubeInfo`; empty if no pixel has coordinates or the sizes differ.
    """
    if latitude.shape != (lines, samples) or longitude.shape != (lines, samples):
        return {}
    rows, columns = (np.unique(np.linspace(0, length - 1, _POINTS).round().astype(int)) for length in (lines, samples))
    points = []
    for row in rows:
        for column, x, y in zip(columns, longitude[row][columns], latitude[row][columns], strict=True):
            if abs(x) <= 180 and abs(y) <= 90 and (x or y):  # fill values are larger, or 0 in both
                points.append((row + 0.5, column + 0.5, float(x), float(y), 0.0))
    return dict(gcps=tuple(points), gcps_crs=CRS.from_epsg(4326).to_wkt()) if points else {}


def _steps(centres: np.ndarray) -> tuple[float, float] | None:
    """First coordinate and step, if all steps are equal."""
    if len(centres) < 2 or centres.dtype.kind not in 'iuf':
        return None
    centres = centres.astype(np.float64)
    step = (centres[-1] - centres[0]) / (len(centres) - 1)
    even = centres[0] + step * np.arange(len(centres))
    if not np.isfinite(centres).all() or step == 0 or np.abs(centres - even).max() > _TOLERANCE * abs(step):
        return None
    return float(centres[0]), float(step)


def _mapping(reader: Any, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Attributes of the grid mapping of an array, or of the file where it states a reference system itself."""
    name = find_text(attributes, 'grid_mapping') or ''
    parents = reader._name.split('/')[:-1]
    for depth in range(len(parents), -1, -1) if name else ():
        found = reader._attributes('/'.join([*parents[:depth], name.split(':')[0]]))
        if found:
            return found
    root = reader._attributes('')
    return root if find_text(root, 'crs_wkt', 'spatial_ref') else {}


def _system(mapping: Mapping[str, Any], notes: list[str]) -> CRS | None:
    text = find_text(mapping, 'crs_wkt', 'spatial_ref')
    try:
        if text:
            return CRS.from_user_input(text)
        if not find_text(mapping, 'grid_mapping_name'):
            return None
        import pyproj  # needed only for parameters, which few files rely on

        parameters = {name: value if scalar(value) is None else scalar(value) for name, value in mapping.items()}
        return CRS.from_wkt(
            pyproj.CRS.from_cf(
                {
                    name: value.item() if isinstance(value, np.generic) else value
                    for name, value in parameters.items()
                    if isinstance(value, (str, int, float, list, np.generic, np.ndarray))
                }
            ).to_wkt()
        )
    except ImportError:
        notes.append('the file states its reference system by parameters, which pyproj is needed for; it is not kept')
    except (CRSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        notes.append(f'the reference system of the file is not understood and not kept: {str(error)[:100]}')
    return None
