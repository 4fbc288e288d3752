"""Interpreting attributes and dimension names of arrays in HDF5 and netCDF files.

The Climate and Forecast conventions (CF 1.11: ``_FillValue``, ``scale_factor``, ``add_offset``, ``units``, dimensions
with coordinates), and the names that airborne and spaceborne products use instead.
"""

from __future__ import annotations

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
_ROWS = (
    'y',
    'yc',
    'ydim',
    'lat',
    'latitude',
    'row',
    'rows',
    'nrows',
    'numrows',
    'line',
    'lines',
    'nlines',
    'numlines',
    'northing',
    'downtrack',
    'alongtrack',
    'height',
    'scan',
    'scans',
    'scanline',
    'scanlines',
    'frame',
    'frames',
)
_COLUMNS = (
    'x',
    'xc',
    'xdim',
    'lon',
    'longitude',
    'col',
    'cols',
    'column',
    'columns',
    'ncols',
    'numcols',
    'sample',
    'samples',
    'nsamples',
    'numsamples',
    'easting',
    'crosstrack',
    'acrosstrack',
    'width',
    'pixel',
    'pixels',
)
_BANDS = (
    'band',
    'bands',
    'nbands',
    'numbands',
    'bandnumber',
    'channel',
    'channels',
    'spectral',
    'spectralband',
    'spectralbands',
    'wave',
    'frequency',
    *WAVELENGTH_NAMES,
)
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


def nodata_of(attributes: Mapping[str, Any], bands: int, notes: list[str]) -> float | np.ndarray | None:
    """The stored value of pixels without data, from the first attribute that states it."""
    stated = {name: plain_name(name) for name in attributes}
    found = []
    for wanted in _NODATA:
        found += [name for name, plain in stated.items() if plain == plain_name(wanted)]
    read = {name: _numbers(attributes, name, bands) for name in found}
    values = {name: numbers for name, numbers in read.items() if numbers is not None}
    if not values:
        return None
    first, numbers = next(iter(values.items()))
    for name, others in values.items():
        if not np.array_equal(numbers, others, equal_nan=True):
            notes.append(
                f'{first!r} and {name!r} state different values without data ({numbers[0]:g} and '
                f'{others[0]:g}); the former is masked'
            )
    return float(numbers[0]) if np.array_equal(numbers, np.repeat(numbers[0], bands), equal_nan=True) else numbers


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

    ``scale_factor`` of the CF conventions multiplies. By any other name (``Scale_Factor`` of NEON,
    ``reflectance scale factor`` of ENVI) a number above 1 is the factor by which reflectances were multiplied, and
    divides.
    """
    scale = _numbers(attributes, 'scale_factor', bands)
    offset = _numbers(attributes, 'add_offset', bands)
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
    name = plain_name(dimension.name)
    for role, names in (('rows', _ROWS), ('columns', _COLUMNS), ('bands', _BANDS)):
        if name in names:
            return role
    return None


def axes_by_names(dimensions: Sequence[Dimension]) -> tuple[int, int, int] | None:
    """Axes of rows, columns and bands of an array of three, if the names of its dimensions define them; else None.

    Two known axes determine the third: layers of a time series are bands.
    """
    roles = [role_of(dimension) for dimension in dimensions]
    known = [role for role in roles if role is not None]
    if len(roles) != 3 or len(known) < 2 or len(set(known)) < len(known):
        return None
    missing = {'rows', 'columns', 'bands'}.difference(known)
    roles = [role or missing.pop() for role in roles]
    return roles.index('rows'), roles.index('columns'), roles.index('bands')
