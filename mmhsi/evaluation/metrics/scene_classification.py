"""Evaluation of a classified scene: its map, its confusion matrix and its scores."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from mmengine.logging import print_log
from prettytable import PrettyTable

from mmhsi.evaluation.functional.classification import classification_scores
from mmhsi.evaluation.metrics.scene_metric import SceneMetric, warn
from mmhsi.evaluation.scene_result import SceneResult
from mmhsi.registry import METRICS
from mmhsi.utils.labels import IGNORE_INDEX

if TYPE_CHECKING:
    from mmhsi.evaluation.refinement import SceneRefiner


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
        uncertainty (bool): Whether the probabilities of all classes are kept, from ``pred_score`` of windows or
            ``seg_logits`` of tiles. The results then have maps of the probability of the predicted class and of the
            entropy of the class probabilities, and there are two more scalars: ``NLL``, the mean negative
            log-likelihood of the evaluated pixels, by which few validation pixels tell states apart whose accuracy
            ties, and ``ECE``, the expected calibration error. Defaults to False.
        **kwargs: See :class:`~mmhsi.evaluation.metrics.SceneMetric`.
    """

    refiners: Mapping[str, 'SceneRefiner'] = {}
    """What is to be made of the probabilities (H, W, K) of a scene, by its name; a hook sets it."""

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
        empty = np.isnan(prediction[..., 0])
        labels = np.where(empty, IGNORE_INDEX, prediction[..., 0]).astype(np.uint8)
        # of repeated samples that differ in rounding the smaller values are left, which may miss the sum
        probabilities = prediction[..., 1:] / prediction[..., 1:].sum(axis=-1, keepdims=True)
        settings = {}
        if name in self.refiners:
            refiner = self.refiners[name]
            probabilities = refiner(probabilities)
            assert refiner.chosen is not None  # by the call
            labels[~empty] = probabilities[~empty].argmax(axis=-1)
            settings = dict(refinement=refiner.chosen.settings())
        return SceneResult.of_probabilities(
            name, probabilities, target, self.classes(), self.palette, self.aa, settings, labels=labels
        )

    def read_tile(self, scene: str, sample: dict) -> np.ndarray:
        """Labels (h, w), with uncertainty (h, w, 1 + K): label and probabilities."""
        labels = super().read_tile(scene, sample)
        if not self.uncertainty:
            return labels
        if 'seg_logits' not in sample:
            raise ValueError(
                f'scene {scene}: uncertainty needs the seg_logits of every tile; a sample holds {sorted(sample)}'
            )
        logits = torch.as_tensor(sample['seg_logits']['data']).float().cpu()
        probabilities = logits.softmax(dim=0).permute(1, 2, 0).numpy()
        return np.concatenate([labels[..., None], probabilities], axis=-1, dtype=np.float32)

    def read_windows(self, scene: str, samples: list[dict]) -> np.ndarray:
        """Labels (N,), with uncertainty (N, 1 + K): label and probabilities."""
        labels = super().read_windows(scene, samples)
        if not self.uncertainty:
            return labels
        if any('pred_score' not in sample for sample in samples):
            raise ValueError(f'scene {scene}: uncertainty needs the pred_score of every window')
        scores = torch.stack([torch.as_tensor(sample['pred_score']).float().cpu() for sample in samples])
        return np.concatenate([labels[:, None], scores.numpy()], axis=-1, dtype=np.float32)

    def place(
        self, rows: np.ndarray, cols: np.ndarray, values: np.ndarray, shape: tuple[int, int]
    ) -> tuple[np.ndarray, int]:
        """Labels (H, W), with uncertainty (H, W, 1 + K), NaN where there is no window."""
        if not self.uncertainty:
            return super().place(rows, cols, values, shape)
        labels, conflicts = super().place(rows, cols, values[:, 0], shape)
        placed = np.full((*shape, values.shape[1]), np.inf, np.float32)
        np.minimum.at(placed, (rows, cols), values)  # of repeated windows the smaller value, whatever their order
        placed[labels == IGNORE_INDEX] = np.nan
        return placed, conflicts

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
