"""Classical detectors joined with a detecting network after its training, and kept with its weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from mmhsi.datasets.scenes.scene_lookup import find_scenes
from mmhsi.engine.hooks.last_stage import LastStageHook, test_dataloader
from mmhsi.engine.runner_parts import bare_model
from mmhsi.registry import HOOKS
from mmhsi.tasks.networks import Segmentor
from mmhsi.tasks.score_stage import NETWORK_PART, ScoreStage
from mmhsi.tasks.target_mixture import choose_weights
from mmhsi.tasks.task import test_dataset
from mmhsi.utils.tiling import TileGrid
from mmhsi.utils.windows import crop_window


@HOOKS.register_module()
class ScoreFusionHook(LastStageHook):
    """Join a detecting network with classical detectors, by products of ranks.

    Without given weights (target detection), the detectors count equally, and the weight of the network is chosen on
    targets implanted into the scene, see :func:`mmhsi.tasks.target_mixture.choose_weights`; no ground truth is used.
    The choice is written into the checkpoint of a training; test and prediction apply it.

    Args:
        detectors (Mapping[str, str | Mapping]): By title, the name of a classical detector, or a dict of ``method`` and
            its options.
        weights (Mapping[str, float], optional): By title, and of the 'network'. Defaults to None: they are chosen.
        left_out (float): ``left_out`` of the target detectors where the target spectrum is not that of labelled pixels
            of the scene: targets of another spectrum distort the background statistics, while targets whose mean is
            looked for do not. Defaults to 0.
    """

    name = 'score_fusion'  # its record is by the name of the scene

    def __init__(self, detectors: Mapping, weights: Mapping[str, float] | None = None, left_out: float = 0.0) -> None:
        super().__init__()
        self.left_out = left_out
        self.detectors = {}
        for title, detector in detectors.items():
            options = dict(detector) if isinstance(detector, Mapping) else dict(method=detector)
            self.detectors[title] = options.pop('method'), options
        self.weights = None if weights is None else dict(weights)

    def choose(self, runner) -> dict[str, dict]:
        return {
            scene.name: self._choose(runner, scene).record() for scene in find_scenes(test_dataloader(runner).dataset)
        }

    def before_test(self, runner) -> None:
        """Hand the stages of all scenes to the metrics."""
        refiners = {}
        for scene in find_scenes(runner.test_dataloader.dataset):
            record = self.record.get(scene.name) or next(iter(self.record.values()), None)
            stage = ScoreStage.from_record(record) if record else self._choose(runner, scene)
            refiners[scene.name] = _Refiner(scene, stage)
        for metric in runner.test_evaluator.metrics:
            metric.refiners = refiners

    def _choose(self, runner, scene) -> ScoreStage:
        scene.prepare()
        spectrum, detectors, note = scene.raw_target_spectrum, self.detectors, ''
        if self.left_out and spectrum is not None and not scene.spectrum_from_labels:
            detectors = {
                title: (method, {'left_out': self.left_out, **options})
                for title, (method, options) in detectors.items()
            }
            note = f'; {self.left_out:.0%} of the pixels left out from the background statistics'
        if self.weights is not None:
            stage = ScoreStage(detectors, self.weights, spectrum)
        else:
            every = ScoreStage(detectors, dict.fromkeys((NETWORK_PART, *detectors), 1.0), spectrum)
            weights = choose_weights(scene, every, _network_scores(runner, scene))
            stage = ScoreStage(detectors, weights, spectrum)
        runner.logger.info(f'Weights of the ranks on scene {scene.name!r}: {stage.describe()}{note}.')
        return stage


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


def _network_scores(runner, scene):
    """A function of preprocessed values (H, W, C') that gives the difference of the logits (H, W) of the network."""
    model = bare_model(runner)
    dataset = test_dataset(runner.cfg)
    grid = TileGrid(dataset['tile_size'], dataset.get('overlap', 0))
    network = Segmentor(model, scene.sample_meta)

    def run(values: np.ndarray) -> np.ndarray:
        positions = [tuple(map(int, place)) for place in grid.positions(*values.shape[:2])]
        training = model.training
        model.eval()
        try:
            tiles = []
            for place in positions:
                tile = crop_window(values, *place, *grid.size, dataset.get('pad_mode', 'reflect'), 0.0)
                logits = network(torch.from_numpy(tile.transpose(2, 0, 1)[None].copy()), [place])
                tiles.append((logits[0, 1] - logits[0, 0]).cpu().numpy())
        finally:
            model.train(training)
        return grid.stitch(tiles, positions, values.shape[:2])

    return run
