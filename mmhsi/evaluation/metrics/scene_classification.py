"""Evaluation of a classified scene: its map, its confusion matrix and its scores."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from mmengine.logging import print_log
from prettytable import PrettyTable

from mmhsi.evaluation.functional.classification import class_uncertainty, classification_scores
from mmhsi.evaluation.metrics.scene_metric import SceneMetric, warn
from mmhsi.evaluation.scene_result import SceneResult
from mmhsi.registry import METRICS
from mmhsi.utils.labels import IGNORE_INDEX


@METRICS.register_module()
class SceneClassificationMetric(SceneMetric):
    """OA, AA and kappa of the label map of a scene, from windows or tiles.

    The returned scalars are fractions, as in the reference implementation: ``OA`` and ``AA`` in 0 .. 1, ``kappa`` at
    most 1. With several scenes they come from the pooled confusion matrix. A table of the classes is logged.
    ``scene_results`` holds a :class:`~mmhsi.evaluation.SceneResult` for each scene, ``results_detail`` the pooled
    scores with ``classes`` and ``confusion_matrix``.

    Args:
        aa (str): 'recall' for the usual average accuracy, or 'precision' as the window protocol of the reference
            implementation reports it. Defaults to 'recall'.
        uncertainty (bool): Whether the results have maps of the probability of the predicted class and of the entropy
            of the class probabilities, from ``pred_score`` of windows or ``seg_logits`` of tiles. Defaults to False.
        **kwargs: See :class:`~mmhsi.evaluation.metrics.SceneMetric`.
    """

    def __init__(self, aa: str = 'recall', uncertainty: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.uncertainty = uncertainty
        if aa not in ('recall', 'precision'):
            raise ValueError(f"aa must be 'recall' or 'precision', found {aa!r}")
        self.aa = aa

    def evaluate_scene(self, name: str, prediction: np.ndarray, target: np.ndarray) -> SceneResult:
        """Score the map of a scene."""
        if not self.uncertainty:
            return SceneResult.evaluate(name, prediction, target, self.classes(), self.palette, self.aa)
        labels = np.where(np.isnan(prediction[..., 0]), IGNORE_INDEX, prediction[..., 0]).astype(np.uint8)
        result = SceneResult.evaluate(name, labels, target, self.classes(), self.palette, self.aa)
        return replace(result, confidence=prediction[..., 1], entropy=prediction[..., 2])

    def read_tile(self, scene: str, sample: dict) -> np.ndarray:
        """Labels (h, w), with uncertainty (h, w, 3): label, largest probability, normalised entropy."""
        labels = super().read_tile(scene, sample)
        if not self.uncertainty:
            return labels
        if 'seg_logits' not in sample:
            raise ValueError(f'scene {scene}: uncertainty needs the seg_logits of every tile; a sample holds '
                             f'{sorted(sample)}')
        logits = torch.as_tensor(sample['seg_logits']['data']).float().cpu()
        return np.stack([labels, *class_uncertainty(logits.softmax(dim=0).numpy())], axis=-1, dtype=np.float32)

    def read_windows(self, scene: str, samples: list[dict]) -> np.ndarray:
        """Labels (N,), with uncertainty (N, 3): label, largest probability, normalised entropy."""
        labels = super().read_windows(scene, samples)
        if not self.uncertainty:
            return labels
        if any('pred_score' not in sample for sample in samples):
            raise ValueError(f'scene {scene}: uncertainty needs the pred_score of every window')
        scores = torch.stack([torch.as_tensor(sample['pred_score']).float().cpu() for sample in samples])
        return np.stack([labels, *class_uncertainty(scores.numpy(), axis=1)], axis=-1, dtype=np.float32)

    def place(self, rows: np.ndarray, cols: np.ndarray, values: np.ndarray,
              shape: tuple[int, int]) -> tuple[np.ndarray, int]:
        """Labels (H, W), with uncertainty (H, W, 3), NaN where there is no window."""
        if not self.uncertainty:
            return super().place(rows, cols, values, shape)
        labels, conflicts = super().place(rows, cols, values[:, 0], shape)
        placed = np.full((*shape, 3), np.inf, np.float32)
        np.minimum.at(placed, (rows, cols), values)  # of repeated windows the smaller value, whatever their order
        placed[labels == IGNORE_INDEX] = np.nan
        return placed, conflicts

    def summarise(self) -> dict[str, float]:
        """``OA``, ``AA`` and ``kappa`` of all scenes together."""
        matrix = sum(result.matrix for result in self.scene_results.values())
        scores = classification_scores(matrix, self.aa)
        self.results_detail = dict(scores, classes=self.classes(), confusion_matrix=matrix)
        if matrix.sum() == 0:
            warn('no pixel was evaluated: there is a map but OA, AA and kappa are undefined')
        self._log_table(scores, self.classes())
        return {key: scores[key] for key in ('OA', 'AA', 'kappa')}

    def _log_table(self, scores: dict, classes: Sequence[str]) -> None:
        table = PrettyTable(['Class', 'Pixels', 'Recall', 'Precision', 'F1'])
        table.align = 'r'
        table.align['Class'] = 'l'
        for index, label in enumerate(classes):
            table.add_row([label, scores['support'][index]] +
                          [_percent(scores[key][index]) for key in ('recall', 'precision', 'f1')])
        print_log('per-class results (%):\n' + table.get_string(), logger='current')
        if len(self.scene_results) > 1:
            for name, result in self.scene_results.items():
                figures = ', '.join(f'{key} {result.scores[key]:.4f}' for key in ('OA', 'AA', 'kappa'))
                print_log(f'scene {name}: {figures}', logger='current')


def _percent(value: float) -> str:
    return '-' if np.isnan(value) else f'{100 * value:.2f}'
