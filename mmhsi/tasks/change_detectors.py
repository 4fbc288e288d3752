"""Classical change detectors on a pair of scenes, evaluated like networks."""

from collections.abc import Callable

import numpy as np

from mmhsi.classical import CHANGE_DETECTORS, change_threshold
from mmhsi.evaluation import ChangeResult, UndefinedAUC, detection_curves, detection_scores
from mmhsi.utils.files import json_number
from mmhsi.utils.labels import IGNORE_INDEX


def evaluate_change_detector(
    scene, method: str | Callable, threshold: str | float | None = None, evaluate_on: str | None = None, **options
) -> ChangeResult:
    """Find the changed pixels of a pair by an intensity of change and a threshold, without using labels.

    The detector sees both dates after the preprocessing of the scene, and all valid pixels. The scores are computed on
    the same pixels as those of a network, so they can be compared.

    Args:
        scene (PairScene): The two dates.
        method (str | Callable): 'cva', 'isfa', 'pca_cva' (:data:`mmhsi.classical.CHANGE_DETECTORS`), or a function
            f(first (H, W, C), second (H, W, C), valid (H, W), **options) that returns the intensity (H, W).
        threshold (str | float, optional): 'robust', 'otsu', 'li' or 'triangle' finds a threshold in the intensities of
            all valid pixels (:func:`mmhsi.classical.change_threshold`); a number is used as it is. Pixels above it have
            changed. Defaults to 'robust', for 'pca_cva' to 'otsu': its intensity is a position between two clusters.
        evaluate_on (str, optional): Subset that is evaluated: 'test', 'labelled', or another of
            :meth:`mmhsi.datasets.BaseScene.subset`. Defaults to 'test' if the scene has a split, else to 'labelled'.
        **options: Further arguments of the method.

    Returns:
        ChangeResult: The map of all valid pixels, evaluated on the subset. ``settings`` holds the ``detector``, its
        ``options``, the ``threshold`` and its ``threshold_rule``, and the ``AUC`` (area under the ROC curve of the
        intensity on the evaluated pixels, which needs no threshold; None if it is undefined).

    Raises:
        TypeError: If the scene is not a pair.
        ValueError: If the method is unknown, or a detector refuses its input.
    """
    if len(getattr(scene, 'dates', ())) != 2:
        raise TypeError(f'a change detector needs a PairScene, found {type(scene).__name__}')
    if isinstance(method, str) and method not in CHANGE_DETECTORS:
        raise ValueError(f'the method is {method!r}, expected one of {", ".join(CHANGE_DETECTORS)} or a function')
    detect = CHANGE_DETECTORS[method] if isinstance(method, str) else method
    scene.prepare()  # fits the preprocessing to both dates; a date on its own would fit it to itself
    valid = scene.valid
    first, second = (date.window(0, 0, scene.height, scene.width) for date in scene.dates)
    intensity = detect(first, second, valid, **options)

    if threshold is None:
        threshold = 'otsu' if method == 'pca_cva' else 'robust'
    if isinstance(threshold, str):
        rule, level = threshold, change_threshold(intensity, valid, threshold)
    else:
        rule, level = 'given', float(threshold)
    prediction = np.full(valid.shape, IGNORE_INDEX, np.uint8)
    prediction[valid] = intensity[valid] > level
    target = scene.subset_labels(evaluate_on or ('labelled' if scene.split is None else 'test'))
    try:
        area = detection_scores(detection_curves(intensity, target))['AUC']
    except UndefinedAUC:
        area = None
    settings = dict(
        detector=method if isinstance(method, str) else getattr(method, '__name__', repr(method)),
        options=options,
        threshold_rule=rule,
        threshold=json_number(level),
        AUC=None if area is None else json_number(area),
    )
    return ChangeResult.evaluate(scene.name, prediction, target, scene.classes, scene.palette, settings=settings)
