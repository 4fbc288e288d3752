"""Change detection: the pixels of a place that changed between two dates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mmhsi import visualization
from mmhsi.classical import CHANGE_DETECTORS
from mmhsi.datasets.scenes.pair_scene import CHANGE_CLASSES
from mmhsi.evaluation import ChangeResult, SceneResult
from mmhsi.registry import TASKS
from mmhsi.tasks.change_detectors import evaluate_change_detector
from mmhsi.tasks.class_map import ClassMapTask
from mmhsi.tasks.contest import Contestant
from mmhsi.tasks.pixel_classifiers import check_subset, classify_sets, evaluate_pixel_classifier
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
        """The detectors, which see no label, and with a split a support vector machine that sees the training
        pixels."""
        methods: dict[str, Callable] = {
            name: partial(evaluate_change_detector, method=name) for name in CHANGE_DETECTORS
        }
        return methods if scene.split is None else {**methods, 'svm': _classify_changes}

    def default_methods(self, scene) -> list[str]:
        return list(CHANGE_DETECTORS)

    def contestants(self, scene) -> list[Contestant]:
        """The detectors with the threshold of Otsu and that of Li, and classifiers of the differences of the dates."""
        each = [dict(type='Standardize')]
        found = [
            Contestant(f'{name}, {rule}', name, dict(threshold=rule), each)
            for name in CHANGE_DETECTORS
            for rule in ('otsu', 'li')
        ]
        if scene.split is not None and any(len(pair.split.train) for pair in scene.pool):
            held_out = any(len(pair.split.val) for pair in scene.pool)
            smoothing = (0.5, 1.0, 2.0) if held_out else 1.0
            last = dict(refine=held_out and len(scene.pool) == 1)  # a pair of a set may hold no validation pixel
            found += [
                Contestant('SVM on differences', 'svm', dict(difference=True, **last), each),
                Contestant('SVM on both dates', 'svm', last, each),
                Contestant(
                    'SVM on smoothed differences', 'svm', dict(difference=True, smoothing=smoothing, **last), each
                ),
            ]
        return found

    def run_method(self, scenes: Sequence, method: str, evaluate_on: str | None = None, **options) -> dict:
        """Trains a classifier once for the pairs of a set."""
        if method != 'svm':
            return super().run_method(scenes, method, evaluate_on, **options)
        check_subset(evaluate_on)
        return {name: _of_classes(result) for name, result in classify_sets(scenes, method, **options).items()}


def _classify_changes(scene, evaluate_on: str | None = None, **options) -> ChangeResult:
    check_subset(evaluate_on)
    return _of_classes(evaluate_pixel_classifier(scene, **options))


def _of_classes(result: SceneResult) -> ChangeResult:
    return ChangeResult.evaluate(
        result.name, result.prediction, result.target, result.classes, result.palette, settings=result.settings
    )
