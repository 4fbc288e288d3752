"""Change detection: the pixels of a place that changed between two dates."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mmhsi import visualization
from mmhsi.classical import CHANGE_DETECTORS
from mmhsi.datasets.scenes.pair_scene import CHANGE_CLASSES
from mmhsi.evaluation import ChangeResult
from mmhsi.registry import TASKS
from mmhsi.tasks.change_detectors import evaluate_change_detector
from mmhsi.tasks.class_map import ClassMapTask
from mmhsi.tasks.product import Product, labels_of
from mmhsi.tasks.scene_pictures import false_colour_figures, ground_truth_figure
from mmhsi.visualization.palette import UNLABELLED_CHANGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@TASKS.register_module(name='change_detection')
class ChangeDetection(ClassMapTask):
    """Scenes: :class:`mmhsi.datasets.PairScene`. Networks: classifiers and segmentors that see the bands of both dates.
    Products: 'classes' (2 changed, 1 unchanged), on request 'scores' (probability of a change) and 'uncertainty'.
    Metric: :class:`mmhsi.evaluation.SceneChangeMetric`. Classical methods: :data:`mmhsi.classical.CHANGE_DETECTORS`."""

    name = 'change_detection'
    result = ChangeResult
    score = 'kappa', True
    dates = 2
    two_names = CHANGE_CLASSES
    background = UNLABELLED_CHANGE

    def result_figures(self, result: ChangeResult, product: Product, scene=None) -> dict[str, Figure]:
        """``false_colour_1`` and ``false_colour_2`` (both dates in the same stretch), ``ground_truth`` (all labels),
        ``classes`` (found changes white, unchanged black, false alarms red, missed changes green, else grey)."""
        name = product.name
        scores = '   '.join(
            f'{key} {result.scores[key]:.4f}'
            for key in ('OA', 'kappa', 'F1', 'precision', 'recall', 'IoU')
            if not np.isnan(result.scores[key])
        )
        figures = {} if scene is None else false_colour_figures(scene, name)
        figures['ground_truth'] = ground_truth_figure(
            name, result.target, product.classes, product.palette, scene, UNLABELLED_CHANGE
        )
        figures['classes'] = visualization.change_map_figure(
            labels_of(product.layers['classes'][0]), result.target, f'{name}: changes', scores
        )
        return figures

    def methods(self, scene) -> dict[str, Callable]:
        return {name: partial(evaluate_change_detector, method=name) for name in CHANGE_DETECTORS}
