"""Training curves: a panel for each key of the log, a line for each run."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmhsi.visualization.figure import (
    MARGIN,
    TEXT_SIZE,
    TITLE_SIZE,
    Canvas,
    header_height,
    label_powers,
    quiet_axes,
    text_width,
    write_header,
)
from mmhsi.visualization.palette import line_styles

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _LABEL, _LINE, _SWATCH = 520, 340, 100, 74, 32, 34, 40
_COLUMNS = 3


def training_curves_figure(
    runs: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]],
    unit: str = 'epoch',
    title: str = '',
    subtitle: str = '',
) -> Figure:
    """Draw training curves.

    Losses that are always positive and span more than two orders of magnitude have a logarithmic axis.

    Args:
        runs (Mapping[str, Mapping]): For each run, by its name, the curves: positions (N,) and values (N,) by key. A
            panel shows one key for all runs that have it.
        unit (str): Unit of the positions. Defaults to 'epoch'.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.

    Returns:
        Figure: The figure, with the runs in a legend below if there are several.

    Raises:
        ValueError: If there is no curve.
    """
    keys = list(dict.fromkeys(key for curves in runs.values() for key in curves))
    if not keys:
        raise ValueError('there is no curve to draw')
    columns = min(_COLUMNS, len(keys))
    rows = -(-len(keys) // columns)
    head = header_height(title, subtitle)
    labels = list(runs) if len(runs) > 1 else []
    across = max(
        columns * (_LEFT + _WIDTH),
        text_width(title, TITLE_SIZE, 'bold'),
        text_width(subtitle),
        *(_SWATCH + 12 + text_width(label) for label in labels),
    )
    down = rows * (_LABEL + _HEIGHT + _BOTTOM)
    canvas = Canvas(2 * MARGIN + across, 2 * MARGIN + head + down + _LINE * len(labels))
    write_header(canvas, title, subtitle)
    lines = line_styles(len(runs), 1.6)
    for index, key in enumerate(keys):
        row, column = divmod(index, columns)
        left, top = MARGIN + column * (_LEFT + _WIDTH) + _LEFT, MARGIN + head + row * (_LABEL + _HEIGHT + _BOTTOM)
        canvas.text(left, top + _LABEL / 2, key, weight='bold')
        axes = canvas.axes(left, top + _LABEL, _WIDTH, _HEIGHT)
        for curves, line in zip(runs.values(), lines, strict=True):
            if key in curves:
                places, values = curves[key]
                axes.plot(places, values, **line, marker='o' if len(places) < 12 else None, markersize=4)
        if _wide([curves[key][1] for curves in runs.values() if key in curves]):
            axes.set_yscale('log')
            label_powers(axes.yaxis)
        axes.set_xlabel(unit)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.margins(x=0.02)
        quiet_axes(axes)
    for index, (label, line) in enumerate(zip(labels, lines, strict=bool(labels))):
        middle = MARGIN + head + down + (index + 0.5) * _LINE
        sample = canvas.axes(MARGIN, middle - 5, _SWATCH, 10)
        sample.plot([0, 1], [0, 0], **line)
        sample.set_axis_off()
        canvas.text(MARGIN + _SWATCH + 12, middle, label, TEXT_SIZE)
    return canvas.figure


def _wide(curves: Sequence[np.ndarray]) -> bool:
    values = np.concatenate(curves)
    values = values[np.isfinite(values)]
    return bool(values.size) and values.min() > 0 and values.max() > 100 * values.min()
