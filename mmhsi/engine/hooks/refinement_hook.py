"""The last stage of a pixel classifier, chosen after training and stored with its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from mmhsi.datasets import WindowDataset
from mmhsi.datasets.scenes.scene_lookup import find_scenes
from mmhsi.datasets.scenes.scene_stack import stack_scenes
from mmhsi.engine.hooks.last_stage import LastStageHook, test_dataloader
from mmhsi.engine.scene_rules import name_scenes
from mmhsi.evaluation.metrics.class_probabilities import ClassMapMetric
from mmhsi.evaluation.refinement import STRENGTHS
from mmhsi.registry import HOOKS, METRICS
from mmhsi.tasks.pixel_stage import PixelStage
from mmhsi.tasks.task import test_metric
from mmhsi.utils.progress import progress_bar


@HOOKS.register_module()
class RefinementHook(LastStageHook):
    """Combine the network with classical classifiers, a random walker and a temperature, chosen on validation pixels.

    After a training all pixels of the test scene are predicted once with the best state, or only its validation pixels
    if neither a walker nor the shares need the others. Experts are fitted on the training pixels; their weights, the
    walker (off included) and the temperature are chosen by the likelihood of the validation pixels, see
    :class:`mmhsi.tasks.pixel_stage.PixelStage`, and written into the checkpoint, the experts as arrays of their
    training pixels. Test and prediction apply what the checkpoint holds. With a checkpoint that has no choice, or
    weights of another origin, the test makes its own. Scenes of one set have one choice, by the pixels of all; without
    a checkpoint that holds it, each has its own.

    The metric of the test is a ``SceneClassificationMetric(uncertainty=True)`` or a
    ``SceneChangeMetric(uncertainty=True)``, and its dataset covers the whole scene.

    Args:
        experts (Sequence[str]): Classical classifiers that take part, of :data:`mmhsi.tasks.experts.EXPERTS`. Defaults
            to none.
        strengths (Sequence[float]): Candidates for the walker, from weak to strong; an empty sequence disables the
            walker. Defaults to 1, 0.3, 0.1, 0.03, 0.01.
        adapt (bool): Whether the probabilities are adapted to the shares of the classes in a scene, or in all scenes of
            a set, which training pixels of equal number per class do not show, see
            :func:`mmhsi.evaluation.functional.adapt_priors`. Defaults to False.
    """

    name = 'refinement'  # its record is by the name of the scene

    def __init__(
        self, experts: Sequence[str] = (), strengths: Sequence[float] = STRENGTHS, adapt: bool = False
    ) -> None:
        super().__init__()
        self.adapt = adapt
        self.experts = tuple(experts)
        self.strengths = tuple(strengths)

    def before_test(self, runner) -> None:
        """Pass the choice, or the request for one, to the metrics."""
        metrics = [metric for metric in runner.test_evaluator.metrics if isinstance(metric, ClassMapMetric)]
        if not any(metric.uncertainty for metric in metrics):
            found = ', '.join(type(metric).__name__ for metric in runner.test_evaluator.metrics)
            raise ValueError(
                'RefinementHook needs SceneClassificationMetric or SceneChangeMetric with uncertainty=True as '
                f'test_evaluator, which keeps the probabilities; found {found}'
            )
        if not self.record:
            runner.logger.info('The checkpoint holds no refinement; it is chosen on the validation pixels of the test.')
        for metric in metrics:
            metric.refiners = self._refiners(runner, runner.test_dataloader.dataset)

    def _refiners(self, runner, dataset) -> dict[str, SceneStage]:
        options = self._options(runner)
        refiners = {}
        for scene in find_scenes(dataset):
            record = self.record.get(scene.name) or next(iter(self.record.values()), None)
            refiners[scene.name] = SceneStage(scene, options, record and PixelStage.from_record(record))
        return refiners

    def _options(self, runner) -> dict:
        smoothing = (runner.cfg.get('chosen_settings') or {}) if self.experts else {}
        return dict(
            experts=self.experts,
            strengths=self.strengths,
            adapt=self.adapt,
            widths=tuple(smoothing.get('widths', ())),
            scales=tuple(smoothing.get('rms', ())),
        )

    def _dataloader(self, runner):
        """That of the test, for windows only around the validation pixels if the choice depends on no others."""
        whole = test_dataloader(runner)
        suffices = not self.strengths and not self.adapt and isinstance(whole.dataset, WindowDataset)
        if not suffices or any(scene.split is None or not len(scene.split.val) for scene in whole.dataset.scenes):
            return whole
        options = runner.cfg.test_dataloader.to_dict()
        options['dataset'].update(subset='val', evaluate_on='val')
        return runner.build_dataloader(options)

    @torch.no_grad()
    def choose(self, runner) -> dict[str, dict]:
        dataloader = self._dataloader(runner)
        self.record = {}
        metric = METRICS.build(dict(test_metric(runner.cfg), uncertainty=True))
        metric.dataset_meta = dataloader.dataset.metainfo
        scenes = find_scenes(dataloader.dataset)
        together = len(scenes) > 1 and all(scene.pool == tuple(scenes) for scene in scenes)
        metric.refiners = refiners = (
            {scene.name: _Collector() for scene in scenes} if together else self._refiners(runner, dataloader.dataset)
        )
        training = runner.model.training
        runner.model.eval()
        try:
            for batch in progress_bar(dataloader, 'last stage', 'batches'):
                metric.process(batch, [sample.to_dict() for sample in runner.model.test_step(batch)])
        finally:
            runner.model.train(training)
        metric.evaluate(len(dataloader.dataset))
        if together:
            whole = stack_scenes(scenes)
            stacked = whole.view.stack([refiners[scene.name].probabilities for scene in scenes], np.nan)
            stages = {scenes[0].name: PixelStage.fit(whole, stacked, together=True, **self._options(runner))}
        else:
            stages = {name: refiner.stage for name, refiner in refiners.items() if refiner.stage is not None}
        for name, stage in stages.items():
            words = name_scenes(scenes) if together else f'scene {name!r}'
            runner.logger.info(f'Last stage of {words}: {stage.describe()}.')
        return {name: stage.record() for name, stage in stages.items()}


class _Collector:
    """Keeps the probabilities (H, W, K) of a scene, for a metric, and leaves them as they are."""

    parts: dict[str, np.ndarray] = {}

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        self.probabilities = probabilities.copy()
        return probabilities

    def settings(self) -> dict:
        return {}


class SceneStage:
    """The last stage of one scene, for a metric: chosen before, or when the first probabilities arrive.

    Attributes:
        stage (PixelStage, optional): The choice.
        parts (dict[str, np.ndarray]): Probabilities (H, W, K) of the network and each expert, after a call.
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
