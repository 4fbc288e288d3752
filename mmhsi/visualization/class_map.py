"""Coloured label maps: plain RGB arrays, and figures with a legend of the classes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mmhsi.utils.labels import IGNORE_INDEX
from mmhsi.visualization.figure import LegendEntry, image_figure
from mmhsi.visualization.palette import UNLABELLED, resolve_palette


def colour_labels(
    labels: np.ndarray,
    num_classes: int,
    palette: Sequence | np.ndarray | None = None,
    background: Sequence[int] = UNLABELLED,
) -> np.ndarray:
    """Paint a label map.

    Args:
        labels (np.ndarray): (H, W) classes 0 .. K - 1, 255 where there is none.
        num_classes (int): Number of classes K.
        palette (Sequence, optional): K RGB colours, 0 .. 255. None takes
            :func:`~mmhsi.utils.palette.default_palette`.
        background (Sequence[int]): RGB of unlabelled pixels. Defaults to black.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.

    Raises:
        ValueError: If a label is outside the classes.
    """
    labels = np.asarray(labels)
    colours = resolve_palette(palette, num_classes)
    labelled = labels != IGNORE_INDEX
    known = labels[labelled]
    if known.size and (known.min() < 0 or known.max() >= num_classes):
        raise ValueError(
            f'labels must lie in 0 .. {num_classes - 1} or be {IGNORE_INDEX}, found {known.min()} .. {known.max()}'
        )
    image = np.empty((*labels.shape, 3), np.uint8)
    image[:] = np.asarray(background, np.uint8)
    image[labelled] = colours[known.astype(np.int64)]
    return image


def class_map_figure(
    labels: np.ndarray,
    classes: Sequence[str],
    palette: Sequence | np.ndarray | None = None,
    title: str = '',
    subtitle: str = '',
    notes: Sequence[str] | None = None,
    ignore_label: str = 'unlabelled',
    background: tuple[int, int, int] = UNLABELLED,
) -> Figure:
    """Show a label map with a legend that names the classes.

    Args:
        labels (np.ndarray): (H, W) classes 0 .. K - 1, 255 where there is none.
        classes (Sequence[str]): The K class names.
        palette (Sequence, optional): K RGB colours. Defaults to None, the default palette.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.
        notes (Sequence[str], optional): A note for each class after its name, e.g. its accuracy or number of pixels.
            Defaults to None.
        ignore_label (str): What the legend calls them, if there are any. Defaults to 'unlabelled'.
        background (tuple[int, int, int]): RGB of unlabelled pixels. Defaults to black.

    Returns:
        Figure: The figure.
    """
    colours = resolve_palette(palette, len(classes))
    notes = [''] * len(classes) if notes is None else notes
    legend = [
        LegendEntry(label, tuple(colour), note)
        for label, colour, note in zip(classes, colours.tolist(), notes, strict=True)
    ]
    if (np.asarray(labels) == IGNORE_INDEX).any():
        legend.append(LegendEntry(ignore_label, background))
    return image_figure(colour_labels(labels, len(classes), colours, background), title, subtitle, legend)
