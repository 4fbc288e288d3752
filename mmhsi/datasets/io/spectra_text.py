"""Spectra in text files: tables with one spectrum per column or per row, under any lines of header.

What is a spectrum has to be said by the table: by wavelengths beside or above the values, or because there is one
spectrum alone. Anything else is asked for.
"""

from __future__ import annotations

import csv
import logging
import os
import re
from dataclasses import dataclass

import numpy as np
from mmengine.logging import print_log

from .errors import CubeReadError, explained
from .spectral_library import SpectralLibrary, number_names
from .text import read_text
from .wavelengths import Statement, in_nanometres, nanometres_per_unit, usable

_LARGEST_FILE = 2**28
_FEWEST_BANDS = 2
_MOST_CELLS = 100_000  # of a line: more than spectra have bands
_COMMENT = re.compile(r'^(#|%|//|!|;)+')
_NUMBER = re.compile(r'[+-]?(\d+[.]?\d*|[.]\d+)([eEdD][+-]?\d+)?')
_DECIMAL_COMMA = re.compile(r'[+-]?\d*,\d+([eE][+-]?\d+)?')
_SEVERAL_NUMBERS = re.compile(r'[\d.,+-][\d.,+\-eE]*(\s+[\d.,+-][\d.,+\-eE]*)+')
_MISSING = ('nan', 'na', 'n/a', 'inf', '-inf', '+inf', 'null', 'none', '-', '')
_WAVELENGTH = re.compile(r'wave|wvl|^wl|lambda|^(nm|um|µm|μm)$')
_BAND_NUMBER = re.compile(r'^(band|bands|channel|index|no|nr|number|id)?\.?$')
_UNIT = re.compile(
    r'(?<![a-zµμ])(nm|nanomet(?:er|re)s?|[uµμ]m|micromet(?:er|re)s?|microns?|angstroms?|cm-1|cm\^-1|'
    r'wavenumbers?)(?![a-z])'
)
# titles of bands: wavelengths as 'X423.03' (R) or '423.03 nm', or numbers as 'B3' or 'band 3'
_BAND_TITLE = re.compile(r'x?(?P<wavelength>\d+(?:[.]\d+)?)\s*(?:nm|um|µm|μm)?|b(?:and)?[ _.-]?\d+', re.IGNORECASE)
# what stands before the wavelengths of a table with one spectrum per row
_NAME_TITLE = re.compile(
    r'(x|name|names|id|class|classes|label|labels|species|material|sample|spectrum|spectra)?', re.IGNORECASE
)


@dataclass
class _Table:
    """The rows of numbers at the end of a file, and what stands before them.

    Args:
        path (str): The file.
        header (list[str]): The lines above.
        titles (list[str], optional): The cells right above the table, if they are as many as its columns.
        labels (list[list[str]]): Cells of text that the rows begin with.
        values (np.ndarray): The numbers, (rows, columns).
    """

    path: str
    header: list[str]
    titles: list[str] | None
    labels: list[list[str]]
    values: np.ndarray

    def unclear(self, what: str, advice: str) -> CubeReadError:
        return CubeReadError(f'{self.path}: {what}, and it is not known whether {advice}')


def read_text_spectra(path: str, layout: str, unit: str | None) -> SpectralLibrary:
    """Read the spectra of a text file; see :func:`mmhsi.datasets.io.spectra.read_spectra`.

    Args:
        path (str): The file.
        layout (str): 'auto', 'rows' or 'columns'.
        unit (str, optional): Unit of the wavelengths.

    Returns:
        SpectralLibrary: The spectra.

    Raises:
        CubeReadError: If the file is no text, holds no table of numbers, lacks a value, or may be read in two ways.
    """
    table = _table(path, *_cells_of_lines(path))
    named_rows = bool(table.labels[0])
    if named_rows and layout == 'columns':
        raise CubeReadError(f'{path}: rows begin with names, as {table.labels[-1][0]!r}; a spectrum is a row then')
    rows = layout == 'rows' or named_rows or (layout == 'auto' and _are_rows(table))
    library = (_from_rows if rows else _from_columns)(table, unit, layout == 'auto')
    if layout == 'auto' and library.wavelengths is None and len(library) > 1 and not _titles_number_bands(table):
        raise table.unclear(
            f'the table of {len(library)} x {library.values.shape[1]} numbers states no wavelengths',
            "it holds spectra; say layout='rows' or 'columns' if it does",
        )
    if library.values.shape[1] < _FEWEST_BANDS:
        raise CubeReadError(f'{path}: line and column give a spectrum of one band, expected a table of spectra')
    return library


