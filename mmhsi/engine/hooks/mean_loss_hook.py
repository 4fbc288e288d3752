"""Averaging the logged losses of a distributed run over its processes."""

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook

from mmhsi.registry import HOOKS


@HOOKS.register_module()
class MeanLossHook(Hook):
    """Average the outputs of the training step over the processes before they are logged.

    MMEngine logs the losses of the first process, which sees only its part of a batch, so the curve would depend on the
    number of processes. The step itself is not changed; DDP averages the gradients.
    """

    priority = 'HIGHEST'  # before RuntimeInfoHook passes them to the log

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Average the tensors among the outputs, in place."""
        names = sorted(name for name, value in (outputs or {}).items() if torch.is_tensor(value))
        if get_world_size() == 1 or not names:
            return
        values = torch.stack([outputs[name].detach().float().mean() for name in names])
        all_reduce(values, 'mean')
        outputs.update(zip(names, values, strict=True))
