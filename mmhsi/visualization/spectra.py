"""Plots of spectra with the water vapour bands shaded: class means, endmembers and others."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmhsi.utils.labels import IGNORE_INDEX
from mmhsi.visualization.figure import (
    MARGIN,
    QUIET_COLOUR,
    TEXT_SIZE,
    TITLE_SIZE,
    Canvas,
    header_height,
    quiet_axes,
    text_width,
    write_header,
)
from mmhsi.visualization.palette import resolve_palette

WATER_BANDS = ((1340.0, 1450.0), (1790.0, 1960.0))
"""Ranges in nm in which water vapour absorbs almost all sunlight; bands there are usually dropped."""

_WATER_COLOUR = '#e3ecf5'
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _LABEL, _MOST_COLUMNS = 440, 300, 96, 64, 32, 4
_LUMINANCE = (0.2126, 0.7152, 0.0722)


def class_spectra(cube: np.ndarray, labels: np.ndarray, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the spectra of each class.

    Args:
        cube (np.ndarray): (..., C) spectra; those with NaN or infinity are ignored.
        labels (np.ndarray): (...) classes 0 .. K - 1, 255 where there is none.
        num_classes (int): Number of classes K.

    Returns:
        tuple[np.ndarray, np.ndarray]: Means and population standard deviations, float64 (K, C) each, NaN for a class
        without a pixel.

    Raises:
        ValueError: If cube and labels differ in size.
    """
    if cube.shape[:-1] != labels.shape:
        raise ValueError(f'a cube of {cube.shape[:-1]} pixels needs as many labels, found {labels.shape}')
    means = np.full((num_classes, cube.shape[-1]), np.nan)
    deviations = means.copy()
    usable = (labels != IGNORE_INDEX) & np.isfinite(cube).all(axis=-1)
    for index in range(num_classes):
        spectra = cube[usable & (labels == index)].astype(np.float64)
        if len(spectra):
            means[index], deviations[index] = spectra.mean(axis=0), spectra.std(axis=0)
    return means, deviations


def spectra_figure(
    spectra: np.ndarray,
    deviations: np.ndarray | None = None,
    names: Sequence[str] = (),
    wavelengths: Sequence[float] | np.ndarray | None = None,
    palette: Sequence | np.ndarray | None = None,
    title: str = '',
    subtitle: str = '',
    notes: Sequence[str] = (),
    ylabel: str = '',
) -> Figure:
    """Draw each spectrum in its own panel on a common scale, with one standard deviation shaded around it.

    The range of all spectra is shaded grey behind it, for comparison.

    Args:
        spectra (np.ndarray): (K, C); rows of NaN have an empty panel.
        deviations (np.ndarray, optional): (K, C). Defaults to None.
        names (Sequence[str]): Names of the spectra. By default they are numbered.
        wavelengths (Sequence[float], optional): (C,) nm. By default the bands are counted from 1.
        palette (Sequence, optional): K RGB colours, 0 .. 255; light ones are darkened. Defaults to those of classes.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.
        notes (Sequence[str]): A short text for each spectrum, beside its name. Defaults to ().
        ylabel (str): What the values are. Defaults to ''.

    Returns:
        Figure: The figure.

    Raises:
        ValueError: If the numbers of spectra, deviations, names, notes and colours, or of bands and wavelengths differ.
    """
    count = len(spectra)
    names = names or [f'spectrum {number + 1}' for number in range(count)]
    if deviations is not None and deviations.shape != spectra.shape:
        raise ValueError(f'spectra of shape {spectra.shape} need deviations of it, found {deviations.shape}')
    canvas, panels = spectra_panels(count, names, notes, title, subtitle, _MOST_COLUMNS)
    place = band_places(spectra.shape[1], wavelengths)
    colours = [_readable(colour) for colour in resolve_palette(palette, count)]
    spread = np.zeros_like(spectra) if deviations is None else deviations
    known = np.isfinite(spectra)
    low, high = (
        np.min(spectra - spread, initial=np.inf, where=known),
        np.max(spectra + spread, initial=-np.inf, where=known),
    )
    lowest = interrupted(place, np.min(spectra, axis=0, initial=np.inf, where=known))
    highest = interrupted(place, np.max(spectra, axis=0, initial=-np.inf, where=known))[1]
    for index, axes in enumerate(panels):
        axes.fill_between(*lowest, highest, color='#ececec', linewidth=0)
        if deviations is not None:
            centre = interrupted(place, spectra[index])
            width = interrupted(place, deviations[index])[1]
            axes.fill_between(
                centre[0], centre[1] - width, centre[1] + width, color=colours[index], alpha=0.25, linewidth=0
            )
        axes.plot(*interrupted(place, spectra[index]), color=colours[index], linewidth=1.8)
        if low < high:
            axes.set_ylim(min(low, 0) if low > -0.1 * high else low, high + 0.03 * (high - low))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        band_axis(axes, place, wavelengths is not None)
        if index % _MOST_COLUMNS:
            axes.tick_params(labelleft=False)  # all panels have the same scale
        else:
            axes.set_ylabel(ylabel)
        if index + _MOST_COLUMNS < count:
            axes.tick_params(labelbottom=False)
            axes.set_xlabel('')
    return canvas.figure


