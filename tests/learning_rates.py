"""Learning rates by epoch, of schedulers and of configs."""

from collections.abc import Callable

import torch
from mmengine.config import Config

from mmhsi.registry import PARAM_SCHEDULERS


def rates(base: float, epochs: int, schedulers: Callable) -> list[float]:
    """Learning rate of each epoch under MMEngine's schedulers of epochs, which a function makes for an optimiser."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    steps = schedulers(optimizer)
    found = []
    for _ in range(epochs):
        found.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in steps:
            scheduler.step()
    return found


def rates_of(cfg: Config, base: float, epochs: int) -> list[float]:
    """Learning rate of each epoch under the schedulers of a config, all of them taken as schedulers of epochs."""

    steps = [
        {key: value for key, value in step.items() if key != 'convert_to_iter_based'} for step in cfg.param_scheduler
    ]
    return rates(
        base,
        epochs,
        lambda optimizer: [PARAM_SCHEDULERS.build(step, default_args=dict(optimizer=optimizer)) for step in steps],
    )
