"""Evaluation of target and anomaly detection: one score map per scene, and the areas under its ROC curves."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from prettytable import PrettyTable
from scipy.special import expit

from mmhsi.evaluation.detection_result import DetectionResult
from mmhsi.evaluation.functional.detection import AUC_NAMES
from mmhsi.evaluation.metrics.scene_metric import SceneMetric, warn
from mmhsi.registry import METRICS


@METRICS.register_module()
class SceneDetectionMetric(SceneMetric):
    """Areas under the ROC curves of the score map of a scene, from tiles or whole scenes.

    The samples are mmseg ``SegDataSample`` with ``seg_logits`` of two channels, background and target; see
    :class:`~mmhsi.evaluation.metrics.SceneMetric` for the rest. The scores of a scene are scaled to [0, 1] by the
    lowest and the highest of its evaluated pixels; pixels outside the ground truth have no influence.

    The binary map shows where the stitched logit of the target is larger than that of the background; with
    ``threshold``, where the score is larger than that.

    The metrics are the areas of :func:`~mmhsi.evaluation.functional.detection_scores` (``AUC``, ``AUC_Pf_tau``, ...),
    averaged over the scenes in which they are defined; the table that is logged has those of the pooled scores too. A
    scene with only one class has no ROC curve: a warning says so, and its result holds the reason and the maps. If no
    scene has a curve, the metrics are NaN. ``scene_results`` holds a :class:`~mmhsi.evaluation.DetectionResult` for
    each scene, ``results_detail`` their metrics by scene.

    Args:
        score (str): The score of a pixel. 'probability': softmax of the target channel, in 0 .. 1; very certain pixels
            become equal by rounding (1 from a difference of 37 on). 'margin': difference of the logits, which gives the
            same ranking as the probability but separates certain pixels. 'logit': raw logit of the target channel, as
            used by the reference implementation for anomalies. Defaults to 'probability'.
        stitch (str): How the logits of overlapping tiles are blended: 'overwrite', as in the reference implementation,
            'average', 'linear' or 'smooth'. Defaults to 'overwrite'.
        threshold (float, optional): Unscaled score above which a pixel is detected. Defaults to None.
        reference_rounding (bool): See :func:`~mmhsi.evaluation.functional.detection_scores`. Defaults to False.
        **kwargs: See :class:`~mmhsi.evaluation.metrics.SceneMetric`.

    Raises:
        ValueError: If the dataset does not have two classes, or the logits are not finite or do not have two channels;
            also raises what :class:`~mmhsi.evaluation.metrics.SceneMetric` raises.
    """

    tile_key, windows_allowed, values = 'seg_logits', False, 'logits'

    refiners: Mapping[str, Any] = {}
    """What makes scores and binary map (H, W) of the difference of the logits, by the name of the scene; a hook sets
    it."""

    def __init__(
        self,
        score: str = 'probability',
        stitch: str = 'overwrite',
        threshold: float | None = None,
        reference_rounding: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(stitch=stitch, **kwargs)
        if score not in ('probability', 'margin', 'logit'):
            raise ValueError(f"score must be 'probability', 'margin' or 'logit', found {score!r}")
        self.score = score
        self.threshold = threshold
        self.reference_rounding = reference_rounding

    def classes(self) -> tuple[str, ...]:
        """The names of background and target."""
        classes = super().classes()
        if len(classes) != 2:
            raise ValueError(
                f'SceneDetectionMetric needs a dataset of two classes, background and target, found {classes}'
            )
        return classes

    def read_tile(self, scene: str, sample: dict) -> np.ndarray:
        """(h, w, 2) float64 logits of background and target."""
        logits = torch.as_tensor(sample['seg_logits']['data'])
        where = f'scene {scene}: the tile at row {sample["top"]}, column {sample["left"]}'
        if logits.ndim != 3 or logits.shape[0] != 2:
            raise ValueError(
                f'{where} has seg_logits of shape {tuple(logits.shape)}, expected (2, h, w): a decode '
                'head with two output channels, background and target'
            )
        return logits.cpu().double().permute(1, 2, 0).numpy()

    def evaluate_scene(self, name: str, prediction: np.ndarray, target: np.ndarray) -> DetectionResult:
        """Evaluate the score map of a scene."""
        margin = prediction[..., 1] - prediction[..., 0]
        scores = {'probability': expit(margin), 'margin': margin, 'logit': prediction[..., 1]}[self.score]
        detected = margin > 0 if self.threshold is None else None
        settings: dict = dict(score=self.score, stitch=self.blend)
        parts: dict[str, np.ndarray] = {}
        if name in self.refiners:
            refiner = self.refiners[name]
            scores, detected = refiner(margin)
            settings.update(refiner.settings())
            parts = dict(refiner.parts)
        if self.threshold is not None:
            settings['threshold'] = float(self.threshold)
        options = dict(classes=self.classes(), palette=self.palette, reference_rounding=self.reference_rounding)
        threshold = None if detected is not None else self.threshold
        result = DetectionResult.evaluate(
            name, scores, target, detected=detected, threshold=threshold, settings=settings, **options
        )
        result.parts = {
            title: DetectionResult.evaluate(title, part, target, **options) for title, part in parts.items()
        }
        if result.undefined is not None:
            warn(f'scene {name}: AUC is undefined, {result.undefined}')
        return result

    def summarise(self) -> dict[str, float]:
        """The mean of each area over the scenes."""
        self.results_detail = {name: result.metrics for name, result in self.scene_results.items()}
        known = [metrics for metrics in self.results_detail.values() if metrics]
        if not known:
            warn('no scene has an ROC curve: there are maps but AUC and the other areas are undefined (NaN)')
        elif len(known) < len(self.scene_results):
            warn(f'the metrics are the mean of the {len(known)} of {len(self.scene_results)} scenes with an ROC curve')
        metrics = {
            name: float(np.mean([scene[name] for scene in known])) if known else float('nan') for name in AUC_NAMES
        }

        rows = list(self.results_detail.items())
        if len(rows) > 1:
            pooled = DetectionResult.pool(list(self.scene_results.values())).metrics
            rows += [('mean', metrics if known else {}), ('pooled', pooled)]
        table = PrettyTable(['Scene', *AUC_NAMES])
        table.align = 'r'
        table.align['Scene'] = 'l'
        for name, row in rows:
            table.add_row([name, *(f'{row[key]:.4f}' if row else '-' for key in AUC_NAMES)])
        print_log('detection:\n' + table.get_string(), logger='current')
        return metrics
