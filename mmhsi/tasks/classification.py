"""Classification: the class of each pixel of a scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mmhsi import visualization
from mmhsi.evaluation import SceneResult
from mmhsi.registry import TASKS
from mmhsi.tasks.class_map import ClassMapTask
from mmhsi.tasks.contest import Contestant
from mmhsi.tasks.pixel_classifiers import check_subset, classify_sets, evaluate_pixel_classifier
from mmhsi.tasks.product import Product
from mmhsi.tasks.scene_pictures import class_spectra_figure, false_colour_figures, ground_truth_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@TASKS.register_module(name='classification')
class Classification(ClassMapTask):
    """Scenes: :class:`mmhsi.datasets.Scene`. Networks: classifiers of windows, segmentors of tiles. Products:
    'classes', on request 'scores' and 'uncertainty'. Metric: :class:`mmhsi.evaluation.SceneClassificationMetric`.
    Classical methods: a support vector machine and a random forest on spectra."""

    name = 'classification'
    result = SceneResult
    score = 'OA', True

    def result_figures(self, result: SceneResult, product: Product, scene=None) -> dict[str, Figure]:
        """``false_colour``, ``ground_truth`` (all labels), ``spectra`` (means of the classes), ``classes``, ``error``,
        ``confusion_matrix``; with the uncertainty of the pixels ``confidence`` and ``entropy``."""
        name, classes, palette = product.name, product.classes, product.palette
        scores = '   '.join(f'{key} {result.scores[key]:.4f}' for key in ('OA', 'AA', 'kappa'))
        recall = ['–' if np.isnan(value) else f'{100 * value:.1f} %' for value in result.scores['recall']]
        figures = {} if scene is None else false_colour_figures(scene, name)
        figures['ground_truth'] = ground_truth_figure(name, result.target, classes, palette, scene)
        spectra = class_spectra_figure(name, classes, palette, scene)
        if spectra is not None:
            figures['spectra'] = spectra
        figures['classes'] = visualization.class_map_figure(
            product.labels('classes'),
            classes,
            palette,
            f'{name}: classes',
            f'{scores}   recall of each class in the legend',
            recall,
            ignore_label='no data',
        )
        figures['error'] = visualization.error_map_figure(result.prediction, result.target, f'{name}: errors')
        figures['confusion_matrix'] = visualization.confusion_figure(
            result.matrix, classes, f'{name}: confusion matrix', f'per cent of the true class   {scores}'
        )
        return {**figures, **self.uncertainty_figures(product)}

    def methods(self, scene) -> dict[str, Callable]:
        return {name: partial(_classify_pixels, estimator=name) for name in ('svm', 'forest')}

    def contestants(self, scene) -> list[Contestant]:
        """All use the last stage of the recommended network, chosen on the validation pixels, unless there are several
        scenes: one of a set may hold no validation pixel."""
        chosen = scene.split is not None and sum(len(each.split.val) for each in scene.pool) > 0
        last = dict(refine=chosen and len(scene.pool) == 1)
        smoothing = dict(smoothing=(0.5, 1.0, 2.0, 3.0, 4.0)) if chosen else dict(smoothing=2.0)
        fractions = [dict(type='MinimumNoiseFraction', n_components='all', power=0.15)]
        return [
            Contestant('SVM on spectra', 'svm', last, ()),
            Contestant('random forest on spectra', 'forest', last, ()),
            Contestant('SVM on smoothed noise fractions', 'svm', {**smoothing, **last}, fractions),
        ]

    def run_method(self, scenes: Sequence, method: str, evaluate_on: str | None = None, **options) -> dict:
        """Trains once for the scenes of a set."""
        check_subset(evaluate_on)
        return classify_sets(scenes, method, **options)


def _classify_pixels(scene, evaluate_on: str | None = None, **options) -> SceneResult:
    check_subset(evaluate_on)
    return evaluate_pixel_classifier(scene, **options)
