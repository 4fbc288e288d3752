"""Classical methods beside a restoring network: averaged with weights that are found on the validation images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmhsi.engine.resume import find_latest_checkpoint
from mmhsi.engine.run_checkpoints import best_checkpoint
from mmhsi.registry import HOOKS
from mmhsi.tasks.restoration_stage import RestorationStage
from mmhsi.tasks.restorers import restoration_dataset
from mmhsi.tasks.task import test_metric
from mmhsi.weights.checkpoint_file import parameters_of, read_checkpoint, write_checkpoint

RECORD = 'restoration_mean'  # in checkpoint['mmhsi']


@HOOKS.register_module()
class RestorationMeanHook(Hook):
    """Average a restoring network with classical methods.

    After a training the weights are found on the validation images with the best state, see
    :class:`mmhsi.tasks.restoration_stage.RestorationStage`, and written into its checkpoint; test and prediction apply
    those of the checkpoint that was loaded. Without any the test finds its own.

    Args:
        methods (Sequence[str]): Names of classical methods, denoisers or enlargements as the task is.
    """

    priority = 'LOWEST'

    def __init__(self, methods: Sequence[str]) -> None:
        self.methods = tuple(methods)
        self._record: dict | None = None

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Remember the weights that a checkpoint holds."""
        self._record = (checkpoint.get('mmhsi') or {}).get(RECORD)

    def after_train(self, runner) -> None:
        """Find the weights for the best state, or for the last one, and write them down there."""
        path = best_checkpoint(runner) or find_latest_checkpoint(runner.work_dir)
        if path is None or not Path(path).is_file():
            runner.logger.warning('RestorationMeanHook: the run has no checkpoint; the test finds the weights.')
            return
        checkpoint = read_checkpoint(path, mmap=False)
        model = runner.model
        last = {name: value.clone() for name, value in model.state_dict().items()}
        state = parameters_of(checkpoint, path)
        model.load_state_dict({name: state[name.removeprefix('module.')] for name in last})
        try:
            self._record = self._fit(runner).record()
        finally:
            model.load_state_dict(last)
        if is_main_process():
            checkpoint.setdefault('mmhsi', {})[RECORD] = self._record
            write_checkpoint(checkpoint, path)
        barrier()

    def before_test(self, runner) -> None:
        """Hand the stage to the metrics."""
        stage = RestorationStage.from_record(self._record) if self._record else self._fit(runner)
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
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model

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
