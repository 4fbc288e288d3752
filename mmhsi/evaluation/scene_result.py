"""The result of classifying one scene: its maps, its confusion matrix and its scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mmhsi.evaluation.functional.calibration import expected_calibration_error, negative_log_likelihood
from mmhsi.evaluation.functional.classification import class_uncertainty, classification_scores, confusion_matrix
from mmhsi.utils.files import json_number
from mmhsi.utils.labels import IGNORE_INDEX

ALL_SCENES = 'all scenes'
"""Name of a result that pools those of several scenes."""


@dataclass
class SceneResult:
    """Prediction and evaluation of one scene.

    Attributes:
        name (str): Name of the scene.
        prediction (np.ndarray): (H, W) uint8, classes 0 .. K - 1, 255 where nothing was predicted.
        target (np.ndarray): (H, W) uint8, classes 0 .. K - 1 of the evaluated pixels, 255 elsewhere.
        matrix (np.ndarray): (K, K) int64 confusion matrix, rows are the true classes.
        scores (dict): What :func:`~mmhsi.evaluation.functional.classification_scores` returns; if the class
            probabilities are known, also ``NLL`` and ``ECE`` of :mod:`mmhsi.evaluation.functional.calibration`.
        classes (tuple[str, ...]): The K class names.
        palette (list[tuple[int, int, int]], optional): RGB of each class, 0 .. 255.
        settings (dict): Additional facts, e.g. the parameters chosen for a classical estimator.
        confidence (np.ndarray, optional): (H, W) probability of the predicted class, NaN where nothing was predicted.
        entropy (np.ndarray, optional): (H, W) entropy of the class probabilities over its largest value, likewise.
        parts (dict[str, SceneResult]): Results of the parts that the prediction was joined from, by title.
        aa (str): What AA averages, 'recall' or 'precision'.
    """

    name: str
    prediction: np.ndarray
    target: np.ndarray
    matrix: np.ndarray
    scores: dict
    classes: tuple[str, ...]
    palette: list[tuple[int, int, int]] | None = None
    settings: dict = field(default_factory=dict)
    confidence: np.ndarray | None = None
    entropy: np.ndarray | None = None
    parts: dict[str, 'SceneResult'] = field(default_factory=dict)
    aa: str = 'recall'

    @classmethod
    def evaluate(
        cls,
        name: str,
        prediction: np.ndarray,
        target: np.ndarray,
        classes: Sequence[str],
        palette: Sequence | None = None,
        aa: str = 'recall',
        settings: dict | None = None,
    ) -> 'SceneResult':
        """Score a prediction map against a target map.

        Args:
            name (str): Name of the scene.
            prediction (np.ndarray): (H, W) classes, 255 where nothing was predicted.
            target (np.ndarray): (H, W) classes of the evaluated pixels, 255 elsewhere.
            classes (Sequence[str]): The K class names, at most 255.
            palette (Sequence, optional): K RGB colours. Defaults to None.
            aa (str): What AA averages, 'recall' or 'precision'. Defaults to 'recall'.
            settings (dict, optional): Kept with the result. Defaults to None.

        Returns:
            SceneResult: The scored result.

        Raises:
            ValueError: If an evaluated pixel has no prediction or a label is outside the classes.
        """
        prediction, target = check_label_maps(name, prediction, target, len(classes))
        matrix = confusion_matrix(prediction, target, len(classes), IGNORE_INDEX)
        return cls(
            name,
            prediction,
            target,
            matrix,
            classification_scores(matrix, aa),
            tuple(classes),
            plain_palette(palette),
            dict(settings or {}),
            aa=aa,
        )

    @classmethod
    def of_probabilities(
        cls, name: str, probabilities: np.ndarray, target: np.ndarray, *args, labels: np.ndarray | None = None
    ) -> 'SceneResult':
        """Score a map of probabilities, with their likelihood and calibration.

        Args:
            name (str): Name of the scene.
            probabilities (np.ndarray): (H, W, K), NaN where nothing was predicted.
            target (np.ndarray): (H, W) classes of the evaluated pixels, 255 elsewhere.
            *args: Further arguments of :meth:`evaluate`, from ``classes`` on.
            labels (np.ndarray, optional): (H, W) predicted classes. Defaults to those of the largest probability.

        Returns:
            SceneResult: With ``confidence``, ``entropy`` and the scores ``NLL`` and ``ECE``.
        """
        confidence, entropy = class_uncertainty(probabilities, axis=-1)
        if labels is None:
            labels = np.where(np.isnan(confidence), IGNORE_INDEX, probabilities.argmax(axis=-1)).astype(np.uint8)
        result = cls.evaluate(name, labels, target, *args)
        evaluated = result.target != IGNORE_INDEX
        correct = result.prediction[evaluated] == result.target[evaluated]
        calibration = {
            'NLL': negative_log_likelihood(probabilities[evaluated], result.target[evaluated]),
            'ECE': expected_calibration_error(confidence[evaluated], correct),
        }
        return replace(result, confidence=confidence, entropy=entropy, scores={**result.scores, **calibration})

    @classmethod
    def pool(cls, results: Sequence['SceneResult']) -> 'SceneResult':
        """One result over the pixels of several scenes below each other, named 'all scenes', for its scores and those
        of the parts that all scenes have."""
        first = results[0]
        prediction, target = (
            np.concatenate([getattr(result, name).ravel() for result in results])[:, None]
            for name in ('prediction', 'target')
        )
        options = first.classes, first.palette, first.aa, first.settings
        whole = cls.evaluate(ALL_SCENES, prediction, target, *options)
        return replace(whole, parts=pool_parts(results))

    def summary(self) -> dict:
        """Describe the result in plain Python values, ready for JSON.

        Returns:
            dict: ``OA``, ``AA``, ``kappa``, and ``NLL``, ``ECE`` if probabilities are known; ``counts`` of pixels in
            the scene, predicted, evaluated and correct; ``classes``, one dict per class with its name, scores and
            number of evaluated pixels; ``confusion_matrix`` as nested lists (rows are the true classes); ``settings``
            if there are any. Undefined scores are None.
        """
        names = ('recall', 'precision', 'f1')
        summary: dict = self.plain_scores()
        summary['counts'] = self._counts()
        summary['classes'] = [
            {
                'name': label,
                **{key: json_number(self.scores[key][index]) for key in names},
                'support': int(self.scores['support'][index]),
            }
            for index, label in enumerate(self.classes)
        ]
        summary['confusion_matrix'] = self.matrix.tolist()
        if self.settings or self.parts:
            summary['settings'] = with_parts(self.settings, self.parts)
        return summary

    def plain_scores(self) -> dict[str, float | None]:
        """The scores of the whole scene by name, None where they are undefined."""
        names = 'OA', 'AA', 'kappa', 'NLL', 'ECE'
        return {key: json_number(self.scores[key]) for key in names if key in self.scores}

    def _counts(self) -> dict[str, int]:
        return {
            'pixels': int(self.prediction.size),
            'predicted': int(np.count_nonzero(self.prediction != IGNORE_INDEX)),
            'evaluated': int(self.matrix.sum()),
            'correct': int(np.trace(self.matrix)),
        }


def pool_parts(results: Sequence) -> dict[str, Any]:
    """The pooled result of each part that all of several results have, by title."""
    shared = [title for title in results[0].parts if all(title in result.parts for result in results)]
    return {title: type(results[0]).pool([result.parts[title] for result in results]) for title in shared}


def with_parts(settings: Mapping, parts: Mapping[str, Any]) -> dict:
    """The settings of a result, and as ``parts`` the scores of its parts, if it has any, in plain values."""
    scores = {title: part.plain_scores() for title, part in parts.items()}
    return {**settings, 'parts': scores} if scores else dict(settings)


def check_label_maps(
    name: str, prediction: np.ndarray, target: np.ndarray, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Check a prediction map against its ground truth.

    Args:
        name (str): Name of the scene, for the message.
        prediction (np.ndarray): (H, W) classes, 255 where nothing was predicted.
        target (np.ndarray): (H, W) classes of the evaluated pixels, 255 elsewhere.
        num_classes (int): Number of classes K.

    Returns:
        tuple[np.ndarray, np.ndarray]: Both maps as uint8.

    Raises:
        ValueError: If the maps differ in size, an evaluated pixel has no prediction or a label is outside the classes.
    """
    prediction, target = np.asarray(prediction), np.asarray(target)
    if num_classes > IGNORE_INDEX:
        raise ValueError(f'scene {name}: at most {IGNORE_INDEX} classes are supported, found {num_classes}')
    if prediction.shape != target.shape:
        raise ValueError(f'scene {name}: prediction {prediction.shape} and target {target.shape} differ in size')
    check_complete(name, prediction == IGNORE_INDEX, target, 'prediction')
    for what, labels in (('prediction', prediction), ('target', target)):
        known = labels[labels != IGNORE_INDEX]
        if known.size and (known.min() < 0 or known.max() >= num_classes):
            raise ValueError(
                f'scene {name}: labels of the {what} must lie in 0 .. {num_classes - 1} '
                f'({num_classes} classes), found {known.min()} .. {known.max()}'
            )
    return prediction.astype(np.uint8), target.astype(np.uint8)


def check_complete(name: str, empty: np.ndarray, target: np.ndarray, what: str) -> None:
    """Raise a ValueError if an evaluated pixel has no value.

    Args:
        name (str): Name of the scene.
        empty (np.ndarray): (H, W) bool, True where there is no value.
        target (np.ndarray): (H, W) classes of the evaluated pixels, 255 elsewhere.
        what (str): What is missing there, e.g. 'prediction'.
    """
    missing = (target != IGNORE_INDEX) & empty
    if missing.any():
        row, col = np.argwhere(missing)[0]
        raise ValueError(
            f'scene {name}: {np.count_nonzero(missing)} of {np.count_nonzero(target != IGNORE_INDEX)} '
            f'evaluated pixels have no {what}, the first at row {row}, column {col}'
        )


def plain_palette(palette: Sequence | None) -> list[tuple[int, int, int]] | None:
    """Colours as tuples of plain integers; None stays None."""
    return None if palette is None else [(int(red), int(green), int(blue)) for red, green, blue in palette]
