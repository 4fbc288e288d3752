"""Heat maps of scores, and of the uncertainty of classes."""

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmhsi.visualization.figure import (
    MARGIN,
    QUIET_COLOUR,
    TEXT_SIZE,
    TITLE_SIZE,
    Canvas,
    LegendEntry,
    display_scale,
    header_height,
    text_width,
    write_header,
)
from mmhsi.visualization.palette import NO_SCORE

HEAT_MAPS = {
    'target': LinearSegmentedColormap.from_list('target', ['black', '#00c000', 'white'], 256),
    'anomaly': LinearSegmentedColormap.from_list('anomaly', ['black', 'red', 'yellow', 'white'], 256),
    'confidence': colormaps['viridis'],
    'uncertainty': colormaps['magma'],
}
"""Colour maps by the kind of detection, and for the uncertainty of a classifier."""

_BAR_WIDTH, _BAR_HEIGHT, _TICKS = 24, 240, 100


def heat_style(class_name: str) -> str:
    """Choose the colours by the name of the detected class: 'anomaly' if it contains 'anomal', else 'target'."""
    return 'anomaly' if 'anomal' in class_name.lower() else 'target'


def heat_limits(scores: np.ndarray) -> tuple[float, float]:
    """Percentiles 2 and 99.9 as the ends of a colour map, so that a few outliers do not darken the rest.

    Args:
        scores (np.ndarray): (H, W), NaN or infinite where there is no score.

    Returns:
        tuple[float, float]: Both ends; the lowest and the highest score if the percentiles are equal; (0, 1) without
        any score.
    """
    known = np.asarray(scores)[np.isfinite(scores)]
    if not known.size:
        return 0.0, 1.0
    low, high = np.percentile(known, (2.0, 99.9))
    return (float(low), float(high)) if low < high else (float(known.min()), float(known.max()))


def colour_scores(scores: np.ndarray, style: str = 'target', limits: tuple[float, float] | None = None) -> np.ndarray:
    """Paint a score map.

    Args:
        scores (np.ndarray): (H, W), NaN or infinite where there is no score.
        style (str): 'target' (black, green, white), 'anomaly' (black, red, yellow, white), 'confidence' or
            'uncertainty'. Defaults to 'target'.
        limits (tuple[float, float], optional): Scores shown as black and as white; scores beyond are clipped. Defaults
            to None: :func:`heat_limits`.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB; ``NO_SCORE`` of :mod:`mmhsi.visualization.palette` where there is no score.

    Raises:
        ValueError: If the style is unknown.
    """
    if style not in HEAT_MAPS:
        raise ValueError(f'style must be one of {tuple(HEAT_MAPS)}, found {style!r}')
    scores = np.asarray(scores, np.float64)
    scored = np.isfinite(scores)
    image = np.empty((*scores.shape, 3), np.uint8)
    image[:] = NO_SCORE
    norm = Normalize(*(heat_limits(scores) if limits is None else limits), clip=True)
    image[scored] = HEAT_MAPS[style](norm(scores[scored]).data, bytes=True)[..., :3]
    return image


def heat_map_figure(
    scores: np.ndarray,
    title: str = '',
    subtitle: str = '',
    style: str = 'target',
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Show a score map with a colour bar.

    Args:
        scores (np.ndarray): (H, W), NaN or infinite where there is no score.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.
        style (str): See :func:`colour_scores`. Defaults to 'target'.
        limits (tuple[float, float], optional): See :func:`colour_scores`. Defaults to None.

    Returns:
        Figure: The figure. An end of the bar is pointed if scores lie beyond it.
    """
    scores = np.asarray(scores, np.float64)
    low, high = limits = heat_limits(scores) if limits is None else limits
    image = colour_scores(scores, style, limits)
    rows, cols = scores.shape
    scale = display_scale(rows, cols)
    height, width = round(rows * scale), round(cols * scale)
    head = header_height(title, subtitle)
    known = scores[np.isfinite(scores)]
    legend = [LegendEntry('no score', NO_SCORE)] if known.size < scores.size else []
    beside = MARGIN + _BAR_WIDTH + max(_TICKS, *(text_width(entry.label) for entry in legend), 0)
    bar_height = max(height, _BAR_HEIGHT) - 40 * len(legend)

    canvas = Canvas(
        2 * MARGIN + max(width + beside, text_width(title, TITLE_SIZE, 'bold'), text_width(subtitle)),
        2 * MARGIN + head + max(height, _BAR_HEIGHT),
    )
    write_header(canvas, title, subtitle)
    axes = canvas.axes(MARGIN, MARGIN + head, width, height)
    axes.imshow(image, interpolation='nearest' if scale >= 1 else 'antialiased', aspect='auto')
    axes.set_axis_off()
    left = 2 * MARGIN + width
    colour_bar(canvas, (left, MARGIN + head, bar_height), style, (low, high), known)
    for entry in legend:
        middle = MARGIN + head + bar_height + 24
        canvas.swatch(left, middle, entry.colour)
        canvas.text(left + _BAR_WIDTH + 6, middle, entry.label)
    return canvas.figure


def colour_bar(
    canvas: Canvas, place: tuple[float, float, float], style: str, limits: tuple[float, float], known: np.ndarray
) -> None:
    """Draw the bar of a colour map at (left, top, height) of a canvas; ends are pointed if scores lie beyond them."""
    left, top, height = place
    below = known.size > 0 and known.min() < limits[0]
    above = known.size > 0 and known.max() > limits[1]
    bar = canvas.figure.colorbar(
        ScalarMappable(Normalize(*limits), HEAT_MAPS[style]),
        cax=canvas.axes(left, top, _BAR_WIDTH, height),
        extend={(False, False): 'neither', (True, False): 'min', (False, True): 'max'}.get((below, above), 'both'),
        ticks=MaxNLocator(5),
        format='%g',
    )
    bar.ax.tick_params(labelsize=TEXT_SIZE - 1, color=QUIET_COLOUR, labelcolor=QUIET_COLOUR)
    bar.outline.set_edgecolor('#b0b0b0')


def uncertainty_figures(confidence: np.ndarray, entropy: np.ndarray, name: str, num_classes: int) -> dict[str, Figure]:
    """Pictures of both maps, with fixed limits so that scenes can be compared.

    Args:
        confidence (np.ndarray): (H, W) probability of the predicted class, NaN where there is none.
        entropy (np.ndarray): (H, W) entropy of the class probabilities over its largest value, likewise.
        name (str): Name of the scene.
        num_classes (int): Number of classes K.

    Returns:
        dict[str, Figure]: 'confidence', from 1 / K to 1, and 'entropy', from 0 to 1.
    """
    shown = dict(
        confidence=(confidence, 'confidence', (1 / num_classes, 1.0), 'probability of the predicted class'),
        entropy=(
            entropy,
            'uncertainty',
            (0.0, 1.0),
            f'entropy of the probabilities, 1 if all {num_classes} classes are equally likely',
        ),
    )
    return {
        kind: heat_map_figure(values, f'{name}: {kind}', f'{text}   mean {_mean(values):.3f}', style, limits)
        for kind, (values, style, limits, text) in shown.items()
    }


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float('nan')
