"""Evaluation of a classified scene: its map, its confusion matrix and its scores."""

from collections.abc import Sequence

import numpy as np
from mmengine.logging import print_log
from prettytable import PrettyTable

from mmhsi.evaluation.functional.classification import classification_scores
from mmhsi.evaluation.metrics.class_probabilities import ClassMapMetric
from mmhsi.evaluation.metrics.scene_metric import warn
from mmhsi.evaluation.scene_result import SceneResult
from mmhsi.registry import METRICS


@METRICS.register_module()
class SceneClassificationMetric(ClassMapMetric):
    """OA, AA and kappa of the label map of a scene, from windows or tiles.

    The returned scalars are fractions, as in the reference implementation: ``OA`` and ``AA`` in 0 .. 1, ``kappa`` at
    most 1. With several scenes they come from the pooled confusion matrix. A table of the classes is logged.
    ``scene_results`` holds a :class:`~mmhsi.evaluation.SceneResult` for each scene, ``results_detail`` the pooled
    scores with ``classes`` and ``confusion_matrix``.

    Args:
        aa (str): 'recall' for the usual average accuracy, or 'precision' as in the window protocol of the reference
            implementation. Defaults to 'recall'.
        uncertainty (bool): Whether to keep the probabilities of all classes, from ``pred_score`` of windows or
            ``seg_logits`` of tiles. The results then have maps of the probability of the predicted class and of the
            entropy of the class probabilities, and there are two more scalars: ``NLL``, the mean negative
            log-likelihood of the evaluated pixels, which distinguishes states with equal accuracy on few validation
            pixels, and ``ECE``, the expected calibration error. Defaults to False.
        **kwargs: See :class:`~mmhsi.evaluation.metrics.SceneMetric`.
    """

    def __init__(self, aa: str = 'recall', uncertainty: bool = False, **kwargs) -> None:
        super().__init__(uncertainty, **kwargs)
        if aa not in ('recall', 'precision'):
            raise ValueError(f"aa must be 'recall' or 'precision', found {aa!r}")
        self.aa = aa

    def evaluate_scene(self, name: str, prediction: np.ndarray, target: np.ndarray) -> SceneResult:
        """Score the map of a scene."""
        if not self.uncertainty:
            return SceneResult.evaluate(name, prediction, target, self.classes(), self.palette, self.aa)
        labels, probabilities, settings, parts = self.refined(name, prediction)
        options = self.classes(), self.palette, self.aa
        result = SceneResult.of_probabilities(name, probabilities, target, *options, settings, labels=labels)
        result.parts = {title: SceneResult.evaluate(title, part, target, *options) for title, part in parts.items()}
        return result

    def summarise(self) -> dict[str, float]:
        """``OA``, ``AA`` and ``kappa`` of all scenes together; with uncertainty ``NLL`` and ``ECE`` over all pixels."""
        matrix = sum(result.matrix for result in self.scene_results.values())
        scores = classification_scores(matrix, self.aa)
        self.results_detail = dict(scores, classes=self.classes(), confusion_matrix=matrix)
        if matrix.sum() == 0:
            warn('no pixel was evaluated: there is a map but OA, AA and kappa are undefined')
        self._log_table(scores, self.classes())
        found = {key: scores[key] for key in ('OA', 'AA', 'kappa')}
        if self.uncertainty:
            scored = [result for result in self.scene_results.values() if result.matrix.sum()]
            for key in ('NLL', 'ECE'):
                found[key] = float(
                    np.average(
                        [result.scores[key] for result in scored], weights=[result.matrix.sum() for result in scored]
                    )
                    if scored
                    else np.nan
                )
        return found

    def _log_table(self, scores: dict, classes: Sequence[str]) -> None:
        table = PrettyTable(['Class', 'Pixels', 'Recall', 'Precision', 'F1'])
        table.align = 'r'
        table.align['Class'] = 'l'
        for index, label in enumerate(classes):
            table.add_row(
                [label, scores['support'][index]]
                + [_percent(scores[key][index]) for key in ('recall', 'precision', 'f1')]
            )
        print_log('per-class results (%):\n' + table.get_string(), logger='current')
        if len(self.scene_results) > 1:
            for name, result in self.scene_results.items():
                figures = ', '.join(f'{key} {result.scores[key]:.4f}' for key in ('OA', 'AA', 'kappa'))
                print_log(f'scene {name}: {figures}', logger='current')


def _percent(value: float) -> str:
    return '-' if np.isnan(value) else f'{100 * value:.2f}'
