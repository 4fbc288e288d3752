"""Spectra in text files: finding them and their wavelengths in the rows or columns of a table.

The table must make clear what a spectrum is: by wavelengths next to or above the values, or because there is only one
spectrum. Otherwise the user has to say so.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace

import numpy as np

from .errors import CubeReadError
from .spectral_library import SpectralLibrary, number_names, to_nanometres
from .text_tables import Table, number_of, read_table

_FEWEST_BANDS = 2
# files of Spectra Vista's spectrometers: wavelength in nm, radiance of reference and target, reflectance in percent
_SVC, _SVC_COLUMNS = '/*** Spectra Vista', 4
# files of Spectral Evolution's, above whose table stand 'Columns [N]:' and 'Data:': the reflectance among the columns
_SED, _SED_REFLECTANCE = re.compile(r'columns *\[\d+\]', re.IGNORECASE), re.compile(r'reflect|tgt\./ref', re.IGNORECASE)
_WAVELENGTH = re.compile(
    r'wave|wvl|^wl|lambda|wellenl|longueur|longitud de onda|波长|波長|^(nm|um|µm|μm)$|[(\[](nm|um|µm|μm)[)\]]'
)
_BAND_NUMBER = re.compile(r'^(band|bands|channel|index|no|nr|number|id)?\.?$')
_UNIT = re.compile(
    r'(?<![a-zµμ])(nm|nanomet(?:er|re)s?|[uµμ]m|micromet(?:er|re)s?|microns?|angstroms?|cm-1|cm\^-1|'
    r'wavenumbers?)(?![a-z])'
)
# titles of bands: wavelengths as 'X423.03' (R) or '423.03 nm', or numbers as 'B3' or 'band 3'
_BAND_TITLE = re.compile(r'x?(?P<wavelength>\d+(?:[.]\d+)?)\s*(?:nm|um|µm|μm)?|b(?:and)?[ _.-]?\d+', re.IGNORECASE)
# labels before the wavelengths of a table with one spectrum per row
_NAME_TITLE = re.compile(
    r'(x|name|names|id|class|classes|label|labels|species|material|sample|spectrum|spectra)?', re.IGNORECASE
)


def read_text_spectra(path: str, layout: str, unit: str | None) -> SpectralLibrary:
    """Read the spectra of a text file; see :func:`mmhsi.datasets.io.spectra.read_spectra`.

    Args:
        path (str): The file.
        layout (str): 'auto', 'rows' or 'columns'.
        unit (str, optional): Unit of the wavelengths.

    Returns:
        SpectralLibrary: The spectra.

    Raises:
        CubeReadError: If the file is not text, holds no table of numbers, lacks a value, or is ambiguous.
    """
    table = read_table(path)
    if any(line.startswith(_SVC) for line in table.header[:3]) and table.values.shape[1] == _SVC_COLUMNS:
        reflectance = table.values[:, 3] / 100
        return SpectralLibrary((_name_of_file(table),), reflectance[None], table.values[:, 0], None, path)
    if any(map(_SED.match, table.header)):
        table = _reflectance_alone(table)
    chosen = _layout_of(table) if layout == 'auto' else layout
    if chosen == 'columns' and table.labels[0]:
        raise CubeReadError(f'{path}: rows begin with names, as {table.labels[-1][0]!r}; a spectrum is a row then')
    names, values, wavelengths, fwhm, stated = (_from_rows if chosen == 'rows' else _from_columns)(table)
    if values.shape[1] < _FEWEST_BANDS:
        raise CubeReadError(f'{path}: line and column give a spectrum of one band, expected a table of spectra')
    if layout == 'auto' and wavelengths is None and len(values) > 1 and not _titles_number_bands(table):
        raise _unclear(table, names[0], values, chosen)
    if not any(names):
        names = number_names(len(values)) if len(values) > 1 else (_name_of_file(table),)
    if wavelengths is not None:
        wavelengths, fwhm = to_nanometres(path, wavelengths, fwhm, stated, unit)
    return SpectralLibrary(names, values, wavelengths, fwhm, path)


def _reflectance_alone(table: Table) -> Table:
    """The columns of wavelengths and reflectance of a spectrometer's file, as a fraction; all without reflectance."""
    titles = table.titles or []
    found = next((index for index, title in enumerate(titles) if _SED_REFLECTANCE.search(title)), None)
    axis = next((index for index, title in enumerate(titles) if _WAVELENGTH.search(title.lower())), None)
    if found is None or axis is None:
        return table
    values = table.values[:, [axis, found]] / [1, 100 if '%' in titles[found] else 1]
    return replace(table, titles=[titles[axis], _name_of_file(table)], values=values)


def _unclear(table: Table, name: str, values: np.ndarray, layout: str) -> CubeReadError:
    line = layout[:-1]  # a row or a column
    suspect = (
        f" (the {line} {name!r} rises or falls as wavelengths do; title it 'wavelength' if it holds them)"
        if _is_axis(values[0])
        else ''
    )
    return CubeReadError(
        f'{table.path}: the table of {len(values)} {layout} states no wavelengths{suspect}, and it is not known '
        "whether it holds spectra; say layout='rows' or 'columns' if it does"
    )


def _name_of_file(table: Table) -> str:
    stated = [
        re.split('[:=]', line, maxsplit=1)[1].strip() for line in table.header if re.match('name *[:=]', line.lower())
    ]
    return stated[0] if stated else os.path.splitext(os.path.basename(table.path))[0]


def _titles_number_bands(table: Table) -> bool:
    return table.titles is not None and None not in [_band(title) for title in table.titles[1:]]


