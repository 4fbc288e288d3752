"""Interpreting attributes and dimension names of arrays in HDF5 and netCDF files.

The Climate and Forecast conventions (CF 1.11: ``_FillValue``, ``scale_factor``, ``add_offset``, ``units``, dimensions
with coordinates), and the names that airborne and spaceborne products use instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .envi_header import checked_scale
from .variables import Dimension
from .wavelengths import WAVELENGTH_NAMES, plain_name

_NODATA = (
    '_FillValue',
    'missing_value',
    'Data_Ignore_Value',
    'data ignore value',
    'nodata',
    'NoDataValue',
    'fill_value',
    'ignore_value',
)
# without 'n', 'num' or 'number of' before them, and 'dim' behind
_ROWS = (
    *('y', 'yc', 'lat', 'latitude', 'northing', 'row', 'line', 'scan', 'scanline', 'frame', 'height'),
    *('downtrack', 'alongtrack'),
)
_COLUMNS = (
    *('x', 'xc', 'lon', 'longitude', 'easting', 'col', 'column', 'sample', 'pixel', 'width'),
    *('crosstrack', 'acrosstrack', 'pixelsperline', 'samplesperline'),
)
_BANDS = (
    *('band', 'bandnumber', 'channel', 'spectral', 'spectralband', 'spectralchannel', 'frequency', 'wavelengthband'),
    *WAVELENGTH_NAMES,
)
_COUNT_OF = re.compile(r'^(?:numberof|num|n)(?=.)|(?:dim|dimension|axis|index)$')
_STANDARD_NAMES = {
    'projection_y_coordinate': 'rows',
    'latitude': 'rows',
    'grid_latitude': 'rows',
    'projection_x_coordinate': 'columns',
    'longitude': 'columns',
    'grid_longitude': 'columns',
    'radiation_wavelength': 'bands',
    'sensor_band_central_radiation_wavelength': 'bands',
}
_LINEAR = (('slope', 'intercept'), ('gain', 'offset'), ('Slope', 'Intercept'), ('Gain', 'Offset'))
_AXIS_LETTERS = {'Y': 'rows', 'X': 'columns'}


def scalar(value: Any) -> Any:
    """The single number or text of an attribute, None for anything else."""
    if isinstance(value, bytes):
        return value.decode('utf-8', errors='replace')
    array = np.asarray(value)
    if array.size != 1:
        return None
    single = array.reshape(-1)[0]
    return single.decode('utf-8', errors='replace') if isinstance(single, bytes) else single


def find_text(attributes: Mapping[str, Any], *names: str) -> str | None:
    """The first non-empty text attribute with one of the names, ignoring case and underscores."""
    by_name = {plain_name(name): value for name, value in attributes.items()}
    for name in names:
        value = scalar(by_name[plain_name(name)]) if plain_name(name) in by_name else None
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def _numbers(attributes: Mapping[str, Any], name: str, bands: int) -> np.ndarray | None:
    """float64 (C,) of an attribute that is a number, text with a number, or one number for each band."""
    if name not in attributes:
        return None
    try:
        values = np.asarray(
            scalar(attributes[name]) if scalar(attributes[name]) is not None else attributes[name], np.float64
        ).ravel()
    except (TypeError, ValueError):
        return None
    return np.repeat(values, bands) if len(values) == 1 else values if len(values) == bands else None


def nodata_of(
    attributes: Mapping[str, Any], bands: int, notes: list[str]
) -> tuple[float | np.ndarray | None, tuple[float, ...]]:
    """The stored values of pixels without data, from the attributes that state them.

    Args:
        attributes (Mapping[str, Any]): The attributes of the array.
        bands (int): Number of bands C.
        notes (list[str]): Gets a sentence on statements that are not understood.

    Returns:
        tuple: The first one, a number or float64 (C,), or None; and further ones, numbers (CF 1.11, section 2.5.1:
        ``missing_value`` may list several, beside ``_FillValue``).
    """
    stated = {name: plain_name(name) for name in attributes}
    found = []
    for wanted in _NODATA:
        found += [name for name, plain in stated.items() if plain == plain_name(wanted)]
    first, further = None, []
    for name in found:
        numbers = _numbers(attributes, name, bands)
        if numbers is None:
            try:
                further += np.asarray(attributes[name], np.float64).ravel().tolist()
            except (TypeError, ValueError):
                notes.append(f'the attribute {name!r} is no number, and is not used')
            continue
        single = np.array_equal(numbers, np.repeat(numbers[0], bands), equal_nan=True)
        if first is None:
            first = float(numbers[0]) if single else numbers
        else:
            further += numbers[:1].tolist() if single else sorted(set(numbers.tolist()))
    if first is None and further:
        first = further.pop(0)
    return first, tuple(value for value in dict.fromkeys(further) if not np.all(first == value) and np.isfinite(value))


def valid_range_of(
    attributes: Mapping[str, Any],
    dtype: np.dtype,
    scale: np.ndarray | None,
    offset: np.ndarray | None,
    notes: list[str],
) -> tuple[float, float] | None:
    """The lowest and the highest stored value that is data, by ``valid_range``, or ``valid_min`` and ``valid_max``.

    They are in the units of the stored values, unless they are floating-point numbers beside integers that are scaled:
    then they are physical ones.

    Args:
        attributes (Mapping[str, Any]): The attributes of the array.
        dtype (np.dtype): Type of the stored values.
        scale (np.ndarray, optional): float64 (C,).
        offset (np.ndarray, optional): float64 (C,).
        notes (list[str]): Gets a sentence on a range that cannot be.

    Returns:
        tuple[float, float] | None: The range, infinite where there is no limit; None if nothing is stated.
    """
    stated = [attributes.get('valid_min', -np.inf), attributes.get('valid_max', np.inf)]
    if 'valid_range' in attributes:
        stated = list(np.ravel(attributes['valid_range']))
    try:
        low, high = (float(scalar(value)) for value in stated)
        physical = any(np.asarray(value).dtype.kind == 'f' for value in stated if np.isfinite(np.asarray(value, float)))
    except (TypeError, ValueError):
        low = high = np.nan
        physical = False
    if np.isinf(low) and np.isinf(high):
        return None
    if not low < high:
        notes.append('the range of valid values that the file states is none, and is not applied')
        return None
    if physical and dtype.kind in 'iu' and scale is not None:
        shift = 0.0 if offset is None else offset[0]
        low, high = sorted(((low - shift) / scale[0], (high - shift) / scale[0]))
        # the ends count as valid although they are rounded
        low, high = low - 1e-6 * abs(low), high + 1e-6 * abs(high)
    return float(low), float(high)


def scale_and_offset(
    attributes: Mapping[str, Any], bands: int, notes: list[str]
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Scale and offset (C,) of an array, or None.

    ``scale_factor`` of the CF conventions multiplies, as ``slope`` and ``gain`` do. By any other name (``Scale_Factor``
    of NEON, ``reflectance scale factor`` of ENVI) a number above 1 is the factor by which reflectances were multiplied,
    and divides.
    """
    scale = _numbers(attributes, 'scale_factor', bands)
    offset = _numbers(attributes, 'add_offset', bands)
    for name, values in (('scale_factor', scale), ('add_offset', offset)):
        if values is None and name in attributes:
            notes.append(f'the attribute {name!r} is no number for each band, and is not applied')
    for slope, intercept in _LINEAR if scale is None and offset is None else ():
        if slope in attributes and _numbers(attributes, slope, bands) is not None:
            scale, offset = (_numbers(attributes, name, bands) for name in (slope, intercept))
            notes.append(f'values are multiplied by {slope!r}, and {intercept!r} is added')
            break
    for name in attributes if scale is None else ():
        if plain_name(name) in ('scalefactor', 'reflectancescalefactor', 'scale'):
            scale = _numbers(attributes, name, bands)
            if scale is not None and (scale > 1).all():
                if name != 'Scale_Factor':
                    notes.append(f'values are divided by {name!r} = {scale[0]:g}')
                scale = 1 / scale
            break
    return checked_scale(scale, offset, 'the array', notes)


