"""A picture of a confusion matrix."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from mmhsi.visualization.figure import (
    DPI,
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

_CMAP = 'Blues'
_EMPTY = '#f0f0f0'


def confusion_figure(matrix: np.ndarray, classes: Sequence[str], title: str = '', subtitle: str = '') -> Figure:
    """Show a confusion matrix: each true class is a row, in per cent of its pixels.

    The number of pixels of a class is at the right end of its row; cells without a pixel are left blank and a class
    without any is grey.

    Args:
        matrix (np.ndarray): (K, K) counts, rows are the true classes.
        classes (Sequence[str]): The K class names.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.

    Returns:
        Figure: The figure.

    Raises:
        ValueError: If matrix and names do not fit.
    """
    matrix = np.asarray(matrix)
    count = len(classes)
    if matrix.shape != (count, count):
        raise ValueError(f'{count} classes need a {count} x {count} confusion matrix, found shape {matrix.shape}')
    support = matrix.sum(axis=1)
    share = 100.0 * matrix / np.maximum(support, 1)[:, None]

    cell = float(np.clip(640 / count, 36, 90))
    side = cell * count
    names = max(text_width(name) for name in classes)
    counts = [f'{value:,}' for value in support]
    counts_width = max(text_width(text) for text in counts + ['pixels'])
    head = header_height(title, subtitle)
    left, top = MARGIN + 34 + names + 12, MARGIN + head + 26
    bar_left = left + side + 14 + counts_width + 34
    width = max(
        bar_left + 24 + 60 + MARGIN, 2 * MARGIN + max(text_width(title, TITLE_SIZE, 'bold'), text_width(subtitle))
    )
    canvas = Canvas(width, top + side + 12 + names + 40 + MARGIN)
    write_header(canvas, title, subtitle)

    axes = canvas.axes(left, top, side, side)
    cmap = colormaps[_CMAP].with_extremes(bad=_EMPTY)
    image = axes.imshow(
        np.ma.masked_where(np.repeat(support[:, None] == 0, count, axis=1), share),
        cmap=cmap,
        vmin=0,
        vmax=100,
        aspect='auto',
        interpolation='nearest',
    )
    axes.set_xticks(np.arange(count + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(count + 1) - 0.5, minor=True)
    axes.grid(which='minor', color='white', linewidth=1)
    axes.tick_params(which='both', length=0)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color('#b0b0b0')
    for row, col in np.argwhere(matrix > 0):
        text = f'{share[row, col]:.0f}' if share[row, col] >= 0.5 else '<1'
        axes.text(
            col,
            row,
            text,
            ha='center',
            va='center',
            fontsize=min(TEXT_SIZE, cell * 0.42 * 72 / DPI),
            color='white' if share[row, col] > 55 else TEXT_COLOUR,
        )

    for index, name in enumerate(classes):
        middle = (index + 0.5) * cell
        canvas.text(left - 12, top + middle, name, ha='right')
        canvas.text(left + side + 14 + counts_width, top + middle, counts[index], colour=QUIET_COLOUR, ha='right')
        canvas.text(left + middle, top + side + 10, name, ha='center', va='top', rotation=90)
    canvas.text(left + side + 14 + counts_width, top - 14, 'pixels', colour=QUIET_COLOUR, ha='right')
    canvas.text(MARGIN + 10, top + side / 2, 'true class', ha='center', rotation=90, weight='bold')
    canvas.text(left + side / 2, top + side + 12 + names + 24, 'predicted class', ha='center', weight='bold')

    bar = canvas.figure.colorbar(image, cax=canvas.axes(bar_left, top, 22, side))
    bar.set_ticks([0, 25, 50, 75, 100], labels=['0 %', '25 %', '50 %', '75 %', '100 %'])
    bar.ax.tick_params(labelsize=TEXT_SIZE - 1, color=QUIET_COLOUR, labelcolor=QUIET_COLOUR)
    bar.outline.set_edgecolor('#b0b0b0')
    return canvas.figure
