"""Maps of classes, of errors, of changes and of detections."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mmhsi.utils.labels import IGNORE_INDEX
from mmhsi.visualization.figure import LegendEntry, image_figure
from mmhsi.visualization.palette import (
    CORRECT,
    FALSE_CHANGE,
    MISSED,
    MISSED_CHANGE,
    NOT_EVALUATED,
    TRUE_CHANGE,
    TRUE_UNCHANGED,
    UNLABELLED,
    UNLABELLED_CHANGE,
    WRONG,
    resolve_palette,
)


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


def colour_errors(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Paint correct, wrong and not evaluated pixels.

    Args:
        prediction (np.ndarray): (H, W) predicted classes.
        target (np.ndarray): (H, W) true classes, 255 where nothing is evaluated.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB in the colours ``CORRECT``, ``WRONG`` and ``NOT_EVALUATED`` of
        :mod:`mmhsi.visualization.palette`.

    Raises:
        ValueError: If the maps differ in size.
    """
    prediction, target = np.asarray(prediction), np.asarray(target)
    if prediction.shape != target.shape:
        raise ValueError(f'prediction {prediction.shape} and target {target.shape} differ in size')
    evaluated = target != IGNORE_INDEX
    image = np.empty((*target.shape, 3), np.uint8)
    image[:] = NOT_EVALUATED
    image[evaluated & (prediction == target)] = CORRECT
    image[evaluated & (prediction != target)] = WRONG
    return image


def error_map_figure(prediction: np.ndarray, target: np.ndarray, title: str = '') -> Figure:
    """Show where a prediction is correct, wrong and not evaluated, with the number of pixels of each.

    Args:
        prediction (np.ndarray): (H, W) predicted classes.
        target (np.ndarray): (H, W) true classes, 255 where nothing is evaluated.
        title (str): Bold first line. Defaults to ''.

    Returns:
        Figure: The figure.
    """
    image = colour_errors(prediction, target)
    evaluated = int(np.count_nonzero(np.asarray(target) != IGNORE_INDEX))
    correct = int(np.count_nonzero((image == CORRECT).all(axis=-1)))
    legend = [
        LegendEntry('correct', CORRECT, f'{correct:,}'),
        LegendEntry('wrong', WRONG, f'{evaluated - correct:,}'),
        LegendEntry('not evaluated', NOT_EVALUATED, f'{image.shape[0] * image.shape[1] - evaluated:,}'),
    ]
    share = f' ({100 * correct / evaluated:.1f} %)' if evaluated else ''
    return image_figure(image, title, f'{correct:,} of {evaluated:,} evaluated pixels correct{share}', legend)


_CHANGE_COLOURS = (TRUE_CHANGE, TRUE_UNCHANGED, FALSE_CHANGE, MISSED_CHANGE, UNLABELLED_CHANGE)
_DETECTION_COLOURS = (CORRECT, UNLABELLED, WRONG, MISSED, NOT_EVALUATED)
_BRIGHTEST = 130


