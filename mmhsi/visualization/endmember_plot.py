"""Spectra of endmembers, the estimate beside the truth."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mmhsi.visualization.figure import (
    MARGIN,
    QUIET_COLOUR,
    TEXT_COLOUR,
    TEXT_SIZE,
    TITLE_SIZE,
    Canvas,
    header_height,
    text_width,
    write_header,
)
from mmhsi.visualization.palette import LINES

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _LABEL, _MOST_COLUMNS = 440, 300, 88, 64, 32, 3


def endmember_figure(estimate: np.ndarray,
                     truth: np.ndarray | None = None,
                     names: Sequence[str] = (),
                     wavelengths: Sequence[float] | None = None,
                     title: str = '',
                     subtitle: str = '',
                     notes: Sequence[str] = ()) -> Figure:
    """Draw the spectrum of each endmember in a panel of its own.

    A true spectrum is dashed and brought to the scale of the estimate by least squares, since spectral angles know no
    scale. Between neighbouring bands that are far apart, as around the water bands, the lines are interrupted.

    Args:
        estimate (np.ndarray): (P, C).
        truth (np.ndarray, optional): (P, C) in the same order. Defaults to None.
        names (Sequence[str]): Names of the endmembers. By default they are numbered.
        wavelengths (Sequence[float], optional): (C,) nm. By default the bands are counted from 1.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.
        notes (Sequence[str]): A short text for each endmember, beside its name. Defaults to ().

    Returns:
        Figure: The figure.

    Raises:
        ValueError: If the numbers of spectra, names and notes, or of bands and wavelengths differ.
    """
    count, bands = estimate.shape
    names = names or [f'endmember {number + 1}' for number in range(count)]
    if len(names) != count or (notes and len(notes) != count) or (truth is not None and truth.shape != estimate.shape):
        raise ValueError(f'{count} endmembers need as many names and notes and a truth of their shape, found '
                         f'{len(names)} names, {len(notes)} notes'
                         + ('' if truth is None else f' and a truth of shape {truth.shape}'))
    if wavelengths is not None and len(wavelengths) != bands:
        raise ValueError(f'{bands} bands need as many wavelengths, found {len(wavelengths)}')
    place = np.arange(1., bands + 1) if wavelengths is None else np.asarray(wavelengths, np.float64)
    columns = min(count, _MOST_COLUMNS)
    head = header_height(title, subtitle)
    canvas = Canvas(
        max(MARGIN + columns * (_LEFT + _WIDTH), text_width(title, TITLE_SIZE, 'bold') + MARGIN,
            text_width(subtitle) + MARGIN) + MARGIN,
        2 * MARGIN + head + -(-count // columns) * (_LABEL + _HEIGHT + _BOTTOM))
    write_header(canvas, title, subtitle)
    colour = np.divide(LINES[0], 255)
    for index, spectrum in enumerate(estimate):
        row, column = divmod(index, columns)
        left = MARGIN + column * (_LEFT + _WIDTH) + _LEFT
        top = MARGIN + head + row * (_LABEL + _HEIGHT + _BOTTOM)
        canvas.text(left, top + _LABEL / 2, names[index])
        if notes:
            canvas.text(left + _WIDTH, top + _LABEL / 2, notes[index], colour=QUIET_COLOUR, ha='right')
        axes = canvas.axes(left, top + _LABEL, _WIDTH, _HEIGHT)
        axes.plot(*_interrupted(place, spectrum), color=colour, linewidth=1.6, label='estimate')
        if truth is not None:
            axes.plot(*_interrupted(place, _to_scale(truth[index], spectrum)), color='black', linewidth=1.3,
                      linestyle='--', label='truth')
            axes.legend(fontsize=TEXT_SIZE - 1, frameon=False)
        axes.set_xlim(place.min(), place.max() if bands > 1 else place.max() + 1)
        axes.set_ylim(bottom=min(0, spectrum.min()))
        axes.set_xlabel('band' if wavelengths is None else 'wavelength (nm)')
        axes.grid(color='#e4e4e4', linewidth=.6)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=TEXT_SIZE - 1, color='#b0b0b0', labelcolor=QUIET_COLOUR)
        axes.xaxis.label.set(size=TEXT_SIZE, color=TEXT_COLOUR)
        for spine in axes.spines.values():
            spine.set_color('#b0b0b0')
    return canvas.figure


def _to_scale(spectrum: np.ndarray, model: np.ndarray) -> np.ndarray:
    power = spectrum @ spectrum
    return spectrum * (spectrum @ model / power) if power > 0 else spectrum


def _interrupted(place: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of a line, with NaN where more than five times the median step lies between two."""
    order = np.argsort(place)
    place, values = place[order], np.asarray(values, np.float64)[order]
    steps = np.diff(place)
    gaps = np.flatnonzero(steps > 5 * np.median(steps)) + 1 if len(steps) else []
    return np.insert(place, gaps, np.nan), np.insert(values, gaps, np.nan)
