"""Pictures of restored images: panels with a common stretch, error maps, PSNR of the bands."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mmhsi.visualization.false_colour import STRETCH_PERCENTILES
from mmhsi.visualization.figure import (
    MARGIN,
    QUIET_COLOUR,
    TITLE_SIZE,
    Canvas,
    display_scale,
    header_height,
    text_width,
    write_header,
)
from mmhsi.visualization.heat_map import colour_bar, colour_scores
from mmhsi.visualization.roc import curve_frame

_PANEL, _GAP, _LABEL, _BAR, _LEAST = 520, 22, 56, 150, 260


def stretch_alike(images: Sequence[np.ndarray], reference: int) -> list[np.ndarray]:
    """Stretch several pictures by the 2nd and 98th percentile of one of them, so that equal values look the same.

    Args:
        images (Sequence[np.ndarray]): Pictures (H, W, 3) of finite values.
        reference (int): The picture that gives the percentiles.

    Returns:
        list[np.ndarray]: (H, W, 3) uint8 each. A channel that is constant in the reference is 0.
    """
    low, high = np.percentile(np.asarray(images[reference], np.float64), STRETCH_PERCENTILES, axis=(0, 1))
    span = np.where(high > low, high - low, np.inf)
    return [np.rint(np.clip((image - low) / span, 0.0, 1.0) * 255.0).astype(np.uint8) for image in images]


def panels_figure(
    pictures: Mapping[str, np.ndarray], notes: Mapping[str, str], title: str = '', subtitle: str = ''
) -> Figure:
    """Arrange pictures of equal size side by side, each with its name and a note above.

    Args:
        pictures (Mapping[str, np.ndarray]): (H, W, 3) uint8 RGB by name.
        notes (Mapping[str, str]): A line below the name, such as scores, by name; may lack some.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.

    Returns:
        Figure: The figure.
    """
    return _panels(pictures, notes, title, subtitle, 0)[0].figure


def error_panels_figure(
    errors: Mapping[str, np.ndarray], notes: Mapping[str, str], title: str = '', subtitle: str = ''
) -> Figure:
    """Arrange error maps side by side on a common scale, with a colour bar.

    Args:
        errors (Mapping[str, np.ndarray]): (H, W), at least 0, by name; the last one, which is compared with the others,
            sets the scale: black is 0, white its percentile 99.5 or, if that is larger, the others' median.
        notes (Mapping[str, str]): A line below the name, by name.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.

    Returns:
        Figure: The figure.
    """
    maps = list(errors.values())
    highest = max(float(np.percentile(maps[-1], 99.5)), *(float(np.median(error)) for error in maps))
    limits = (0.0, highest if highest > 0 else 1.0)
    pictures = {name: colour_scores(error, 'anomaly', limits) for name, error in errors.items()}
    canvas, (right, top, height) = _panels(pictures, notes, title, subtitle, _BAR)
    every = np.concatenate([error.ravel() for error in maps])
    colour_bar(canvas, (right + _GAP, top, height), 'anomaly', limits, every)
    return canvas.figure


def _panels(
    pictures: Mapping[str, np.ndarray], notes: Mapping[str, str], title: str, subtitle: str, beside: int
) -> tuple[Canvas, tuple[float, float, float]]:
    """Canvas with the panels; right end, top and height of the last."""
    rows, cols = next(iter(pictures.values())).shape[:2]
    scale = display_scale(rows, cols, _PANEL, 1200)
    height, width = round(rows * scale), round(cols * scale)
    # a narrow panel gets enough space for its note
    place = max([width, *(text_width(text) for text in (*notes.values(), *pictures))])
    head = header_height(title, subtitle)
    across = len(pictures) * (place + _GAP) - _GAP + beside
    canvas = Canvas(
        2 * MARGIN + max(across, text_width(title, TITLE_SIZE, 'bold'), text_width(subtitle)),
        2 * MARGIN + head + _LABEL + max(height, _LEAST if beside else 0),
    )
    write_header(canvas, title, subtitle)
    top = MARGIN + head + _LABEL
    for index, (name, picture) in enumerate(pictures.items()):
        left = MARGIN + index * (place + _GAP)
        canvas.text(left, top - _LABEL + 14, name, weight='bold')
        canvas.text(left, top - _LABEL + 38, notes.get(name, ''), colour=QUIET_COLOUR)
        axes = canvas.axes(left, top, width, height)
        axes.imshow(picture, interpolation='nearest' if scale >= 1 else 'antialiased', aspect='auto')
        axes.set_axis_off()
    return canvas, (left + width, top, max(height, _LEAST))


def band_psnr_figure(
    curves: Mapping[str, np.ndarray],
    wavelengths: Sequence[float] | np.ndarray | None = None,
    title: str = '',
    subtitle: str = '',
) -> Figure:
    """Draw the PSNR of each band.

    Args:
        curves (Mapping[str, np.ndarray]): (C,) PSNR in dB by name.
        wavelengths (Sequence[float], optional): (C,) wavelengths in nm; without them bands are counted from 1.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.

    Returns:
        Figure: The figure; the legend gives the mean of each curve.
    """
    notes = [f'mean {np.mean(curve):.2f} dB' for curve in curves.values()]
    return band_curves_figure(curves, notes, wavelengths, title, subtitle, 'PSNR (dB)')


def band_curves_figure(
    curves: Mapping[str, np.ndarray],
    notes: Sequence[str],
    wavelengths: np.ndarray | Sequence[float] | None = None,
    title: str = '',
    subtitle: str = '',
    label: str = '',
) -> Figure:
    """Draw a quantity of each band.

    Args:
        curves (Mapping[str, np.ndarray]): (C,) values by name.
        notes (Sequence[str]): What the legend says of each curve.
        wavelengths (Sequence[float], optional): (C,) wavelengths in nm; without them bands are counted from 1.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.
        label (str): Of the vertical axis. Defaults to ''.

    Returns:
        Figure: The figure.
    """
    canvas, (axes,), lines = curve_frame(list(curves), list(notes), title, subtitle, 1)
    bands = len(next(iter(curves.values())))
    places = np.arange(1, bands + 1) if wavelengths is None else np.asarray(wavelengths, np.float64)
    order = np.argsort(places, kind='stable')
    for curve, line in zip(curves.values(), lines, strict=True):
        axes.plot(
            places[order], np.asarray(curve)[order], **{**line, 'linewidth': 1.4}, marker='.' if bands < 16 else None
        )
    every = np.concatenate(list(curves.values()))
    room = max(0.05 * np.ptp(every), 1e-3 * np.abs(every).max(initial=0), 1e-12)
    if label == 'PSNR (dB)':
        room = max(room, 0.5)
    axes.set_ylim(every.min() - room, every.max() + room)
    axes.set_xlim(places.min() - 0.5, places.max() + 0.5)
    axes.set_xlabel('band' if wavelengths is None else 'wavelength (nm)')
    axes.set_ylabel(label)
    return canvas.figure
