"""Base of target and anomaly detection: a score for each pixel, and a binary map."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from mmhsi import visualization
from mmhsi.classical import ANOMALY_DETECTORS, LEARNT_DETECTORS, LEARNT_TARGET_DETECTORS, TARGET_DETECTORS
from mmhsi.classical.anomaly_detectors import WIDER_BY
from mmhsi.evaluation import DetectionResult
from mmhsi.tasks.contest import Contestant
from mmhsi.tasks.detectors import COARSE, detectors_for, evaluate_detector
from mmhsi.tasks.product import Product, labels_of, stored_labels
from mmhsi.tasks.scene_pictures import class_spectra_figure, false_colour_figures, false_colours, ground_truth_figure
from mmhsi.tasks.score_stage import ScoreStage
from mmhsi.tasks.task import NETWORK, Layer, Task
from mmhsi.visualization.palette import LINES, UNLABELLED_CHANGE, resolve_palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

    from mmhsi.tasks.networks import Network


class DetectionTask(Task):
    """Scores of targets or anomalies, and the binary map.

    The layer 'scores' follows :class:`mmhsi.evaluation.metrics.SceneDetectionMetric`, with the options ``score`` and
    ``threshold`` of the metric of the config; 'detected' holds 2 for targets, 1 for background and 0 where there is no
    data.
    """

    result = DetectionResult
    score = 'AUC', True
    two_names = ('background', 'target')
    background = UNLABELLED_CHANGE
    _stage: ScoreStage | None = None

    def network(self, model: nn.Module, windows: bool, meta: Mapping | None = None) -> Network:
        from mmhsi.tasks.networks import Segmentor  # with torch

        return Segmentor(model, meta)

    def wants_spectrum(self, model: nn.Module) -> bool:
        from mmhsi.models.heads import TargetDetectionHead

        return isinstance(getattr(model, 'decode_head', None), TargetDetectionHead)

    def prepare(self, cfg, meta: Mapping, network: Network, view) -> None:
        self.name_classes(cfg, meta, network.outputs)
        self.layers = {'scores': Layer(1), 'detected': Layer(1, 'uint8', 0)}
        if self._stage is not None:
            self.layers[NETWORK] = Layer(1)

    def use_record(self, record: Mapping | None, name: str) -> None:
        """The ``score_fusion`` of the record, see :class:`mmhsi.engine.hooks.ScoreFusionHook`."""
        choices = (record or {}).get('score_fusion') or {}
        chosen = choices.get(name) or next(iter(choices.values()), None)
        self._stage = None if chosen is None else ScoreStage.from_record(chosen)

    @property
    def stored_spectrum(self) -> np.ndarray | None:
        return None if self._stage is None else self._stage.spectrum

    def use_spectrum(self, spectrum: np.ndarray) -> None:
        """Take over a target spectrum (C,) for the classical detectors."""
        if self._stage is not None:
            self._stage.spectrum = np.asarray(spectrum, np.float64)

    def last_stage(self, view, stored: Mapping[str, np.ndarray]) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
        """Scores and binary map of network and classical detectors together."""
        if self._stage is None:
            return
        scores, detected, _ = self._stage(view, np.asarray(stored[NETWORK][0], np.float64))
        valid = np.isfinite(scores)
        yield (
            slice(0, view.height),
            {
                'scores': scores[None].astype(np.float32),
                'detected': np.where(valid, detected.astype(np.uint8) + np.uint8(1), np.uint8(0))[None],
            },
        )

    def finish(self, values: np.ndarray) -> dict[str, np.ndarray]:
        margin = values[1] - values[0]
        if self._stage is not None:
            return {NETWORK: margin[None]}
        kind, threshold = self.metric.get('score', 'probability'), self.metric.get('threshold')
        scores = expit(margin) if kind == 'probability' else margin if kind == 'margin' else values[1]
        detected = margin > 0 if threshold is None else scores > threshold
        return {'scores': scores[None].astype(np.float32), 'detected': detected[None].astype(np.uint8) + np.uint8(1)}

    def arrays(self, stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """'detected' is 1 or 0, with 255 where there is no data."""
        arrays = super().arrays(stored)
        arrays['detected'] = labels_of(arrays['detected'])
        return arrays

    def product_of_result(self, result: DetectionResult, scene=None) -> Product:
        valid = np.ones(result.scores.shape, bool) if scene is None else scene.valid
        layers = {'scores': np.where(valid, result.scores, np.nan).astype(np.float32)[None]}
        if result.detected is not None:
            layers['detected'] = stored_labels(result.detected, valid)
        return Product(
            result.name,
            self.name,
            getattr(scene, 'info', None),
            layers,
            {'scores': np.nan, 'detected': 0},
            tuple(result.classes),
            resolve_palette(result.palette, 2),
        )

    def figures(self, product: Product) -> dict[str, Figure]:
        labels = product.labels('detected')
        counts = np.bincount(labels[labels != 255], minlength=2)
        shares = [f'{100 * count / max(int(counts.sum()), 1):.1f} %' for count in counts]
        return {
            'detected': visualization.class_map_figure(
                labels,
                product.classes,
                product.palette,
                f'{product.name}: detected',
                product.size,
                shares,
                ignore_label='no data',
                background=self.background,
            ),
            'scores': visualization.heat_map_figure(
                product.thinned('scores')[0],
                f'{product.name}: scores',
                product.size,
                visualization.heat_style(product.classes[-1]),
            ),
        }

    def result_figures(self, result: DetectionResult, product: Product, scene=None) -> dict[str, Figure]:
        """``false_colour``, ``ground_truth`` (all labels), ``spectra`` (means of both classes), ``scores`` (heat map
        with colour bar; the name of the second class chooses its colours); if the curves are defined ``roc`` and
        ``roc_threshold``; with a binary map ``error`` (hits, misses, false alarms)."""
        name, classes = product.name, product.classes
        figures = {} if scene is None else false_colour_figures(scene, name)
        figures['ground_truth'] = ground_truth_figure(
            name, result.target, classes, product.palette, scene, UNLABELLED_CHANGE
        )
        spectra = class_spectra_figure(name, classes, LINES[:2], scene)
        if spectra is not None:
            figures['spectra'] = spectra
        areas = '   '.join(
            f'{label} {result.metrics[key]:.4f}'
            for label, key in (('AUC', 'AUC'), ('AUC(Pd,τ)', 'AUC_Pd_tau'), ('AUC(Pf,τ)', 'AUC_Pf_tau'))
            if result.metrics
        )
        areas = areas or f'AUC is undefined: {result.undefined}'
        figures['scores'] = visualization.heat_map_figure(
            product.thinned('scores')[0], f'{name}: scores', areas, visualization.heat_style(classes[1])
        )
        if result.curves is not None:
            method = {str(result.settings.get('detector', 'scores')): result}
            pixels = f'{result.curves.num_targets:,} target and {result.curves.num_background:,} background pixels'
            figures['roc'] = visualization.roc_figure(method, f'{name}: ROC', pixels)
            figures['roc_threshold'] = visualization.threshold_figure(
                method,
                f'{name}: detection and false alarms over the threshold',
                f'{pixels}   areas under both curves in the legend',
            )
        if 'detected' in product.layers:
            picture, counts = None, result.counts()
            if scene is not None:
                (picture,), _ = false_colours(scene)
                picture = picture if picture.shape[:2] == result.target.shape else None  # thinned out
            figures['error'] = visualization.detection_map_figure(
                labels_of(product.layers['detected'][0]),
                result.target,
                f'{name}: hits and errors',
                f'{counts["hits"]:,} of {counts["targets"]:,} target pixels found, {counts["false_alarms"]:,} false '
                'alarms',
                picture,
            )
        return figures

    def methods(self, scene) -> dict[str, Callable]:
        others = (*TARGET_DETECTORS, *LEARNT_TARGET_DETECTORS, *ANOMALY_DETECTORS, *LEARNT_DETECTORS)
        names = dict.fromkeys((*detectors_for(scene), COARSE, *others))
        return {name: partial(_detect, method=name) for name in names}

    def contestants(self, scene) -> list[Contestant]:
        """The detectors on the values before the preprocessing; the teacher of the network with its own options, and
        local RX with the inner window of CRD, if that is the teacher."""
        options = {name: scene.coarse_options(name) for name in detectors_for(scene)}
        inner = options.get('crd', {}).get('inner')
        if inner is not None:
            options['local_rx'] = dict(inner=inner, outer=inner + WIDER_BY)
        return [Contestant(name, name, chosen, preprocessing=()) for name, chosen in options.items()]

    def default_methods(self, scene) -> list[str]:
        return list(detectors_for(scene))


def _detect(scene, evaluate_on: str | None = None, **options) -> DetectionResult:
    return evaluate_detector(scene, evaluate_on=evaluate_on or 'labelled', **options)
