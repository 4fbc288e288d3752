"""Tables of numbers in text files, below any header lines: cells, column titles and row labels."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

import numpy as np

from .errors import CubeReadError, explained
from .text import read_text

_LARGEST_FILE = 2**28
_MOST_CELLS = 100_000  # cells of a line: more than spectra have bands
_COMMENT = re.compile(r'^(#|%|//|!|;)+')
_NUMBER = re.compile(r'[+-]?(\d+[.]?\d*|[.]\d+)([eEdD][+-]?\d+)?')
_DECIMAL_COMMA = re.compile(r'[+-]?\d*,\d+([eE][+-]?\d+)?')
_SEVERAL_NUMBERS = re.compile(r'[\d.,+-][\d.,+\-eE]*(\s+[\d.,+-][\d.,+\-eE]*)+')
_MISSING = ('nan', 'na', 'n/a', 'inf', '-inf', '+inf', 'null', 'none', '-', '')
# 'instrument: HI 4.0' or 'integration = 17': a header line, not column titles
_KEY_AND_VALUE = re.compile(r'[^:=\t;,]*\w\s*[:=](\s|$)')

# as in the tables of plots of ENVI, whose names may end with a colour: 'Column 2: grass~~2##255,0,0'
_NUMBERED_TITLE = re.compile(r'\s*column +(\d+) *: *([^#~]+)', re.IGNORECASE)
_UNIT_CELL = re.compile(r'[(\[]?(nm|[uµμ]m|nanomet(?:er|re)s?|micromet(?:er|re)s?|microns?|cm-1)[)\]]?', re.IGNORECASE)


@dataclass
class Table:
    """The rows of numbers at the end of a file, and the text before them.

    Args:
        path (str): The file.
        header (list[str]): The lines above.
        titles (list[str], optional): The cells right above the table, if there is one for each column.
        labels (list[list[str]]): Text cells at the beginning of the rows.
        values (np.ndarray): The numbers, (rows, columns).
    """

    path: str
    header: list[str]
    titles: list[str] | None
    labels: list[list[str]]
    values: np.ndarray


def read_table(path: str) -> Table:
    """Read the table of a text file.

    Args:
        path (str): The file.

    Returns:
        Table: The table.

    Raises:
        CubeReadError: If the file is not text, holds no table of numbers, or lacks a value.
    """
    lines, cells = _cells_of_lines(path)
    end = max(index for index, (_, line) in enumerate(lines) if not _COMMENT.match(line)) + 1
    number, last = lines[end - 1][0], cells[end - 1]
    text = [index for index, cell in enumerate(last) if number_of(cell) is None and cell.lower() not in _MISSING]
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
    header = [line for _, line in lines[:start]]
    return Table(
        path,
        header,
        _titles(header, cells[:start], len(last)),
        [row[:offset] for row in cells[start:end]],
        np.array([[number_of(cell) for cell in row[offset:]] for row in cells[start:end]]),
    )


def _titles(header: list[str], cells: list[list[str]], columns: int) -> list[str] | None:
    """The titles of the columns: the row above the table, or the lines that number them ('Column 2: grass')."""
    rows = [
        row
        for line, row in zip(header, cells, strict=True)
        if len(row) == columns and not _KEY_AND_VALUE.match(_bare(line))
    ]
    if not rows or rows[-1] is not cells[-1]:
        listed = {int(match[1]): match[2].strip() for line in header if (match := _NUMBERED_TITLE.match(_bare(line)))}
        return [listed[number] for number in range(1, columns + 1)] if set(listed) == {*range(1, columns + 1)} else None
    if len(rows) > 1 and rows[-2] is cells[-2] and _UNIT_CELL.fullmatch(rows[-1][0]):
        return [f'{rows[-2][0]} ({rows[-1][0].strip("()[]")})', *rows[-2][1:]]  # a row of units below the names
    return rows[-1]


def _check_row(path: str, number: int, row: list[str], offset: int, length: int) -> None:
    if len(row) != length:
        raise CubeReadError(f'{path}: line {number} has {len(row)} values, the last line has {length}')
    for position, cell in enumerate(row[offset:], offset + 1):
        if number_of(cell) is None:
            raise CubeReadError(f'{path}: line {number}: value {position} is {cell!r}, expected a number')


def _continues(cells: list[str], offset: int) -> bool:
    """Whether a line belongs to the table: it has numbers where the last line has numbers, possibly with gaps."""
    numbers = cells[offset:]
    return (
        bool(numbers)
        and any(number_of(cell) is not None for cell in numbers)
        and all(number_of(cell) is not None or cell.lower() in _MISSING for cell in numbers)
    )


def _cells_of_lines(path: str) -> tuple[list[tuple[int, str]], list[list[str]]]:
    """The non-empty lines with their numbers, and the cells of each."""
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


def _bare(line: str) -> str:
    return _COMMENT.sub('', line)


def _cells(line: str, delimiter: str | None) -> list[str]:
    line = _bare(line)
    cells = (
        line.split()
        if delimiter is None
        else [cell.strip() for cell in next(csv.reader([line.strip(' ')], delimiter=delimiter))]
    )
    # a comma inside a cell is a decimal one: it does not separate cells here, or is quoted
    cells = [cell.replace(',', '.') if _DECIMAL_COMMA.fullmatch(cell) else cell for cell in cells]
    return cells[:-1] if len(cells) > 1 and not cells[-1] else cells


def number_of(cell: str) -> float | None:
    """The number in a text cell; None if it holds something else."""
    return float(cell.lower().replace('d', 'e')) if _NUMBER.fullmatch(cell) else None