def _layout_of(table: Table) -> str:
    """'rows' or 'columns', judging by names before the rows, titles above the columns, or an axis of wavelengths."""
    rows, columns = table.values.shape
    titles = table.titles or []
    if table.labels[0]:
        return 'rows'
    if columns == 1 or any(_WAVELENGTH.search(title.lower()) for title in titles):
        return 'columns'
    if any(number_of(title) is None for title in titles):
        bands = [_band(title) for title in titles[1:]]
        if None not in bands and not _is_count(np.array(bands)):
            return 'rows'
    elif rows == 1:
        return 'rows'
    down = _is_axis(table.values[:, 0]) or (columns == 2 and _is_count(table.values[:, 0]))
    across = _is_axis(table.values[0]) or (rows == 2 and _is_count(table.values[0]))
    if down == across:
        raise CubeReadError(
            f'{table.path}: a table of {rows} x {columns} numbers, and it is not known whether a spectrum is a row or '
            "a column; say layout='rows' or 'columns'"
        )
    return 'rows' if across else 'columns'


def _from_columns(table: Table) -> tuple:
    """Names, values (n, C), wavelengths and widths (C,) or None, and the unit that the file states."""
    values = table.values
    titles = [''] * values.shape[1] if table.titles is None else table.titles
    lower = [title.lower() for title in titles]
    axis = next((index for index, title in enumerate(lower) if _WAVELENGTH.search(title)), None)
    # R writes no title, or an x, above the names of rows
    if axis is None and values.shape[1] > 1 and lower[0] in ('', 'x') and _is_axis(values[:, 0]):
        axis = 0
    width = next((index for index, title in enumerate(lower) if 'fwhm' in title), None)
    left_out = {axis, width}
    if values.shape[1] > 1 and _is_count(values[:, 0]) and _BAND_NUMBER.match(lower[0]):
        left_out.add(0)
    spectra = [index for index in range(values.shape[1]) if index not in left_out]
    if not spectra:
        raise CubeReadError(f'{table.path}: the table has wavelengths but no values')
    stated = None if axis is None else _stated_unit([lower[axis], *map(str.lower, table.header)])
    wavelengths, fwhm = (None if index is None else values[:, index] for index in (axis, width))
    return tuple(titles[index] for index in spectra), values[:, spectra].T, wavelengths, fwhm, stated


def _from_rows(table: Table) -> tuple:
    """Like :func:`_from_columns`."""
    values, labels, titles = table.values, table.labels, table.titles
    if not labels[0] and values.shape[1] > 2 and _first_column_counts(values, titles):
        values = values[:, 1:]
    wavelengths = _titled_wavelengths(table.path, titles, values.shape[1])
    if wavelengths is None and len(values) > 1:
        label = ' '.join(labels[0])
        named = all(map(_NAME_TITLE.fullmatch, labels[0])) if labels[0] else _is_axis(values[0])
        if named or _WAVELENGTH.search(label.lower()):
            wavelengths, values, labels = values[0], values[1:], labels[1:]
        elif _is_count(values[0]) and _BAND_NUMBER.match(label.lower()):
            values, labels = values[1:], labels[1:]
    if wavelengths is not None and _is_count(wavelengths):
        wavelengths = None
    # a number before the name counts the rows
    names = tuple(' '.join(cell for cell in row if number_of(cell) is None) for row in labels)
    texts = [' '.join(titles or ()).lower(), ' '.join(table.labels[0]).lower(), *map(str.lower, table.header)]
    return names, values, wavelengths, None, _stated_unit(texts)


def _first_column_counts(values: np.ndarray, titles: list[str] | None) -> bool:
    """Whether the first column numbers the rows and is not a band."""
    if titles is None:
        return _is_count(values[:, 0])
    return _band(titles[0]) is None and _band(titles[1]) is not None


def _titled_wavelengths(path: str, titles: list[str] | None, width: int) -> np.ndarray | None:
    titles = [] if titles is None else titles[-width:]
    bands = [_band(title) for title in titles]
    if None in bands and any(band is not None for band in bands):
        odd = titles[bands.index(None)]
        raise CubeReadError(f'{path}: the column {odd!r} is among the bands but, by its title, is not one; remove it')
    wavelengths = np.array(bands, np.float64)
    return wavelengths if bands and np.isfinite(wavelengths).all() and None not in bands else None


def _stated_unit(texts: list[str]) -> str | None:
    """The unit in the title of the wavelengths, else in a header line about them."""
    for position, text in enumerate(texts):
        if position == 0 or _WAVELENGTH.search(text) or 'x unit' in text:
            match = _UNIT.search(text)
            if match:
                return match[1]
    return None


def _is_axis(values: np.ndarray) -> bool:
    """Whether numbers look like wavelengths: with one unit, and nearly all ascending or nearly all descending.

    With overlapping detectors, a few wavelengths decrease where the next detector begins.
    """
    if len(values) < 3 or not (values > 0).all() or _is_count(values):
        return False
    one_unit = (values[0] >= 0.1 and values.min() >= 0.1 and values.max() <= 100) or (
        values.min() >= 100 and values.max() <= 1e5
    )
    return bool(one_unit) and abs(np.sign(np.diff(values)).mean()) >= 0.9


def _is_count(values: np.ndarray) -> bool:
    return len(values) > 2 and values[0] in (0, 1) and bool((np.diff(values) == 1).all())


def _band(title: str) -> float | None:
    """Wavelength stated in the title of a band, NaN if it numbers the band, None if it is not the title of a band."""
    match = _BAND_TITLE.fullmatch(title)
    return None if match is None else float(match['wavelength'] or 'nan')
