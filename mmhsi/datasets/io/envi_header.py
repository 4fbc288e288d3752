"""The text header of an ENVI file: its fields and their meaning for the cube."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .errors import CubeReadError
from .text import read_text
from .wavelengths import (
    FWHM_NAMES,
    WAVELENGTH_NAMES,
    Statement,
    name_of_wavelengths,
    parse_numbers,
    plain_name,
    unit_of_name,
)

DTYPES = {1: 'u1', 2: 'i2', 3: 'i4', 4: 'f4', 5: 'f8', 12: 'u2', 13: 'u4', 14: 'i8', 15: 'u8'}
_COMPLEX = (6, 9)
_INTERLEAVES = ('bsq', 'bil', 'bip')
_MOST_BANDS = 100_000  # more than any sensor has; one by one they take minutes
_LARGEST = 2**24  # bytes of a header: 10 000 bands with every list take 1 MB
_NEAR = 200  # number of characters within which a brace may open on the next line
_BRACE = re.compile(r'[{}]')
_FIELD_IN_BRACES = re.compile(r'[ \t]*\n[^\n={}]+=[ \t]*\{')
_COUNTED = ('samples', 'lines', 'bands')
# the fields that define the layout: contradictory values are an error
_LAYOUT = (*_COUNTED, 'data type', 'interleave', 'byte order', 'header offset', 'file compression')

# names of one fact, ENVI's own first
_IGNORED = ('dataignorevalue', 'ignorevalue', 'nodata', 'nodatavalue', 'missingvalue', 'fillvalue')
_FACTORS = ('reflectance scale factor', 'scale factor')
_GAINS = (
    ('data gain values', 'data offset values'),
    ('data reflectance gain values', 'data reflectance offset values'),
)
_BAD_BANDS = ('bbl', 'bad band list')
_UNITS = ('wavelengthunits', 'wavelengthunit')


def parse_header(text: str, path: str) -> dict[str, str]:
    """Fields of an ENVI header.

    Names are in lower case, with single blanks. A value is the rest of the line, or the text between braces, which may
    span many lines and contain pairs of braces. Lines that begin with a semicolon are comments.

    Args:
        text (str): The header.
        path (str): Its file, for messages.

    Returns:
        dict[str, str]: Values without braces, by name.

    Raises:
        CubeReadError: If the text does not begin with ENVI, a brace is not closed, or the layout is stated twice.
    """
    if not text.lstrip().startswith('ENVI'):
        raise CubeReadError(f"{path}: the header does not begin with 'ENVI'")
    fields: dict[str, str] = {}
    position = text.find('\n') + 1 or len(text)
    while position < len(text):
        end = _line_end(text, position)
        equals = text.find('=', position, end)
        name = ' '.join(text[position:equals].lower().split()) if equals >= 0 else ''
        if not name or name.startswith(';') or '{' in name or '}' in name:
            position = end + 1
            continue
        value = text[equals + 1 : end].strip()
        if value.startswith('{') or not value and text[end : end + _NEAR].lstrip().startswith('{'):
            start = text.index('{', equals)
            close = _closing_brace(text, start)
            if close < 0:
                raise CubeReadError(f"{path}: the brace of the field '{name}' is not closed")
            value, end = text[start + 1 : close].strip(), _line_end(text, close)
        if name in _LAYOUT and fields.get(name, value).lower() != value.lower():
            raise CubeReadError(f"{path}: the field '{name}' is stated twice, as {fields[name]!r} and as {value!r}")
        fields[name] = value
        position = end + 1
    return fields


def _closing_brace(text: str, start: int) -> int:
    """Where a value ends: at the brace that closes the first one, else, with unbalanced ones in the text, at the next;
    -1 if there is none."""
    first = text.find('}', start)
    depth, position = 0, start
    while first >= 0 and '{' in text[start + 1 : first]:
        match = _BRACE.search(text, position)
        if match is None:
            break
        depth += 1 if match[0] == '{' else -1
        position = match.end()
        if not depth:
            return match.start()
        if _FIELD_IN_BRACES.match(text, position):  # the next field begins: a brace of the text is never closed
            break
    return first


def _line_end(text: str, position: int) -> int:
    end = text.find('\n', position)
    return len(text) if end < 0 else end


def read_header(path: str) -> dict[str, str]:
    """Fields of the ENVI header in a file; see :func:`parse_header`."""
    return parse_header(read_text(path, _LARGEST, 'an ENVI header'), path)


@dataclass(frozen=True)
class Layout:
    """Layout of the values of an ENVI image.

    Args:
        height (int): Rows.
        width (int): Columns.
        bands (int): Bands.
        dtype (np.dtype): Type of the values, in the byte order of the file.
        interleave (str): 'bsq' (bands, rows, columns), 'bil' (rows, bands, columns) or 'bip' (rows, columns, bands).
        offset (int): Bytes before the first value.
        compressed (bool): Whether the data file is compressed with gzip.
    """

    height: int
    width: int
    bands: int
    dtype: np.dtype
    interleave: str
    offset: int
    compressed: bool

    @property
    def bytes(self) -> int:
        """Bytes from the beginning of the file to the end of the last value."""
        return self.offset + self.height * self.width * self.bands * self.dtype.itemsize


def layout_of(fields: Mapping[str, str], path: str, header: str) -> Layout:
    """The layout from the fields of a header.

    Args:
        fields (Mapping[str, str]): The fields.
        path (str): The data file, for messages.
        header (str): The header file, for messages.

    Returns:
        Layout: The layout.

    Raises:
        CubeReadError: If a field is missing or invalid, or the header does not describe an image of real numbers.
    """
    stated = f'{path}: the header {os.path.basename(header)}'
    if 'spectral library' in fields.get('file type', '').lower():
        raise CubeReadError(
            f'{path}: this is an ENVI spectral library ({fields.get("lines")} spectra of '
            f'{fields.get("samples")} bands), expected an image'
        )
    columns, rows, bands = (_whole_number(fields, name, stated) for name in _COUNTED)
    if not rows * columns * bands:
        raise CubeReadError(f'{stated} describes an empty image of {rows} x {columns} pixels and {bands} bands')
    if bands > _MOST_BANDS:
        raise CubeReadError(f'{stated} describes {bands} bands, more than the {_MOST_BANDS} that are read')
    dtype = _dtype(fields, stated)
    interleave = (fields.get('interleave') or '').lower()
    if not interleave:
        raise CubeReadError(f"{stated} does not state 'interleave'")
    if interleave not in _INTERLEAVES:
        raise CubeReadError(f"{stated} states 'interleave = {interleave}', expected bsq, bil or bip")
    for name in ('major frame offsets', 'minor frame offsets'):
        offsets = parse_numbers(fields.get(name, ''))
        if offsets is None or offsets.any():
            raise CubeReadError(f"{stated} states '{name}' = {fields[name]}: frames around lines or bands are not read")
    return Layout(
        rows,
        columns,
        bands,
        dtype,
        interleave,
        _whole_number(fields, 'header offset', stated, '0'),
        _whole_number(fields, 'file compression', stated, '0') != 0,
    )


def _whole_number(fields: Mapping[str, str], name: str, stated: str, default: str | None = None) -> int:
    value = fields.get(name) or default
    if value is None:  # some programs omit these fields for band-sequential one-byte values
        raise CubeReadError(f"{stated} does not state '{name}'")
    if not re.fullmatch(r'\d{1,18}', value):
        raise CubeReadError(f"{stated} states '{name} = {value[:40]}', expected a whole number")
    return int(value)


def _dtype(fields: Mapping[str, str], stated: str) -> np.dtype:
    code, order = _whole_number(fields, 'data type', stated), _whole_number(fields, 'byte order', stated, '0')
    if code in _COMPLEX:
        raise CubeReadError(f'{stated} describes complex values (data type {code}), expected real numbers')
    if code not in DTYPES or order > 1:
        raise CubeReadError(
            f"{stated} states 'data type = {code}' and 'byte order = {order}', expected one of "
            f'{", ".join(map(str, DTYPES))} and 0 or 1'
        )
    return np.dtype('<>'[order] + DTYPES[code])


class Fields:
    """Information from the fields of an ENVI header on values and bands; unusable statements are listed in ``notes``.

    Args:
        fields (Mapping[str, str]): Fields by name, from :func:`parse_header`.
        bands (int): Number of bands C.
        source (str): Their origin, for messages.
    """

    def __init__(self, fields: Mapping[str, str], bands: int, source: str) -> None:
        self.fields = fields
        self.bands = bands
        self.source = source
        self.notes: list[str] = []

    def _numbers(self, name: str, single: bool = True) -> np.ndarray | None:
        """float64 (C,) of a list with one number for each band, or of one number for all bands."""
        text = self.fields.get(name, '')
        values = parse_numbers(text)
        if values is not None and not len(values):
            return None
        if values is not None and single and len(values) == 1:
            values = np.repeat(values, self.bands)
        if values is None or len(values) != self.bands:
            found = f'{text[:40]!r}' if values is None else f'{len(values)} numbers for {self.bands} bands'
            self.notes.append(f"the field '{name}' of {self.source} holds {found} and is not used")
            return None
        return values

    @property
    def nodata(self) -> float | np.ndarray | None:
        """``data ignore value``, or its name in other software: one number, or (C,) if the bands differ."""
        by_name = {plain_name(name): name for name, value in self.fields.items() if value}
        name = next((by_name[plain] for plain in _IGNORED if plain in by_name), _IGNORED[0])
        values = self._numbers(name)
        return None if values is None else one_number(values)

    @property
    def bad_bands(self) -> np.ndarray | None:
        """``bbl``, the list of 1 for good and 0 for bad bands: bool (C,), True for bad; None if no band is bad."""
        name = next((name for name in _BAD_BANDS if self.fields.get(name)), _BAD_BANDS[0])
        values = self._numbers(name, single=False)
        if values is None:
            return None
        if not np.isin(values, (0, 1)).all() or not values.any():
            what = 'marks every band as bad' if not values.any() else 'holds other numbers than 0 and 1'
            self.notes.append(f"the field '{name}' of {self.source} {what} and is not used")
            return None
        return None if values.all() else values == 0

    @property
    def scale_and_offset(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        """(C,) each, or None: from ``reflectance scale factor``, else ``data gain values`` and ``data offset values``,
        else ``data reflectance gain values`` and ``data reflectance offset values``.

        A factor above 1 divides, as ENVI defines it. Below 1 it would make reflectances of thousands, and multiplies.
        """
        factor_name = next((name for name in _FACTORS if self.fields.get(name)), _FACTORS[0])
        factor = self._numbers(factor_name)
        pairs = [(self._numbers(gain), self._numbers(offset)) for gain, offset in _GAINS]
        pairs = [pair for pair in pairs if any(values is not None for values in pair)]
        gain, offset = pairs[0] if pairs else (None, None)
        if factor is not None:
            with np.errstate(divide='ignore'):
                gain, offset = 1 / factor, None
            if (np.abs(factor) < 1).all() and factor.all():
                self.notes.append(f"values are multiplied by '{factor_name}' = {factor[0]:g} of {self.source}")
                gain = factor
        if len(pairs) + (factor is not None) > 1:
            self.notes.append(
                f"{self.source} states more than one of 'reflectance scale factor', 'data gain values' or 'data offset "
                "values', and 'data reflectance gain values'; the first is applied"
            )
        return checked_scale(gain, offset, self.source, self.notes)

    @property
    def wavelengths(self) -> list[Statement]:
        """The statement on band centres, if there is one."""
        return self._statement(WAVELENGTH_NAMES)

    @property
    def fwhm(self) -> list[Statement]:
        """The statement on widths, if there is one."""
        return self._statement(FWHM_NAMES)

    def _statement(self, wanted: Sequence[str]) -> list[Statement]:
        name = name_of_wavelengths((name for name, value in self.fields.items() if value), wanted)
        if name is None:
            return []
        unit = next((value for name, value in self.fields.items() if plain_name(name) in _UNITS and value), None)
        source = f"the field '{name}' of {self.source}"
        return [Statement(source, self.fields[name], unit_of_name(name) or unit)]

    @property
    def band_names(self) -> tuple[str, ...] | None:
        """``band names``, one for each band."""
        text = self.fields.get('band names', '').strip()
        if not text:
            return None
        names = tuple(' '.join(name.split()) for name in text.rstrip(',').split(','))
        if len(names) != self.bands:
            self.notes.append(
                f"the field 'band names' of {self.source} holds {len(names)} names for {self.bands} "
                'bands and is not used'
            )
            return None
        return names

    @property
    def sensor(self) -> str | None:
        """``sensor type``."""
        name = self.fields.get('sensor type', '').strip()
        return None if name.lower() in ('', 'unknown', 'none') else name

    @property
    def acquired(self) -> str | None:
        """``acquisition time``, or its name in other software, if it is a date in ISO 8601."""
        for name in ('acquisition time', 'acquisition date', 'acquisitiondatetime', 'start time'):
            text = self.fields.get(name, '').strip()
            if re.match(r'\d{4}-\d\d-\d\d', text):
                return text
        return None


def one_number(values: np.ndarray) -> float | np.ndarray:
    """The common number of all bands, or the array (C,)."""
    same = np.array_equal(values, np.full_like(values, values[0]), equal_nan=True)
    return float(values[0]) if same else values


def checked_scale(
    scale: np.ndarray | None, offset: np.ndarray | None, source: str, notes: list[str]
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Scale and offset (C,) as in :class:`CubeInfo`: None for 1 and 0, and, with a note, for invalid values."""
    if scale is not None and not (np.isfinite(scale) & (scale != 0)).all():
        notes.append(
            f'{source} states a scale of {scale[~(np.isfinite(scale) & (scale != 0))][0]:g}, which is not applied'
        )
        return None, None
    if offset is not None and not np.isfinite(offset).all():
        notes.append(f'{source} states an offset that is no number, which is not applied')
        return None, None
    return (
        None if scale is None or (scale == 1).all() else scale,
        None if offset is None or not offset.any() else offset,
    )
