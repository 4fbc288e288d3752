"""Sampled points and attention of a token, drawn over a picture of the input."""

from collections.abc import Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from mmhsi.visualization.figure import (
    MARGIN,
    QUIET_COLOUR,
    TEXT_SIZE,
    TITLE_SIZE,
    Canvas,
    header_height,
    text_width,
    write_header,
)

ATTENTION_COLOURS = 'plasma'
_PANEL, _GAP, _LABEL, _BAR, _TICKS, _MOST_COLUMNS = 420, 26, 58, 22, 80, 4
_AROUND = 0.25  # fraction of the picture shown on each side, for points beyond it


def sampling_figure(
    picture: np.ndarray,
    patch: tuple[int, int, int, int],
    points: Sequence[np.ndarray | None],
    weights: Sequence[np.ndarray],
    names: Sequence[str],
    title: str = '',
    subtitle: str = '',
) -> Figure:
    """Draw a panel for each layer.

    For sparse sampling attention the points are drawn with the colour and size of their weight; points outside the
    picture, whose key and value are zero, are hollow. For full attention the weights are drawn over the picture.

    Args:
        picture (np.ndarray): (H, W, 3) uint8 RGB.
        patch (tuple[int, int, int, int]): (top, left, height, width) of the token's patch in pixels, outlined in white.
        points (Sequence[np.ndarray | None]): For each layer (heads, P, 2), (x, y) in pixels, (0, 0) the centre of the
            first one; None for full attention.
        weights (Sequence[np.ndarray]): For each layer (heads, P), or (Hg, Wg) for full attention.
        names (Sequence[str]): A name for each layer.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.

    Returns:
        Figure: The figure.

    Raises:
        ValueError: If there is no layer, or the numbers of points, weights and names differ.
    """
    if not names or not len(names) == len(points) == len(weights):
        raise ValueError(
            f'layers need points, weights and a name each, found {len(points)}, {len(weights)} and {len(names)}'
        )
    height, width = picture.shape[:2]
    columns = min(len(names), _MOST_COLUMNS)
    rows = -(-len(names) // columns)
    head = header_height(title, subtitle)
    down = round(_PANEL * height / width)
    canvas = Canvas(
        2 * MARGIN
        + max(columns * (_PANEL + _GAP) + _BAR + _TICKS, text_width(title, TITLE_SIZE, 'bold'), text_width(subtitle)),
        2 * MARGIN + head + rows * (_LABEL + down + _GAP),
    )
    write_header(canvas, title, subtitle)
    sampled = [weight for place, weight in zip(points, weights, strict=True) if place is not None]
    highest = max((float(weight.max()) for weight in sampled), default=1.0)
    for index, (name, place, weight) in enumerate(zip(names, points, weights, strict=True)):
        row, column = divmod(index, columns)
        left, top = MARGIN + column * (_PANEL + _GAP), MARGIN + head + row * (_LABEL + down + _GAP)
        canvas.text(left, top + 16, name, weight='bold')
        axes = canvas.axes(left, top + _LABEL, _PANEL, down)
        axes.imshow(picture, interpolation='nearest', aspect='auto')
        if place is None:
            canvas.text(left, top + 40, f'full attention, at most {weight.max():.3f}', colour=QUIET_COLOUR)
            axes.imshow(
                weight,
                cmap=ATTENTION_COLOURS,
                alpha=0.6,
                interpolation='nearest',
                aspect='auto',
                extent=(-0.5, weight.shape[1] * patch[3] - 0.5, weight.shape[0] * patch[2] - 0.5, -0.5),
            )
        else:
            outside = _draw_points(axes, place.reshape(-1, 2), weight.ravel(), highest, height, width)
            canvas.text(
                left,
                top + 40,
                f'{weight.shape[0]} heads, {weight.shape[1]} points' + (f', {outside} outside' if outside else ''),
                colour=QUIET_COLOUR,
            )
        axes.add_patch(
            Rectangle(
                (patch[1] - 0.5, patch[0] - 0.5), patch[3], patch[2], fill=False, edgecolor='white', linewidth=1.6
            )
        )
        around = 0 if place is None else _AROUND
        axes.set_xlim(-0.5 - around * width, width - 0.5 + around * width)
        axes.set_ylim(height - 0.5 + around * height, -0.5 - around * height)
        axes.set_facecolor('#f0f0f0')
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_color('#b0b0b0')
    if sampled:
        bar = canvas.figure.colorbar(
            ScalarMappable(Normalize(0, highest), ATTENTION_COLOURS),
            cax=canvas.axes(MARGIN + columns * (_PANEL + _GAP), MARGIN + head + _LABEL, _BAR, down),
            ticks=MaxNLocator(5),
            format='%g',
        )
        bar.ax.tick_params(labelsize=TEXT_SIZE - 1, color=QUIET_COLOUR, labelcolor=QUIET_COLOUR)
        bar.outline.set_edgecolor('#b0b0b0')
    return canvas.figure


def _draw_points(axes, places: np.ndarray, weights: np.ndarray, highest: float, height: int, width: int) -> int:
    """Draw points; returns how many of them lie outside the picture."""
    inside = ((places > -0.5) & (places < (width - 0.5, height - 0.5))).all(axis=1)
    sizes = 8 + 60 * weights / highest
    shared = dict(cmap=ATTENTION_COLOURS, vmin=0, vmax=highest)
    axes.scatter(*places[inside].T, c=weights[inside], s=sizes[inside], edgecolors='white', linewidths=0.5, **shared)
    # points too far away are drawn at the border of the panel
    shown = np.clip(
        places[~inside],
        (-0.5 - _AROUND * width, -0.5 - _AROUND * height),
        (width - 0.5 + _AROUND * width, height - 0.5 + _AROUND * height),
    )
    axes.scatter(*shown.T, s=sizes[~inside], facecolors='none', edgecolors='#606060', linewidths=0.8, clip_on=False)
    return int(np.count_nonzero(~inside))
