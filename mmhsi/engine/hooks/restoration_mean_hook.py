"""Classical methods averaged with a restoring network, with weights that are fitted on the validation images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from mmhsi.engine.hooks.last_stage import LastStageHook
from mmhsi.engine.runner_parts import bare_model
from mmhsi.registry import HOOKS
from mmhsi.tasks.restoration_stage import RestorationStage
from mmhsi.tasks.restorers import restoration_dataset
from mmhsi.tasks.task import test_metric


@HOOKS.register_module()
class RestorationMeanHook(LastStageHook):
    """Average a restoring network with classical methods.

    After a training the weights are found on the validation images with the best state, see
    :class:`mmhsi.tasks.restoration_stage.RestorationStage`, and written into its checkpoint; test and prediction apply
    those of the checkpoint that was loaded. Without any the test finds its own.

    Args:
        methods (Sequence[str]): Names of classical methods: denoisers, or enlargements for super-resolution.
    """

    name = 'restoration_mean'

    def __init__(self, methods: Sequence[str]) -> None:
        super().__init__()
        self.methods = tuple(methods)

    def choose(self, runner) -> dict:
        return self._fit(runner).record()

    def before_test(self, runner) -> None:
        """Hand the stage to the metrics."""
        stage = RestorationStage.from_record(self.record) if self.record else self._fit(runner)
        for metric in runner.test_evaluator.metrics:
            metric.refine = stage

    def _fit(self, runner) -> RestorationStage:
        scale = test_metric(runner.cfg).get('scale', 1)
        network = _restorer(runner)
        held_out = restoration_dataset(runner.cfg.val_dataloader.dataset)
        samples = [held_out[index] for index in range(len(held_out))]
        if scale == 1:
            stage = RestorationStage.fit_denoising([sample['gt'] for sample in samples], network, self.methods)
        else:
            trained = restoration_dataset(
                {**runner.cfg.val_dataloader.dataset, 'areas': runner.cfg.train_dataloader.dataset.areas}
            )
            training = [(sample['img'], sample['gt']) for sample in (trained[index] for index in range(len(trained)))]
            pairs = [(sample['img'], sample['gt']) for sample in samples]
            stage = RestorationStage.fit_enlargement(training, pairs, network, self.methods, scale)
        runner.logger.info(f'Weights of network and classical methods: {stage.describe()}.')
        return stage


def _restorer(runner) -> Callable[[np.ndarray], np.ndarray]:
    model = bare_model(runner)

    @torch.no_grad()
    def restore(image: np.ndarray) -> np.ndarray:
        training = model.training
        model.eval()
        try:
            inputs = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32))
            inputs = model.data_preprocessor(dict(inputs=[inputs]), False)['inputs']
            restored = model.data_preprocessor.destruct(model.restore(inputs), None)
        finally:
            model.train(training)
        return restored[0].float().cpu().numpy().transpose(1, 2, 0)

    return restore
