"""Training in bfloat16 on any device."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from torch import nn

from mmhsi.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BF16OptimWrapper(OptimWrapper):
    """Run the forward pass under bfloat16 autocast; parameters, gradients and optimiser stay in float32.

    bfloat16 has the range of float32, so no loss scaling is needed, and autocast supports it on CPUs too. MMEngine's
    ``AmpOptimWrapper`` scales the loss and refuses to start without an accelerator.

    Args:
        *args: Arguments of MMEngine's ``OptimWrapper``: ``optimizer``, ``accumulative_counts``, ``clip_grad``.
        **kwargs: Likewise.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Context of the forward pass of a training step."""
        with super().optim_context(model), torch.autocast(get_device(), dtype=torch.bfloat16):
            yield
