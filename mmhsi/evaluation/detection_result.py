"""The result of target or anomaly detection in one scene: its score map, ROC curves and areas under them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mmhsi.evaluation.functional.classification import confusion_matrix
from mmhsi.evaluation.functional.detection import (
    AUC_NAMES,
    DetectionCurves,
    UndefinedAUC,
    detection_curves,
    detection_scores,
)
from mmhsi.evaluation.scene_result import (
    ALL_SCENES,
    check_complete,
    check_label_maps,
    plain_palette,
    pool_parts,
    with_parts,
)
from mmhsi.utils.files import json_number
from mmhsi.utils.labels import IGNORE_INDEX


@dataclass
class DetectionResult:
    """Scores and evaluation of one scene.

    Attributes:
        name (str): Name of the scene.
        scores (np.ndarray): (H, W) float64, larger is more target-like; NaN where there is no score.
        target (np.ndarray): (H, W) uint8, 0 background, 1 target, 255 where nothing is evaluated.
        detected (np.ndarray, optional): (H, W) uint8, 1 detected, 0 not, 255 where there is no score.
        metrics (dict[str, float]): What :func:`~mmhsi.evaluation.functional.detection_scores` returns; empty if the
            curves are undefined.
        curves (DetectionCurves, optional): Detection and false-alarm rate against the threshold.
        undefined (str, optional): Why there are neither curves nor metrics.
        classes (tuple[str, str]): Names of background and target, e.g. ('background', 'anomaly').
        palette (list[tuple[int, int, int]], optional): RGB of both, 0 .. 255.
        settings (dict): Facts worth keeping with the result, e.g. the detector and its parameters.
        parts (dict[str, DetectionResult]): Results of the parts that the scores were joined from, by title.
        reference_rounding (bool): How the metrics were computed, see
            :func:`~mmhsi.evaluation.functional.detection_scores`.
    """

    name: str
    scores: np.ndarray
    target: np.ndarray
    detected: np.ndarray | None
    metrics: dict[str, float]
    curves: DetectionCurves | None
    undefined: str | None
    classes: tuple[str, str] = ('background', 'target')
    palette: list[tuple[int, int, int]] | None = None
    settings: dict = field(default_factory=dict)
    parts: dict[str, 'DetectionResult'] = field(default_factory=dict)
    reference_rounding: bool = False

    @classmethod
    def evaluate(
        cls,
        name: str,
        scores: np.ndarray,
        target: np.ndarray,
        detected: np.ndarray | None = None,
        threshold: float | None = None,
        classes: Sequence[str] = ('background', 'target'),
        palette: Sequence | None = None,
        reference_rounding: bool = False,
        settings: dict | None = None,
    ) -> 'DetectionResult':
        """Score a detection map against the ground truth.

        If the evaluated pixels are all of one class, or all have the same score, there is no ROC curve: ``undefined``
        says so, and the maps are kept.

        Args:
            name (str): Name of the scene.
            scores (np.ndarray): (H, W), larger is more target-like; NaN or infinite where there is no score.
            target (np.ndarray): (H, W), 0 background, 1 target, 255 where nothing is evaluated.
            detected (np.ndarray, optional): (H, W) binary map, 1 detected, 0 not, 255 where there is no score.
                Defaults to None: it is made with ``threshold``, if that is given.
            threshold (float, optional): Pixels with higher scores are detected. Defaults to None.
            classes (Sequence[str]): Names of background and target; a name with 'anomal' chooses the colours of
                anomaly maps. Defaults to ('background', 'target').
            palette (Sequence, optional): Their RGB colours. Defaults to None.
            reference_rounding (bool): See :func:`~mmhsi.evaluation.functional.detection_scores`. Defaults to False.
            settings (dict, optional): Kept with the result. Defaults to None.

        Returns:
            DetectionResult: The evaluated result.

        Raises:
            ValueError: If the maps differ in size, an evaluated pixel has no finite score, a label is not 0, 1 or 255,
                there are not two classes, or both a binary map and a threshold are given.
        """
        scores, target = np.array(scores, np.float64), np.asarray(target)
        if len(classes) != 2:
            raise ValueError(f'scene {name}: detection has two classes, background and target, found {tuple(classes)}')
        if detected is not None and threshold is not None:
            raise ValueError(f'scene {name}: give either a binary map or a threshold, not both')
        for what, values in (('scores', scores), ('binary map', detected)):
            if values is not None and np.shape(values) != target.shape:
                raise ValueError(f'scene {name}: {what} {np.shape(values)} and target {target.shape} differ in size')
        scored = np.isfinite(scores)
        check_complete(name, ~scored, target, 'finite score')
        scores[~scored] = np.nan
        if threshold is not None:
            detected = np.where(scored, scores > threshold, IGNORE_INDEX)
        if detected is not None:
            detected = np.where(scored, np.asarray(detected).astype(np.int64), IGNORE_INDEX)
            detected, target = check_label_maps(name, detected, target, 2)
        try:
            curves, undefined = detection_curves(scores, target, IGNORE_INDEX), None
        except UndefinedAUC as error:
            curves, undefined = None, str(error)
        except ValueError as error:
            raise ValueError(f'scene {name}: {error}') from error
        return cls(
            name=name,
            scores=scores,
            target=target.astype(np.uint8),
            detected=detected,
            metrics={} if curves is None else detection_scores(curves, reference_rounding),
            curves=curves,
            undefined=undefined,
            classes=(classes[0], classes[1]),
            palette=plain_palette(palette),
            settings=dict(settings or {}),
            reference_rounding=reference_rounding,
        )

    @classmethod
    def pool(cls, results: Sequence['DetectionResult']) -> 'DetectionResult':
        """One result over the scores of several scenes, which share one threshold, named 'all scenes', with the parts
        that all scenes have."""
        first = results[0]
        scores, target = (
            np.concatenate([getattr(result, name).ravel() for result in results])[:, None]
            for name in ('scores', 'target')
        )
        whole = cls.evaluate(
            ALL_SCENES,
            scores,
            target,
            classes=first.classes,
            palette=first.palette,
            reference_rounding=first.reference_rounding,
            settings=first.settings,
        )
        return replace(whole, parts=pool_parts(results))

    def counts(self) -> dict[str, int]:
        """Count pixels.

        Returns:
            dict[str, int]: ``pixels`` of the scene, ``scored``, ``evaluated``, ``targets`` (evaluated ones); with a
            binary map also ``hits``, ``misses``, ``false_alarms`` and ``correct_rejections``.
        """
        counts = {
            'pixels': int(self.scores.size),
            'scored': int(np.count_nonzero(np.isfinite(self.scores))),
            'evaluated': int(np.count_nonzero(self.target != IGNORE_INDEX)),
            'targets': int(np.count_nonzero(self.target == 1)),
        }
        if self.detected is not None:
            (rejected, false_alarms), (misses, hits) = confusion_matrix(self.detected, self.target, 2).tolist()
            counts.update(hits=hits, misses=misses, false_alarms=false_alarms, correct_rejections=rejected)
        return counts

    def summary(self) -> dict:
        """Describe the result in plain Python values, ready for JSON.

        Returns:
            dict: The metrics by name, None where they are undefined; ``undefined``, the reason, if there is one;
            ``counts`` of :meth:`counts`; ``score_range``, the lowest and the highest score of the scene; ``settings``
            if there are any.
        """
        summary: dict = self.plain_scores()
        if self.undefined is not None:
            summary['undefined'] = self.undefined
        summary['counts'] = self.counts()
        known = self.scores[np.isfinite(self.scores)]
        summary['score_range'] = [float(known.min()), float(known.max())] if known.size else None
        if self.settings or self.parts:
            summary['settings'] = with_parts(self.settings, self.parts)
        return summary

    def plain_scores(self) -> dict[str, float | None]:
        """The metrics by name, None where they are undefined."""
        return {name: json_number(self.metrics.get(name, np.nan)) for name in AUC_NAMES}
