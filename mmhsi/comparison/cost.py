"""Cost of a run: parameters, operations, seconds and memory."""

import logging
import time

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import nn

from mmhsi.analysis.complexity import count_complexity
from mmhsi.utils.system_memory import resident_memory


class Stopwatch:
    """Seconds of a phase: processor time of all cores on a CPU, which other processes do not affect, else wall-clock
    time.

        with Stopwatch('cpu') as watch:
            train()
        watch.seconds, watch.wall_seconds
    """

    def __init__(self, device: str) -> None:
        self._clock = time.process_time if device == 'cpu' else time.perf_counter
        self.seconds = self.wall_seconds = 0.0

    def __enter__(self) -> 'Stopwatch':
        self._start, self._wall_start = self._clock(), time.perf_counter()
        return self

    def __exit__(self, *error) -> None:
        self.seconds = round(self._clock() - self._start, 3)
        self.wall_seconds = round(time.perf_counter() - self._wall_start, 3)


def count_parameters(model: nn.Module) -> int:
    """Number of parameters of a model."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_flops(cfg: Config, model: BaseModel) -> int | None:
    """Floating point operations for one input of the test, see :func:`mmhsi.analysis.complexity.count_complexity`.

    Args:
        cfg (Config): The whole config.
        model (BaseModel): The model; it is left in evaluation mode.

    Returns:
        int | None: The operations; None if the config does not define the shape of an input.
    """
    try:
        return count_complexity(cfg, model=model)['flops']
    except ValueError as error:
        print_log(f'the operations are not counted: {error}', 'current', logging.WARNING)
        return None


def peak_memory(device: str) -> dict[str, float]:
    """Largest memory of this process so far in MiB, ``memory`` (not on Windows), and ``device_memory`` on an
    accelerator."""
    held = resident_memory(peak=True)
    found = {} if held is None else {'memory': round(held / 2**20, 1)}
    if device.startswith('cuda'):
        found['device_memory'] = round(torch.cuda.max_memory_allocated() / 2**20, 1)
    return found
