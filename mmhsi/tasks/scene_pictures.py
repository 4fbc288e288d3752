"""Pictures of a scene for all tasks: false colours, ground truth, spectra of its classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmhsi import visualization
from mmhsi.datasets.transforms.spectral import SelectBands
from mmhsi.tasks.product import PICTURE_SIDE
from mmhsi.utils.labels import IGNORE_INDEX
from mmhsi.visualization.palette import UNLABELLED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 2000  # pixels of a class, drawn with a fixed seed


def false_colours(view) -> tuple[list[np.ndarray], tuple[int, int, int]]:
    """False-colour pictures of the dates of a scene with a common stretch.

    Args:
        view (CubeView | PairView | BaseScene): The scene.

    Returns:
        tuple[list[np.ndarray], tuple[int, int, int]]: (h, w, 3) uint8 of each date, subsampled for large scenes; and
        the bands shown as red, green and blue.
    """
    info = view.info
    bands = visualization.select_rgb_bands(info.bands, info.wavelengths)
    step = -(-max(info.height, info.width) // PICTURE_SIDE)
    values, valid = zip(*(date.stored_bands(bands, step) for date in view.dates), strict=True)
    return np.split(visualization.stretch(np.concatenate(values), np.concatenate(valid)), len(view.dates)), bands


def false_colour_figures(view, name: str) -> dict[str, Figure]:
    """``false_colour``, for two dates ``false_colour_1`` and ``false_colour_2`` with the same stretch."""
    pictures, bands = false_colours(view)
    figures = {}
    for index, (date, picture) in enumerate(zip(view.dates, pictures, strict=True), 1):
        title, suffix = (
            (f'{name}: false colour', '')
            if len(pictures) == 1
            else (f'{name}: false colour, date {index}', f'_{index}')
        )
        figures[f'false_colour{suffix}'] = visualization.false_colour_figure(
            picture, title, bands, date.info.wavelengths
        )
    return figures


def ground_truth_figure(
    name: str,
    target: np.ndarray,
    classes: Sequence[str],
    palette: Sequence | np.ndarray | None,
    scene=None,
    background: tuple[int, int, int] = UNLABELLED,
) -> Figure:
    """All labels of a scene; without the scene, those of the evaluated pixels.

    Args:
        name (str): Name of the scene.
        target (np.ndarray): (H, W) classes of the evaluated pixels, 255 elsewhere.
        classes (Sequence[str]): The K class names.
        palette (Sequence): K RGB colours.
        scene (BaseScene, optional): The scene, for its ``labels``.
        background (tuple[int, int, int]): Colour of unlabelled pixels. Defaults to black.
    """
    labels = target if scene is None else scene.labels
    counts = np.bincount(labels[labels != IGNORE_INDEX], minlength=len(classes))
    return visualization.class_map_figure(
        labels,
        classes,
        palette,
        f'{name}: ground truth',
        f'{counts.sum():,} labelled pixels',
        [f'{count:,}' for count in counts],
        background=background,
    )


def class_spectra_figure(
    name: str, classes: Sequence[str], palette: Sequence | np.ndarray | None, scene=None
) -> Figure | None:
    """Mean spectra of the classes, as stored in the file.

    Args:
        name (str): Name of the scene.
        classes (Sequence[str]): The K class names.
        palette (Sequence): K RGB colours.
        scene (Scene, optional): The scene; without it, or without labels, there is no picture.
    """
    if scene is None or len(scene.dates) > 1:
        return None
    labels = scene.labels.ravel()
    drawn = [np.flatnonzero(labels == index) for index in range(len(classes))]
    counts = [len(pixels) for pixels in drawn]
    if not any(counts):
        return None
    random = np.random.RandomState(0)
    drawn = [pixels if len(pixels) <= _MOST else random.choice(pixels, _MOST, replace=False) for pixels in drawn]
    pixels = np.sort(np.concatenate(drawn))
    spectra, wavelengths = scene.raw_pixels(pixels), scene.info.wavelengths
    first = scene.transforms[0] if scene.transforms else None
    if wavelengths is not None and isinstance(first, SelectBands):
        wavelengths = wavelengths[first.indices]
    return visualization.spectra_figure(
        *visualization.class_spectra(spectra, labels[pixels], len(classes)),
        classes,
        wavelengths,
        palette,
        f'{name}: spectra',
        'mean and standard deviation of each class, values of the file',
        [f'{count:,} pixels' for count in counts],
    )