def _titles_number_bands(table: _Table) -> bool:
    return table.titles is not None and None not in [_band(title) for title in table.titles[1:]]


def _cells_of_lines(path: str) -> tuple[list[tuple[int, str]], list[list[str]]]:
    """The numbered lines that are not empty, and the cells of each."""
    text = read_text(path, _LARGEST_FILE, 'a table of spectra')
    if '\0' in text:
        raise CubeReadError(
            f'{path}: this is neither a text file nor an ENVI spectral library with its header (.hdr), '
            'a .mat, .npy or .asd file'
        )
    lines = [(number, line.strip(' \f')) for number, line in enumerate(text.split('\n'), 1) if line.strip()]
    data = [line for _, line in lines if not _COMMENT.match(line)]
    if not data:
        raise CubeReadError(f'{path}: the file holds no numbers')
    for number, line in lines:
        if len(line) > _MOST_CELLS and max(map(line.count, '\t;, ')) > _MOST_CELLS:
            raise CubeReadError(f'{path}: line {number} has more than {_MOST_CELLS} cells, expected a table of spectra')
    with explained(path):
        delimiter = next(
            (
                mark
                for mark in '\t;,'
                if mark in data[-1] and not any(map(_SEVERAL_NUMBERS.fullmatch, _cells(data[-1], mark)))
            ),
            None,
        )
        return lines, [_cells(line, delimiter) for _, line in lines]


def _cells(line: str, delimiter: str | None) -> list[str]:
    line = _COMMENT.sub('', line)
    cells = (
        line.split()
        if delimiter is None
        else [cell.strip() for cell in next(csv.reader([line.strip(' ')], delimiter=delimiter))]
    )
    # a comma inside a cell is a decimal one: it parts no cells here, or stands between quotation marks
    cells = [cell.replace(',', '.') if _DECIMAL_COMMA.fullmatch(cell) else cell for cell in cells]
    return cells[:-1] if len(cells) > 1 and not cells[-1] else cells


def _number(cell: str) -> float | None:
    return float(cell.lower().replace('d', 'e')) if _NUMBER.fullmatch(cell) else None


def _table(path: str, lines: list[tuple[int, str]], cells: list[list[str]]) -> _Table:
    end = max(index for index, (_, line) in enumerate(lines) if not _COMMENT.match(line)) + 1
    number, last = lines[end - 1][0], cells[end - 1]
    text = [index for index, cell in enumerate(last) if _number(cell) is None and cell.lower() not in _MISSING]
    offset = text[-1] + 1 if text else 0
    if offset == len(last):
        raise CubeReadError(f'{path}: line {number} ends with the text {last[-1]!r}, expected a table of numbers')
    start = end
    while start and not _COMMENT.match(lines[start - 1][1]) and _continues(cells[start - 1], offset):
        start -= 1
    if start == end:
        raise CubeReadError(f'{path}: line {number} holds no number, expected a table of numbers')
    for (number, _), row in zip(lines[start:end], cells[start:end], strict=True):
        _check_row(path, number, row, offset, len(last))
    titles = cells[start - 1] if start and len(cells[start - 1]) == len(last) else None
    return _Table(
        path,
        [line for _, line in lines[:start]],
        titles,
        [row[:offset] for row in cells[start:end]],
        np.array([[_number(cell) for cell in row[offset:]] for row in cells[start:end]]),
    )


