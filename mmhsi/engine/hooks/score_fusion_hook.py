"""Classical detectors beside a detecting network: joined after the training, and kept with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmhsi.engine.hooks.scene_lookup import find_scenes
from mmhsi.engine.resume import find_latest_checkpoint
from mmhsi.engine.run_checkpoints import best_checkpoint
from mmhsi.registry import HOOKS
from mmhsi.tasks.networks import Segmentor
from mmhsi.tasks.score_stage import NETWORK_PART, ScoreStage
from mmhsi.tasks.target_mixture import choose_weights
from mmhsi.tasks.task import test_dataset
from mmhsi.utils.tiling import TileGrid
from mmhsi.utils.windows import crop_window
from mmhsi.weights.checkpoint_file import read_checkpoint, write_checkpoint

RECORD = 'score_fusion'  # in checkpoint['mmhsi'], by the name of the scene


@HOOKS.register_module()
class ScoreFusionHook(Hook):
    """Join a network that detects with classical detectors, by products of ranks.

    Weights that are given hold. Without them (target detection) they are chosen on targets that are implanted into the
    scene, see :func:`mmhsi.tasks.target_mixture.choose_weights`; no ground truth has any influence. The choice is
    written into the last checkpoint of a training; test and prediction apply that of the checkpoint.

    Args:
        detectors (Mapping[str, str | Mapping]): By title, the name of a classical detector, or a dict of ``method`` and
            its options.
        weights (Mapping[str, float], optional): By title, and of the 'network'. Defaults to None: they are chosen.
    """

    priority = 'LOWEST'

    def __init__(self, detectors: Mapping, weights: Mapping[str, float] | None = None) -> None:
        self.detectors = {}
        for title, detector in detectors.items():
            options = dict(detector) if isinstance(detector, Mapping) else dict(method=detector)
            self.detectors[title] = options.pop('method'), options
        self.weights = None if weights is None else dict(weights)
        self._record: dict = {}

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Remember the choice that a checkpoint holds."""
        self._record = dict((checkpoint.get('mmhsi') or {}).get(RECORD, {}))

    def after_train(self, runner) -> None:
        """Choose, and write the choice into the checkpoint that will be tested."""
        dataloader = (
            runner.build_dataloader(runner._test_dataloader)
            if isinstance(runner._test_dataloader, dict)
            else runner._test_dataloader
        )
        self._record = {scene.name: self._choose(runner, scene).record() for scene in find_scenes(dataloader.dataset)}
        path = best_checkpoint(runner) or find_latest_checkpoint(runner.work_dir)
        if path is None or not Path(path).is_file():
            runner.logger.warning('ScoreFusionHook: the run has no checkpoint; the test chooses the weights.')
            return
        if is_main_process():
            checkpoint = read_checkpoint(path, mmap=False)
            checkpoint.setdefault('mmhsi', {})[RECORD] = self._record
            write_checkpoint(checkpoint, path)
        barrier()

    def before_test(self, runner) -> None:
        """Hand the stages of all scenes to the metrics."""
        refiners = {}
        for scene in find_scenes(runner.test_dataloader.dataset):
            record = self._record.get(scene.name) or next(iter(self._record.values()), None)
            stage = ScoreStage.from_record(record) if record else self._choose(runner, scene)
            refiners[scene.name] = _Refiner(scene, stage)
        for metric in runner.test_evaluator.metrics:
            metric.refiners = refiners

    def _choose(self, runner, scene) -> ScoreStage:
        scene.prepare()
        spectrum = scene.raw_target_spectrum
        if self.weights is not None:
            stage = ScoreStage(self.detectors, self.weights, spectrum)
        else:
            every = ScoreStage(self.detectors, dict.fromkeys((NETWORK_PART, *self.detectors), 1.0), spectrum)
            weights = choose_weights(scene, every, _network_scores(runner, scene))
            stage = ScoreStage(self.detectors, weights, spectrum)
        runner.logger.info(f'Weights of the ranks on scene {scene.name!r}: {stage.describe()}.')
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
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
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
