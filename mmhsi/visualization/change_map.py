"""Agreement of a binary map with the ground truth: change maps, and the hits and errors of a detector."""

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
)

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