def _check_row(path: str, number: int, row: list[str], offset: int, length: int) -> None:
    if len(row) != length:
        raise CubeReadError(f'{path}: line {number} has {len(row)} values, the last line has {length}')
    for position, cell in enumerate(row[offset:], offset + 1):
        if _number(cell) is None:
            raise CubeReadError(f'{path}: line {number}: value {position} is {cell!r}, expected a number')


def _continues(cells: list[str], offset: int) -> bool:
    """Whether a line belongs to the table: numbers where the last line has numbers, if some are missing."""
    numbers = cells[offset:]
    return (
        bool(numbers)
        and any(_number(cell) is not None for cell in numbers)
        and all(_number(cell) is not None or cell.lower() in _MISSING for cell in numbers)
    )


def _is_axis(values: np.ndarray) -> bool:
    """Whether numbers look like wavelengths: of one unit, and nearly all rising or nearly all falling.

    Detectors that overlap let a few wavelengths fall where the next detector begins.
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
    """Wavelength that the title of a band states, NaN if it numbers the band, None if it is no title of a band."""
    match = _BAND_TITLE.fullmatch(title)
    return None if match is None else float(match['wavelength'] or 'nan')


def _are_rows(table: _Table) -> bool:
    """Whether a table without names before its rows has one spectrum per row."""
    rows, columns = table.values.shape
    if columns == 1:
        return False
    titles = table.titles or []
    if any(_WAVELENGTH.search(title.lower()) for title in titles):
        return False
    if any(_number(title) is None for title in titles):
        bands = [_band(title) for title in titles[1:]]
        if None not in bands and not _is_count(np.array(bands)):
            return True
    elif rows == 1:
        return True
    down = _is_axis(table.values[:, 0]) or (columns == 2 and _is_count(table.values[:, 0]))
    across = _is_axis(table.values[0]) or (rows == 2 and _is_count(table.values[0]))
    if down == across:
        raise table.unclear(
            f'a table of {rows} x {columns} numbers', "a spectrum is a row or a column; say layout='rows' or 'columns'"
        )
    return across


def _from_columns(table: _Table, unit: str | None, auto: bool) -> SpectralLibrary:
    values = table.values
    titles = [''] * values.shape[1] if table.titles is None else table.titles
    lower = [title.lower() for title in titles]
    axis = next((index for index, title in enumerate(lower) if _WAVELENGTH.search(title)), None)
    if axis is None and values.shape[1] > 1 and _is_axis(values[:, 0]):
        if lower[0] in ('', 'x'):
            axis = 0
        elif auto:
            raise table.unclear(
                f'the column {titles[0]!r} rises or falls as wavelengths do',
                "it holds them; title it 'wavelength' if it does, say layout='columns' if it is a spectrum",
            )
    width = next((index for index, title in enumerate(lower) if 'fwhm' in title), None)
    left_out = {axis, width}
    if values.shape[1] > 1 and _is_count(values[:, 0]) and _BAND_NUMBER.match(lower[0]):
        left_out.add(0)
    spectra = [index for index in range(values.shape[1]) if index not in left_out]
    if not spectra:
        raise CubeReadError(f'{table.path}: the table has wavelengths but no values')
    names = tuple(titles[index] for index in spectra)
    stated = None if axis is None else _stated_unit([lower[axis], *map(str.lower, table.header)])
    return _library(
        table,
        names,
        values[:, spectra].T,
        None if axis is None else values[:, axis],
        None if width is None else values[:, width],
        stated,
        unit,
    )


def _from_rows(table: _Table, unit: str | None, auto: bool) -> SpectralLibrary:
    values, labels, titles = table.values, table.labels, table.titles
    # a column that counts the rows is no band
    counted = (
        not labels[0]
        and values.shape[1] > 2
        and (_is_count(values[:, 0]) if titles is None else _band(titles[0]) is None and _band(titles[1]) is not None)
    )
    if counted:
        values = values[:, 1:]
    wavelengths = _titled_wavelengths(table.path, titles, values.shape[1])
    if wavelengths is None and len(values) > 1:
        label = ' '.join(labels[0])
        if (
            _WAVELENGTH.search(label.lower())
            or (labels[0] and all(map(_NAME_TITLE.fullmatch, labels[0])))
            or (not labels[0] and _is_axis(values[0]))
        ):
            wavelengths, values, labels = values[0], values[1:], labels[1:]
        elif _is_count(values[0]) and _BAND_NUMBER.match(label.lower()):
            values, labels = values[1:], labels[1:]
        elif auto and _is_axis(values[0]):
            raise table.unclear(
                f'the row {label!r} rises or falls as wavelengths do',
                "it holds them; name it 'wavelength' if it does, say layout='rows' if it is a spectrum",
            )
    if wavelengths is not None and _is_count(wavelengths):
        wavelengths = None
    # a number before the name counts the rows
    names = tuple(' '.join(cell for cell in row if _number(cell) is None) for row in labels)
    texts = [' '.join(titles or ()).lower(), ' '.join(table.labels[0]).lower(), *map(str.lower, table.header)]
    return _library(table, names, values, wavelengths, None, _stated_unit(texts), unit)


def _titled_wavelengths(path: str, titles: list[str] | None, width: int) -> np.ndarray | None:
    titles = [] if titles is None else titles[-width:]
    bands = [_band(title) for title in titles]
    if None in bands and any(band is not None for band in bands):
        odd = titles[bands.index(None)]
        raise CubeReadError(f'{path}: the column {odd!r} stands among bands and is none by its title; remove it')
    wavelengths = np.array(bands, np.float64)
    return wavelengths if bands and np.isfinite(wavelengths).all() and None not in bands else None


def _stated_unit(texts: list[str]) -> str | None:
    """The unit in the title of the wavelengths, else in a line of header about them."""
    for position, text in enumerate(texts):
        if position == 0 or _WAVELENGTH.search(text) or 'x unit' in text:
            match = _UNIT.search(text)
            if match:
                return match[1]
    return None


def _library(
    table: _Table,
    names: tuple[str, ...],
    values: np.ndarray,
    wavelengths: np.ndarray | None,
    fwhm: np.ndarray | None,
    unit: str | None,
    given: str | None,
) -> SpectralLibrary:
    """The library; ``given`` is the unit as the user states it, ``unit`` as the file does."""
    path = table.path
    if not any(names):
        stated = [line.partition(':')[2].strip() for line in table.header if line.lower().startswith('name:')]
        single = stated[0] if stated else os.path.splitext(os.path.basename(path))[0]
        names = (single,) if len(values) == 1 else number_names(len(values))
    if wavelengths is not None:
        wavelengths, fwhm = to_nanometres(path, wavelengths, fwhm, unit, given)
    return SpectralLibrary(names, values, wavelengths, fwhm, path)


def to_nanometres(
    path: str, wavelengths: np.ndarray, fwhm: np.ndarray | None, unit: str | None, given: str | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Wavelengths and widths in nm.

    The unit that the user gives counts as it is. That of the file is put right, with a line in the log, if it cannot
    be.

    Args:
        path (str): The file, for messages.
        wavelengths (np.ndarray): The wavelengths (C,).
        fwhm (np.ndarray, optional): The widths (C,).
        unit (str, optional): The unit as the file states it.
        given (str, optional): The unit as the user states it.

    Returns:
        tuple: Both in nm.

    Raises:
        CubeReadError: If the unit is no length, or the values are no wavelengths.
    """
    size = nanometres_per_unit(given or unit, wavelengths)
    if size is None:
        raise CubeReadError(f'{path}: the unit {given or unit!r} of the wavelengths is not known, expected a length')
    if given or not usable(wavelengths, len(wavelengths)):
        return wavelengths * size, None if fwhm is None else fwhm * size
    centres, widths, notes = in_nanometres(
        [Statement('the wavelengths', wavelengths, unit)],
        [] if fwhm is None else [Statement('the widths', fwhm)],
        len(wavelengths),
    )
    if centres is None:
        raise CubeReadError(f'{path}: {notes[0]}; give their unit, if they are wavelengths')
    for note in notes:
        print_log(f'{path}: {note}', 'current', logging.WARNING)
    return centres, widths
