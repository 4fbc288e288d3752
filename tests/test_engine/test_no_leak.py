"""A training holds no more objects after many iterations than after a few."""

import gc

import torch
from mmengine.hooks import Hook
from tiny_experiment import tiny_config

from mmhsi.engine.distributed import build_runner


class CountHook(Hook):
    """Counts, after every thirtieth iteration, all objects that Python follows, and the tensors among them."""

    priority = 'LOWEST'

    def __init__(self):
        self.counts = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if self.every_n_train_iters(runner, 30):
            gc.collect()
            objects = gc.get_objects()
            self.counts.append((len(objects), sum(issubclass(type(value), torch.Tensor) for value in objects)))


def test_nothing_is_kept_from_iteration_to_iteration(tmp_path):
    cfg = tiny_config(tmp_path, tmp_path / 'work', max_epochs=30)  # of three iterations
    cfg.train_cfg.val_interval = 10
    cfg.default_hooks.checkpoint = dict(type='SafeCheckpointHook', interval=5, max_keep_ckpts=1, save_last=False)
    cfg.default_hooks.update(resume=dict(type='ExactResumeHook'), loss=dict(type='NonFiniteLossHook'))
    runner = build_runner(cfg)
    hook = CountHook()
    runner.register_hook(hook)
    runner.train()
    _, before, after = hook.counts
    assert after[1] == before[1] and after[0] - before[0] < 15, hook.counts  # half an object an iteration
