"""The last stage of a pixel classifier, chosen after training and stored with its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook

from mmhsi.engine.hooks.scene_lookup import find_scenes
from mmhsi.engine.resume import find_latest_checkpoint
from mmhsi.engine.run_checkpoints import best_checkpoint
from mmhsi.evaluation.metrics.class_probabilities import ClassMapMetric
from mmhsi.evaluation.refinement import STRENGTHS
from mmhsi.registry import HOOKS, METRICS
from mmhsi.tasks.pixel_stage import PixelStage
from mmhsi.tasks.task import test_metric
from mmhsi.utils.progress import progress_bar
from mmhsi.weights.checkpoint_file import parameters_of, read_checkpoint, write_checkpoint

RECORD = 'refinement'  # in checkpoint['mmhsi'], by the name of the scene


@HOOKS.register_module()
class RefinementHook(Hook):
    """Let classical classifiers join the network, and a random walker and a temperature follow, as its validation
    pixels choose.

    After a training all pixels of the test scene are predicted once with the best state. Experts are fitted on the
    training pixels; their weights, the walker (off included) and the temperature are chosen by the likelihood of the
    validation pixels, see :class:`mmhsi.tasks.pixel_stage.PixelStage`, and written into the checkpoint, the experts as
    arrays of their training pixels. Test and prediction apply what the checkpoint holds. With a checkpoint that has no
    choice, or weights of another origin, the test makes its own.

    The metric of the test is a ``SceneClassificationMetric(uncertainty=True)`` or a
    ``SceneChangeMetric(uncertainty=True)``, and its dataset covers the whole scene.

    Args:
        experts (Sequence[str]): Classical classifiers that take part, of :data:`mmhsi.tasks.experts.EXPERTS`. Defaults
            to none.
        strengths (Sequence[float]): Candidates for the walker, from weak to strong; an empty sequence disables the
            walker. Defaults to 1, 0.3, 0.1, 0.03, 0.01.
        contrast (float): How strongly the edges of the image stop the walker, see
            :func:`mmhsi.classical.edge_laplacian`. Defaults to 10.
    """

    priority = 'LOWEST'  # after the last checkpoint of the training is written

    def __init__(
        self, experts: Sequence[str] = (), strengths: Sequence[float] = STRENGTHS, contrast: float = 10.0
    ) -> None:
        self.experts = tuple(experts)
        self.strengths = tuple(strengths)
        self.contrast = contrast
        self._record: dict = {}

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Read the choice from a checkpoint."""
        self._record = dict((checkpoint.get('mmhsi') or {}).get(RECORD, {}))

    def after_train(self, runner) -> None:
        """Choose for the best state, or for the last one without validation, and store the choice in its checkpoint."""
        path = best_checkpoint(runner) or find_latest_checkpoint(runner.work_dir)
        if path is None or not Path(path).is_file():
            runner.logger.warning('RefinementHook: the run has no checkpoint; the test chooses the refinement.')
            return
        checkpoint = read_checkpoint(path, mmap=False)
        model = runner.model
        last = {name: value.clone() for name, value in model.state_dict().items()}
        model.load_state_dict(self._fitting(parameters_of(checkpoint, path), last))
        runner.logger.info(
            f'Fitting the last stage: all pixels of the test scene are predicted once with {Path(path).name}.'
        )
        try:
            chosen = self._choose(runner)
        finally:
            model.load_state_dict(last)
        if is_main_process():
            checkpoint.setdefault('mmhsi', {})[RECORD] = chosen
            write_checkpoint(checkpoint, path)
            for name, record in chosen.items():
                words = PixelStage.from_record(record).describe()
                runner.logger.info(f'Last stage of scene {name!r} for {Path(path).name}: {words}.')
        barrier()

    def before_test(self, runner) -> None:
        """Pass the choice, or the request for one, to the metrics."""
        metrics = [metric for metric in runner.test_evaluator.metrics if isinstance(metric, ClassMapMetric)]
        if not any(metric.uncertainty for metric in metrics):
            found = ', '.join(type(metric).__name__ for metric in runner.test_evaluator.metrics)
            raise ValueError(
                'RefinementHook needs SceneClassificationMetric or SceneChangeMetric with uncertainty=True as '
                f'test_evaluator, which keeps the probabilities; found {found}'
            )
        if not self._record:
            runner.logger.info('The checkpoint holds no refinement; it is chosen on the validation pixels of the test.')
        for metric in metrics:
            metric.refiners = self._refiners(runner, runner.test_dataloader.dataset)

    def _refiners(self, runner, dataset) -> dict[str, SceneStage]:
        smoothing = (runner.cfg.get('chosen_settings') or {}) if self.experts else {}
        options = dict(
            experts=self.experts,
            strengths=self.strengths,
            contrast=self.contrast,
            widths=tuple(smoothing.get('widths', ())),
            scales=tuple(smoothing.get('rms', ())),
        )
        refiners = {}
        for scene in find_scenes(dataset):
            record = self._record.get(scene.name) or next(iter(self._record.values()), None)
            refiners[scene.name] = SceneStage(scene, options, record and PixelStage.from_record(record))
        return refiners

    @staticmethod
    def _fitting(state: dict, wanted: dict) -> dict:
        # a wrapper of distributed training adds 'module.'
        return {name: state[name.removeprefix('module.')] for name in wanted}

    @torch.no_grad()
    def _choose(self, runner) -> dict[str, dict]:
        dataloader = (
            runner.build_dataloader(runner._test_dataloader)
            if isinstance(runner._test_dataloader, dict)
            else runner._test_dataloader
        )
        self._record = {}
        metric = METRICS.build(dict(test_metric(runner.cfg), uncertainty=True))
        metric.dataset_meta = dataloader.dataset.metainfo
        metric.refiners = refiners = self._refiners(runner, dataloader.dataset)
        training = runner.model.training
        runner.model.eval()
        try:
            for batch in progress_bar(dataloader, 'last stage', 'batches'):
                metric.process(batch, [sample.to_dict() for sample in runner.model.test_step(batch)])
        finally:
            runner.model.train(training)
        metric.evaluate(len(dataloader.dataset))
        self._record = {name: refiner.stage.record() for name, refiner in refiners.items() if refiner.stage is not None}
        return self._record


class SceneStage:
    """The last stage of one scene, for a metric: chosen before, or when the first probabilities arrive.

    Attributes:
        stage (PixelStage, optional): The choice.
        parts (dict[str, np.ndarray]): Probabilities (H, W, K) of network and experts, each alone, after a call.
    """

    def __init__(self, scene, options: Mapping, stage: PixelStage | None) -> None:
        self.scene, self.options, self.stage = scene, options, stage
        self.parts: dict[str, np.ndarray] = {}

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """Refine probabilities (H, W, K)."""
        self.scene.prepare()
        if self.stage is None:
            self.stage = PixelStage.fit(self.scene, probabilities, **self.options)
        refined, self.parts = self.stage(self.scene.view, probabilities)
        return refined

    def settings(self) -> dict:
        """The choice in plain values."""
        return self.stage.settings()