def compare_binary(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Classify the pixels of a binary map into five outcomes.

    Args:
        prediction (np.ndarray): (H, W), 1 positive, 0 negative, 255 where nothing was predicted.
        target (np.ndarray): (H, W), 1 positive, 0 negative, 255 where nothing is evaluated.

    Returns:
        np.ndarray: (H, W) uint8: 0 true positive, 1 true negative, 2 false positive, 3 false negative, 4 where nothing
        was predicted or nothing is evaluated.

    Raises:
        ValueError: If the maps differ in size or hold another value.
    """
    prediction, target = np.asarray(prediction), np.asarray(target)
    if prediction.shape != target.shape:
        raise ValueError(f'prediction {prediction.shape} and target {target.shape} differ in size')
    for what, labels in (('prediction', prediction), ('target', target)):
        wrong = ~np.isin(labels, (0, 1, IGNORE_INDEX))
        if wrong.any():
            raise ValueError(f'the {what} must hold 0, 1 or {IGNORE_INDEX}, found {labels[wrong][0]}')
    outcome = np.where(target == 1, np.where(prediction == 1, 0, 3), np.where(prediction == 1, 2, 1))
    return np.where((target == IGNORE_INDEX) | (prediction == IGNORE_INDEX), 4, outcome).astype(np.uint8)


def colour_changes(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Paint a change map: found changes white, unchanged black, false alarms red, missed changes green, else grey.

    Args:
        prediction (np.ndarray): (H, W), 1 changed, 0 unchanged, 255 where nothing was predicted.
        target (np.ndarray): (H, W), 1 changed, 0 unchanged, 255 where there is no label.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.

    Raises:
        ValueError: If the maps differ in size or hold another value.
    """
    return np.array(_CHANGE_COLOURS, np.uint8)[compare_binary(prediction, target)]


def change_map_figure(prediction: np.ndarray, target: np.ndarray, title: str = '', subtitle: str = '') -> Figure:
    """Show a change map against the ground truth, with the number of pixels of each outcome.

    Args:
        prediction (np.ndarray): See :func:`colour_changes`.
        target (np.ndarray): See :func:`colour_changes`.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.

    Returns:
        Figure: The figure.
    """
    outcome = compare_binary(prediction, target)
    names = ('changed, found (TP)', 'unchanged (TN)', 'false alarm (FP)', 'missed change (FN)', 'unlabelled')
    return image_figure(
        np.array(_CHANGE_COLOURS, np.uint8)[outcome], title, subtitle, _legend(outcome, names, _CHANGE_COLOURS)
    )


def colour_detections(detected: np.ndarray, target: np.ndarray, picture: np.ndarray | None = None) -> np.ndarray:
    """Paint hits, misses and false alarms of a detector, on a dimmed picture of the scene if there is one.

    Args:
        detected (np.ndarray): (H, W), 1 detected, 0 not, 255 where there is no score.
        target (np.ndarray): (H, W), 1 target, 0 background, 255 where nothing is evaluated.
        picture (np.ndarray, optional): (H, W, 3) uint8 RGB, shown in dark grey where background was rejected. Defaults
            to None: black.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB in the colours ``CORRECT`` (hit), ``MISSED``, ``WRONG`` (false alarm) and
        ``NOT_EVALUATED`` of :mod:`mmhsi.visualization.palette`.

    Raises:
        ValueError: If the maps differ in size or hold another value.
    """
    outcome = compare_binary(detected, target)
    image = np.array(_DETECTION_COLOURS, np.uint8)[outcome]
    if picture is not None:
        grey = np.asarray(picture, np.float64).mean(axis=-1) * (_BRIGHTEST / 255)
        rejected = outcome == 1
        image[rejected] = np.rint(grey[rejected]).astype(np.uint8)[:, None]
    return image


def detection_map_figure(
    detected: np.ndarray, target: np.ndarray, title: str = '', subtitle: str = '', picture: np.ndarray | None = None
) -> Figure:
    """Show hits, misses and false alarms of a detector, with the number of pixels of each.

    Args:
        detected (np.ndarray): See :func:`colour_detections`.
        target (np.ndarray): See :func:`colour_detections`.
        title (str): Bold first line. Defaults to ''.
        subtitle (str): Second line. Defaults to ''.
        picture (np.ndarray, optional): See :func:`colour_detections`. Defaults to None.

    Returns:
        Figure: The figure.
    """
    outcome = compare_binary(detected, target)
    names = ('hit', 'correct rejection', 'false alarm', 'miss', 'not evaluated')
    return image_figure(
        colour_detections(detected, target, picture), title, subtitle, _legend(outcome, names, _DETECTION_COLOURS)
    )


def _legend(outcome: np.ndarray, names: tuple[str, ...], colours: tuple) -> list[LegendEntry]:
    counts = np.bincount(outcome.ravel(), minlength=5).tolist()
    entries = [
        LegendEntry(name, colour, f'{count:,}') for name, colour, count in zip(names, colours, counts, strict=True)
    ]
    return entries if counts[4] else entries[:4]