def role_of(dimension: Dimension) -> str | None:
    """'rows', 'columns' or 'bands', from the name of a dimension and the attributes of its coordinate."""
    attributes = dimension.attributes
    standard = find_text(attributes, 'standard_name') or ''
    role = _STANDARD_NAMES.get(standard.lower()) or _AXIS_LETTERS.get((find_text(attributes, 'axis') or '').upper())
    if role:
        return role
    unit = (find_text(attributes, 'units') or '').lower().replace('_', ' ')
    if unit.startswith(('degrees north', 'degree north')):
        return 'rows'
    if unit.startswith(('degrees east', 'degree east')):
        return 'columns'
    plain = plain_name(dimension.name)
    for name in (plain, _COUNT_OF.sub('', plain)):
        for role, names in (('rows', _ROWS), ('columns', _COLUMNS), ('bands', _BANDS)):
            if name in names or name.removesuffix('s') in names:
                return role
    return None


def axes_by_names(dimensions: Sequence[Dimension]) -> tuple[int, int, int] | None:
    """Axes of rows, columns and bands of an array of three, if the names of its dimensions define them; else None.

    Two known axes determine the third: layers of a time series are bands. The bands alone determine rows and columns,
    which are in this order.
    """
    roles = [role_of(dimension) for dimension in dimensions]
    known = [role for role in roles if role is not None]
    if known == ['bands'] and len(roles) == 3:
        band_axis = roles.index('bands')
        rows, columns = (axis for axis in range(3) if axis != band_axis)
        return rows, columns, band_axis
    if len(roles) != 3 or len(known) < 2 or len(set(known)) < len(known):
        return None
    missing = {'rows', 'columns', 'bands'}.difference(known)
    roles = [role or missing.pop() for role in roles]
    return roles.index('rows'), roles.index('columns'), roles.index('bands')
