"""Speed and memory of the network of any config, in inference and in training."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmhsi.analysis.trial_batch import TrialModel
from mmhsi.utils.system_memory import resident_memory

MODES = ('inference', 'training')


def time_network(
    config: str | Path | Config,
    shape: Sequence[int] | None = None,
    *,
    batch_size: int = 1,
    mode: str = 'inference',
    device: str | torch.device | None = None,
    warmup: int = 2,
    repeats: int = 10,
    data: str = 'random',
    model: nn.Module | None = None,
) -> dict:
    """Measure time and memory of the network of a config for a batch.

    'inference' is what prediction runs, with the data preprocessor and the copy to the device. 'training' is a step of
    the config's optimiser: forward pass, loss, backward pass, update; it changes the weights of a given ``model``.
    Neither includes reading data. On CUDA the time is measured until the device has finished.

    Args:
        config (str | Path | Config): Config file or config of any task.
        shape (Sequence[int], optional): (C, H, W) or (H, W) of an input, see
            :class:`mmhsi.analysis.trial_batch.TrialModel`. Defaults to that of the config's test.
        batch_size (int): Batch size. Defaults to 1.
        mode (str): 'inference' or 'training'. Defaults to 'inference'.
        device (str | torch.device, optional): Defaults to an accelerator if there is one.
        warmup (int): Runs before the measured ones. Defaults to 2.
        repeats (int): Measured runs. Defaults to 10.
        data (str): 'random', or 'config' for the first samples of the config's data: of its training, for inference of
            its test. Their shape is used then. Defaults to 'random'.
        model (nn.Module, optional): The model, if it is built already. Defaults to None.

    Returns:
        dict: 'mode', 'batch_size', 'shape' (C, H, W), 'device', 'threads'; 'latency', the median seconds of a run, with
        'latency_mean', 'latency_std', 'latency_min' and 'latency_max'; 'processor_latency', the same of the processor
        time of all threads, which other processes hardly affect (on a CPU, else None); 'throughput', inputs per second
        by the median; 'peak_memory' in bytes: on CUDA the most that tensors took; on a CPU the weights plus the largest
        growth of the process memory after these were created.

    Raises:
        ValueError: If a number or the mode is out of range, or the config does not define the shape of an input.
    """
    if mode not in MODES:
        raise ValueError(f'mode must be one of {MODES}, found {mode!r}')
    if data not in ('random', 'config'):
        raise ValueError(f"data must be 'random' or 'config', found {data!r}")
    if batch_size < 1 or warmup < 0 or repeats < 1:
        raise ValueError(
            'batch_size and repeats must be at least 1 and warmup not negative, found '
            f'{batch_size}, {repeats} and {warmup}'
        )
    trial = TrialModel(config, model, device, shape)
    memory = _PeakMemory(trial)
    run, size = _runner(trial, mode, batch_size, data)
    for _ in range(warmup):
        run()
    _finish(trial.device)
    times, processor_times = np.empty((2, repeats))
    for index in range(repeats):
        start, processor_start = time.perf_counter(), time.process_time()
        run()
        _finish(trial.device)
        times[index], processor_times[index] = time.perf_counter() - start, time.process_time() - processor_start
    peak = memory.peak()
    latency = float(np.median(times))
    return dict(
        mode=mode,
        batch_size=batch_size,
        shape=size,
        device=device_name(trial.device),
        threads=torch.get_num_threads(),
        latency=latency,
        latency_mean=float(times.mean()),
        latency_std=float(times.std()),
        latency_min=float(times.min()),
        latency_max=float(times.max()),
        processor_latency=float(np.median(processor_times)) if trial.device.type == 'cpu' else None,
        throughput=batch_size / latency,
        peak_memory=peak,
    )


def _runner(trial: TrialModel, mode: str, batch_size: int, data: str) -> tuple[Callable[[], Any], tuple]:
    """A function for one run, and the shape (C, H, W) of an input."""
    if mode == 'training':
        batch = trial.loaded_batch(batch_size) if data == 'config' else trial.batch(batch_size)
        optimizer = build_optim_wrapper(trial.model, trial.cfg.optim_wrapper)
        trial.model.train()
        return lambda: trial.model.train_step(batch, optimizer), tuple(batch['inputs'][0].shape)
    trial.model.eval()
    if data == 'config':
        inputs = torch.stack(trial.loaded_batch(batch_size, 'train' if trial.plan is None else 'test')['inputs'])
        shape, margin = tuple(inputs.shape[1:]), [trial.network.margin] * 4
        inputs = F.pad(inputs.float(), margin, 'reflect') if any(margin) else inputs
    else:
        inputs, shape = trial.inputs(batch_size), trial.shape
    return lambda: trial.network(inputs), shape


def _finish(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def device_name(device: torch.device) -> str:
    """Name of a device, e.g. 'NVIDIA H100 80GB HBM3' or 'CPU (Intel(R) Xeon(R) Platinum 8375C)'."""
    if device.type == 'cuda':
        return torch.cuda.get_device_name(device)
    if device.type != 'cpu':
        return device.type
    info = Path('/proc/cpuinfo')
    names = [
        line.split(':', 1)[1].strip()
        for line in (info.read_text().splitlines() if info.exists() else ())
        if line.startswith('model name')
    ]
    return f'CPU ({(names or [platform.processor() or platform.machine()])[0]})'


class _PeakMemory:
    """Measures the peak memory from now on."""

    def __init__(self, trial: TrialModel):
        self.device = trial.device
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
            torch.cuda.reset_peak_memory_stats(self.device)
            return
        self.weights = sum(
            tensor.numel() * tensor.element_size() for tensor in (*trial.model.parameters(), *trial.model.buffers())
        )
        gc.collect()
        _give_back_freed_memory()
        with contextlib.suppress(OSError):  # Linux: resets the peak of the process
            Path('/proc/self/clear_refs').write_text('5')
        self.before = resident_memory()

    def peak(self) -> int | None:
        """Bytes; None if the system does not report them."""
        if self.device.type == 'cuda':
            return torch.cuda.max_memory_allocated(self.device)
        most = resident_memory(peak=True)
        return None if most is None else self.weights + max(most - self.before, 0)


def _give_back_freed_memory() -> None:
    """Make the allocator return free memory to the system, or growth of the next run into it would go unnoticed."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
