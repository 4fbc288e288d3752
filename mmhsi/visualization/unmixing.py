"""Spectra and abundance maps of endmembers: the estimate, the truth and the difference."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmhsi.visualization.figure import (
    MARGIN,
    QUIET_COLOUR,
    TEXT_SIZE,
    TITLE_SIZE,
    Canvas,
    display_scale,
    header_height,
    text_width,
    write_header,
)
from mmhsi.visualization.palette import LINES, NO_SCORE
from mmhsi.visualization.spectra import band_axis, band_places, interrupted, spectra_panels

_MOST_COLUMNS = 3


def endmember_names(
    estimate: np.ndarray, truth: np.ndarray | None, names: Sequence[str], notes: Sequence[str]
) -> Sequence[str]:
    """Names of endmembers, numbered if none are given.

    Raises:
        ValueError: If estimate (P, ...), truth, names and notes do not fit each other.
    """
    count = len(estimate)
    names = names or [f'endmember {number + 1}' for number in range(count)]
    if len(names) != count or (notes and len(notes) != count) or (truth is not None and truth.shape != estimate.shape):
        raise ValueError(
            f'{count} endmembers need as many names and notes and a truth of their shape, found '
            f'{len(names)} names, {len(notes)} notes'
            + ('' if truth is None else f' and a truth of shape {truth.shape}')
        )
    return names


def endmember_figure(
    estimate: np.ndarray,
    truth: np.ndarray | None = None,
    names: Sequence[str] = (),
    wavelengths: Sequence[float] | np.ndarray | None = None,
    title: str = '',
    subtitle: str = '',
    notes: Sequence[str] = (),
) -> Figure:
    """Draw the spectrum of each endmember in its own panel.

    True spectra are dashed and scaled to the estimate by least squares, since spectral angles do not depend on scale.
    Lines are interrupted between neighbouring bands that are far apart, as around the water bands; on a wavelength axis
    the water bands are shaded.

    Args:
        estimate (np.ndarray): (P, C).
        truth (np.ndarray, optional): (P, C) in the same order. Defaults to None.
        names (Sequence[str]): Names of the endmembers. By default they are numbered.
        wavelengths (Sequence[float], optional): (C,) nm. By default the bands are counted from 1.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.
        notes (Sequence[str]): A short text for each endmember, after its name. Defaults to ().

    Returns:
        Figure: The figure.

    Raises:
        ValueError: If the numbers of spectra, names and notes, or of bands and wavelengths differ.
    """
    count, bands = estimate.shape
    names = endmember_names(estimate, truth, names, notes)
    place = band_places(bands, wavelengths)
    canvas, panels = spectra_panels(count, names, notes, title, subtitle, _MOST_COLUMNS)
    colour = np.divide(LINES[0], 255)
    for index, (axes, spectrum) in enumerate(zip(panels, estimate, strict=True)):
        axes.plot(*interrupted(place, spectrum), color=colour, linewidth=1.6, label='estimate')
        if truth is not None:
            axes.plot(
                *interrupted(place, _to_scale(truth[index], spectrum)),
                color='black',
                linewidth=1.3,
                linestyle='--',
                label='truth',
            )
            axes.legend(fontsize=TEXT_SIZE - 1, frameon=False)
        axes.set_ylim(bottom=min(0, spectrum.min()))
        band_axis(axes, place, wavelengths is not None)
    return canvas.figure


def _to_scale(spectrum: np.ndarray, model: np.ndarray) -> np.ndarray:
    power = spectrum @ spectrum
    return spectrum * (spectrum @ model / power) if power > 0 else spectrum


ABUNDANCE_COLOURS, DIFFERENCE_COLOURS = 'viridis', 'magma'
_PANEL, _GAP, _LABEL, _BAR, _TICKS = 320, 16, 32, 20, 70


def colour_values(values: np.ndarray, limits: tuple[float, float], colours: str = ABUNDANCE_COLOURS) -> np.ndarray:
    """Paint a map of real numbers.

    Args:
        values (np.ndarray): (H, W), NaN where there is none.
        limits (tuple[float, float]): Values at the two ends of the colour map.
        colours (str): Name of a colour map of Matplotlib. Defaults to 'viridis'.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB; ``NO_SCORE`` of :mod:`mmhsi.visualization.palette` where there is no value.
    """
    known = np.isfinite(values)
    image = np.empty((*values.shape, 3), np.uint8)
    image[:] = NO_SCORE
    image[known] = colormaps[colours](Normalize(*limits, clip=True)(values[known]).data, bytes=True)[..., :3]
    return image


def abundance_figure(
    estimate: np.ndarray,
    truth: np.ndarray | None = None,
    names: Sequence[str] = (),
    title: str = '',
    subtitle: str = '',
    notes: Sequence[str] = (),
) -> Figure:
    """Show abundance maps with colour bars.

    With a truth there is a column for each endmember and below each other the estimate, the truth and the absolute
    difference of both; without, the estimates alone.

    Args:
        estimate (np.ndarray): (P, H, W) in 0 .. 1, NaN where there is none.
        truth (np.ndarray, optional): (P, H, W) in the same order. Defaults to None.
        names (Sequence[str]): Names of the endmembers. By default they are numbered.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.
        notes (Sequence[str]): A short text for each endmember, below its maps. Defaults to ().

    Returns:
        Figure: The figure. The differences are shown from 0 to the largest of all.

    Raises:
        ValueError: If the numbers of maps, names and notes differ.
    """
    count = len(estimate)
    names = endmember_names(estimate, truth, names, notes)
    rows = [('estimate', estimate, (0.0, 1.0), ABUNDANCE_COLOURS)]
    if truth is not None:
        difference = np.abs(estimate - truth)
        largest = float(np.nanmax(difference)) if np.isfinite(difference).any() else 0.0
        rows += [
            ('truth', truth, (0.0, 1.0), ABUNDANCE_COLOURS),
            ('difference', difference, (0.0, max(largest, 1e-3)), DIFFERENCE_COLOURS),
        ]
    scale = display_scale(*estimate.shape[1:], target=_PANEL, limit=2 * _PANEL)
    height, width = (round(length * scale) for length in estimate.shape[1:])
    across = max(width, *(text_width(text) for text in (*names, *notes)))
    left = MARGIN + max(text_width(label) for label, *_ in rows) + _GAP
    head = header_height(title, subtitle)
    down = len(rows) * (height + _GAP)
    canvas = Canvas(
        max(
            left + count * (across + _GAP) + _BAR + _TICKS,
            text_width(title, TITLE_SIZE, 'bold') + MARGIN,
            text_width(subtitle) + MARGIN,
        )
        + MARGIN,
        2 * MARGIN + head + _LABEL + down + (_LABEL if notes else 0),
    )
    write_header(canvas, title, subtitle)
    top = MARGIN + head
    for column, name in enumerate(names):
        canvas.text(left + column * (across + _GAP), top + _LABEL / 2, name)
    top += _LABEL
    for label, maps, limits, colours in rows:
        canvas.text(MARGIN, top + height / 2, label, colour=QUIET_COLOUR)
        for column, values in enumerate(maps):
            axes = canvas.axes(left + column * (across + _GAP), top, width, height)
            axes.imshow(
                colour_values(values, limits, colours),
                aspect='auto',
                interpolation='nearest' if scale >= 1 else 'antialiased',
            )
            axes.set_axis_off()
        bar = canvas.figure.colorbar(
            ScalarMappable(Normalize(*limits), colours),
            cax=canvas.axes(left + count * (across + _GAP), top, _BAR, height),
            ticks=MaxNLocator(5),
            format='%g',
        )
        bar.ax.tick_params(labelsize=TEXT_SIZE - 1, color=QUIET_COLOUR, labelcolor=QUIET_COLOUR)
        bar.outline.set_edgecolor('#b0b0b0')
        top += height + _GAP
    for column, note in enumerate(notes):
        canvas.text(left + column * (across + _GAP), top + _LABEL / 2 - _GAP / 2, note, colour=QUIET_COLOUR)
    return canvas.figure
