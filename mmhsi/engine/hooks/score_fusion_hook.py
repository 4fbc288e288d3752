"""Classical detectors joined with a detecting network after its training, and kept with its weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmhsi.datasets.scenes.scene_lookup import find_scenes
from mmhsi.engine.hooks.last_stage import LastStageHook, test_dataloader
from mmhsi.registry import HOOKS
from mmhsi.tasks.score_stage import NETWORK_PART, ScoreStage


@HOOKS.register_module()
class ScoreFusionHook(LastStageHook):
    """Join a detecting network with classical detectors, by products of ranks.

    Detectors, weights and the target spectrum are written into the checkpoint of a training; test and prediction apply
    them.

    Args:
        detectors (Mapping[str, str | Mapping]): By title, the name of a classical detector, or a dict of ``method`` and
            its options.
        elsewhere (Mapping[str, str | Mapping], optional): Detectors that replace these where the target spectrum is not
            that of labelled pixels of the scene, but comes from a file and fits the targets only roughly. Defaults to
            None: the same.
        network (float): Weight of the network, 0 to 1; the detectors share the rest equally.
        smoothing (float): See :class:`mmhsi.tasks.score_stage.ScoreStage`. Defaults to 0.
    """

    name = 'score_fusion'  # its record is by the name of the scene

    def __init__(
        self, detectors: Mapping, network: float, elsewhere: Mapping | None = None, smoothing: float = 0.0
    ) -> None:
        super().__init__()
        if not 0 <= network <= 1:
            raise ValueError(f'the weight of the network must be in 0 .. 1, found {network}')
        self.detectors = _with_options(detectors)
        self.elsewhere = None if elsewhere is None else _with_options(elsewhere)
        self.network, self.smoothing = network, smoothing

    def choose(self, runner) -> dict[str, dict]:
        return {
            scene.name: self._stage(runner, scene).record() for scene in find_scenes(test_dataloader(runner).dataset)
        }

    def before_test(self, runner) -> None:
        """Hand the stages of all scenes to the metrics."""
        refiners = {}
        for scene in find_scenes(runner.test_dataloader.dataset):
            record = self.record.get(scene.name) or next(iter(self.record.values()), None)
            stage = ScoreStage.from_record(record) if record else self._stage(runner, scene)
            refiners[scene.name] = _Refiner(scene, stage)
        for metric in runner.test_evaluator.metrics:
            metric.refiners = refiners

    def _stage(self, runner, scene) -> ScoreStage:
        scene.prepare()
        spectrum, detectors = scene.raw_target_spectrum, self.detectors
        if self.elsewhere is not None and spectrum is not None and not scene.spectrum_from_labels:
            detectors = self.elsewhere
        weights = {NETWORK_PART: self.network, **dict.fromkeys(detectors, (1 - self.network) / len(detectors))}
        stage = ScoreStage(detectors, weights, spectrum, self.smoothing)
        runner.logger.info(f'Weights of the ranks on scene {scene.name!r}: {stage.describe()}.')
        return stage


def _with_options(detectors: Mapping) -> dict[str, tuple[str, dict]]:
    found = {}
    for title, detector in detectors.items():
        options = dict(detector) if isinstance(detector, Mapping) else dict(method=detector)
        found[title] = options.pop('method'), options
    return found


class _Refiner:
    """The stage of one scene, for a metric."""

    def __init__(self, scene, stage: ScoreStage) -> None:
        self.scene, self.stage = scene, stage
        self.parts: dict[str, np.ndarray] = {}

    def __call__(self, margin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Difference of the logits (H, W) → scores and detected (H, W)."""
        self.scene.prepare()
        scores, detected, self.parts = self.stage(self.scene.view, margin)
        return scores, detected

    def settings(self) -> dict:
        """The weights."""
        return dict(weights=self.stage.weights)