def spectra_panels(
    count: int, names: Sequence[str], notes: Sequence[str], title: str, subtitle: str, most_columns: int
) -> tuple[Canvas, list]:
    """A canvas with axes for each spectrum below its name and note.

    Raises:
        ValueError: If the numbers of spectra, names and notes differ.
    """
    if len(names) != count or (notes and len(notes) != count):
        raise ValueError(f'{count} spectra need as many names and notes, found {len(names)} names, {len(notes)} notes')
    columns = min(count, most_columns)
    head = header_height(title, subtitle)
    canvas = Canvas(
        max(
            MARGIN + columns * (_LEFT + _WIDTH),
            text_width(title, TITLE_SIZE, 'bold') + MARGIN,
            text_width(subtitle) + MARGIN,
        )
        + MARGIN,
        2 * MARGIN + head + -(-count // columns) * (_LABEL + _HEIGHT + _BOTTOM),
    )
    write_header(canvas, title, subtitle)
    panels = []
    for index, name in enumerate(names):
        row, column = divmod(index, columns)
        left = MARGIN + column * (_LEFT + _WIDTH) + _LEFT
        top = MARGIN + head + row * (_LABEL + _HEIGHT + _BOTTOM)
        canvas.text(left, top + _LABEL / 2, name)
        if notes:
            canvas.text(left + _WIDTH, top + _LABEL / 2, notes[index], colour=QUIET_COLOUR, ha='right')
        panels.append(canvas.axes(left, top + _LABEL, _WIDTH, _HEIGHT))
    return canvas, panels


def band_places(bands: int, wavelengths: Sequence[float] | None) -> np.ndarray:
    """Positions of the bands on the axis: wavelengths in nm, else numbers from 1.

    Raises:
        ValueError: If the numbers of bands and wavelengths differ.
    """
    if wavelengths is None:
        return np.arange(1.0, bands + 1)
    if len(wavelengths) != bands:
        raise ValueError(f'{bands} bands need as many wavelengths, found {len(wavelengths)}')
    return np.asarray(wavelengths, np.float64)


def band_axis(axes, place: np.ndarray, wavelengths: bool) -> None:
    """Finish axes of spectra: limits and name of the band axis, and water vapour bands on a wavelength axis.

    Args:
        axes (Axes): Axes of Matplotlib.
        place (np.ndarray): (C,) places of the bands.
        wavelengths (bool): Whether these are wavelengths in nm.
    """
    low, high = place.min(), place.max() if len(place) > 1 else place.max() + 1
    axes.set_xlim(low, high)
    axes.set_xlabel('wavelength (nm)' if wavelengths else 'band')
    quiet_axes(axes)
    for start, end in WATER_BANDS if wavelengths else ():
        if start < high and end > low:
            axes.axvspan(max(start, low), min(end, high), color=_WATER_COLOUR, linewidth=0, zorder=0)
            if end - start > 0.04 * (high - low) and start >= low and end <= high:
                axes.text(
                    (start + end) / 2,
                    0.97,
                    'H$_2$O',
                    transform=axes.get_xaxis_transform(),
                    ha='center',
                    va='top',
                    fontsize=TEXT_SIZE - 2,
                    color=QUIET_COLOUR,
                )


def interrupted(place: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of a line in order of position, with NaN in gaps of more than five median steps."""
    order = np.argsort(place)
    place, values = place[order], np.asarray(values, np.float64)[order]
    steps = np.diff(place)
    gaps = np.flatnonzero(steps > 5 * np.median(steps)) + 1 if len(steps) else []
    return np.insert(place, gaps, np.nan), np.insert(values, gaps, np.nan)


def _readable(colour: Sequence[int]) -> np.ndarray:
    """A colour dark enough for a line on white."""
    colour = np.asarray(colour, float) / 255
    return colour * min(1.0, 0.55 / max(float(np.dot(colour, _LUMINANCE)), 1e-6))
