"""Evaluation of a change map: its confusion matrix and its scores; changed pixels are the positives."""

import numpy as np
from mmengine.logging import print_log
from prettytable import PrettyTable

from mmhsi.evaluation.change_result import ChangeResult
from mmhsi.evaluation.functional.calibration import negative_log_likelihood
from mmhsi.evaluation.functional.change import CHANGE_NAMES, change_scores
from mmhsi.evaluation.metrics.class_probabilities import ClassMapMetric
from mmhsi.evaluation.metrics.scene_metric import warn
from mmhsi.registry import METRICS
from mmhsi.utils.labels import IGNORE_INDEX


@METRICS.register_module()
class SceneChangeMetric(ClassMapMetric):
    """OA, kappa, F1, precision, recall, IoU and mIoU of change maps, from windows or tiles.

    The dataset has two classes, 0 unchanged and 1 changed. The returned scalars are fractions; for several scenes they
    come from the pooled confusion matrix, as is common for OSCD. A table of the scenes is logged. ``scene_results``
    holds a :class:`~mmhsi.evaluation.ChangeResult` for each scene, ``results_detail`` the pooled scores with
    ``classes`` and ``confusion_matrix``.

    Args:
        reference_rounding (bool): See :func:`~mmhsi.evaluation.functional.change_scores`. Defaults to False.
        uncertainty (bool): Whether the probabilities are kept, for a hook that refines them, and their negative
            log-likelihood over the evaluated pixels is returned as ``NLL``. Defaults to False.
        **kwargs: See :class:`~mmhsi.evaluation.metrics.SceneMetric`.

    Raises:
        ValueError: If the dataset does not have two classes; also raises what
            :class:`~mmhsi.evaluation.metrics.SceneMetric` raises.
    """

    def __init__(self, reference_rounding: bool = False, uncertainty: bool = False, **kwargs) -> None:
        super().__init__(uncertainty, **kwargs)
        self._losses: dict[str, tuple[float, int]] = {}
        self.reference_rounding = reference_rounding

    def classes(self) -> tuple[str, ...]:
        """The names of the two classes."""
        classes = super().classes()
        if len(classes) != 2:
            raise ValueError(
                f'SceneChangeMetric needs a dataset of two classes, unchanged and changed, found {classes}'
            )
        return classes

    def evaluate_scene(self, name: str, prediction: np.ndarray, target: np.ndarray) -> ChangeResult:
        """Score the map of a scene."""
        settings: dict = {}
        parts: dict = {}
        if self.uncertainty:
            prediction, probabilities, settings, parts = self.refined(name, prediction)
            known = target != IGNORE_INDEX
            self._losses[name] = (
                negative_log_likelihood(probabilities[known], target[known]),
                int(np.count_nonzero(known)),
            )
        options = self.classes(), self.palette, self.reference_rounding
        result = ChangeResult.evaluate(name, prediction, target, *options, settings)
        result.parts = {title: ChangeResult.evaluate(title, part, target, *options) for title, part in parts.items()}
        return result

    def summarise(self) -> dict[str, float]:
        """The scores of all scenes together."""
        matrix = sum(result.matrix for result in self.scene_results.values())
        scores = change_scores(matrix, self.reference_rounding)
        self.results_detail = dict(scores, classes=self.classes(), confusion_matrix=matrix)
        metrics = {name: scores[name] for name in CHANGE_NAMES}
        losses = [self._losses[name] for name in self.scene_results if self._losses.get(name, (0, 0))[1]]
        if losses:
            values, counts = zip(*losses, strict=True)
            metrics['NLL'] = float(np.average(values, weights=counts))
        undefined = [name for name, value in metrics.items() if np.isnan(value)]
        if not matrix.sum():
            warn('no pixel was evaluated: there is a map but its scores are undefined')
        elif undefined:
            warn(
                f'{", ".join(undefined)} cannot be computed from {scores["tp"]} tp, {scores["tn"]} tn, '
                f'{scores["fp"]} fp and {scores["fn"]} fn'
            )
        rows = [(name, result.scores) for name, result in self.scene_results.items()]
        if len(rows) > 1:
            rows.append(('all scenes', scores))
        table = PrettyTable(['Scene', 'tp', 'tn', 'fp', 'fn', *CHANGE_NAMES])
        table.align = 'r'
        table.align['Scene'] = 'l'
        for name, row in rows:
            table.add_row(
                [
                    name,
                    *(row[key] for key in ('tp', 'tn', 'fp', 'fn')),
                    *('-' if np.isnan(row[key]) else f'{row[key]:.4f}' for key in CHANGE_NAMES),
                ]
            )
        print_log('change detection:\n' + table.get_string(), logger='current')
        return metrics
