"""Spectra of endmembers: estimate and ground truth."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mmhsi.visualization.figure import TEXT_SIZE
from mmhsi.visualization.palette import LINES
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
