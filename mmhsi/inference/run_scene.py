"""Predicting one scene: from its windows or tiles to layers that cover it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from rich.progress import track

from mmhsi.inference.networks import Network, choose_batch_size, smaller_batches
from mmhsi.inference.plan import Plan
from mmhsi.inference.staging import Memory
from mmhsi.inference.tasks import Task
from mmhsi.inference.tiled import Area, count_parts, predict_tiles
from mmhsi.inference.windowed import plan_blocks, predict_windows

_SPECTRUM = 6  # float32 copies of a spectrum while a block is read and preprocessed
_VALUE = 4  # float32 copies of a value while a part is joined and finished


@dataclass(frozen=True)
class Trial:
    """What a run of the network on zeros told.

    Attributes:
        outputs (int): Number of values per pixel.
        scale (int): Pixels of the result per pixel of the scene along an axis.
        batch_size (int): Number of tiles or windows that run at once.
    """

    outputs: int
    scale: int
    batch_size: int


def read_windows(plan: Plan, stream, pad_mode: str | None = None) -> Callable[[Area], np.ndarray]:
    """A function that gives the values (h, w, C) of an area as the test pipeline of the plan would."""
    loader, spectral = plan.pipeline(pad_mode)

    def read(area: Area) -> np.ndarray:
        values = loader.load(stream, area)
        for step in spectral:
            values = step(values)
        return values

    return read


def try_network(network: Network, plan: Plan, bands: int, source: str, memory: int,
                batch_size: int | None = None) -> Trial:
    """Run a network once to see what it makes of a scene.

    Args:
        network (Network): The network.
        plan (Plan): Its windows or tiles.
        bands (int): Number of bands of the preprocessed scene.
        source (str): Name of the scene, for the message.
        memory (int): Bytes that batches may use on a CPU.
        batch_size (int, optional): The batch size, if it is not to be chosen.

    Raises:
        ValueError: If the network does not take so many bands, or tiles of this size.
    """
    size = (plan.window, plan.window) if plan.grid is None else plan.grid.size
    sample = torch.zeros(1, bands, *(side + 2 * network.margin for side in size))
    try:
        values = network(sample)
    except (RuntimeError, ValueError, AssertionError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f'{source}: the network does not take {size[0]} x {size[1]} pixels of {bands} bands, which '
                         f'the scene has after the preprocessing: {reason}') from error
    scale = 1 if values.ndim == 2 else values.shape[-1] // size[1]
    if values.ndim == 4 and tuple(values.shape[2:]) != (scale * size[0], scale * size[1]):
        raise ValueError(f'the network makes {values.shape[2]} x {values.shape[3]} pixels of {size[0]} x {size[1]}, '
                         'expected a whole multiple')
    batch = batch_size or choose_batch_size(network, sample, memory, 256 if plan.grid is None else 32)
    return Trial(values.shape[1], scale, batch)


def _parts(stream, network: Network, plan: Plan, trial: Trial, memory: int, start: int) -> tuple[int, Iterator]:
    """Number of parts of a scene, and those from ``start`` on."""
    run = partial(smaller_batches, network)
    read = read_windows(plan, stream)
    spectrum = 4 * _SPECTRUM * max(stream.bands, stream.info.bands)
    if plan.grid is None:
        blocks = plan_blocks(stream.height, stream.width, plan.window, memory // 2 // spectrum)
        return len(blocks), predict_windows(stream, read, run, plan.window, blocks, trial.batch_size, network.device,
                                            start)
    tall, wide = plan.grid.size
    reading = max(memory // 4 // (tall * spectrum), wide)
    widest = max(memory // 4 // (tall * 4 * _VALUE * trial.outputs * trial.scale**2), wide)
    if network.margin:
        read = _with_margin(read, network.margin)
    parts = predict_tiles(stream, read, run, plan.grid, trial.batch_size, widest, start, reading, network.margin)
    return count_parts(stream, plan.grid, widest), parts


def _with_margin(read: Callable[[Area], np.ndarray], margin: int) -> Callable[[Area], np.ndarray]:
    def read_more(area: Area) -> np.ndarray:
        top, left, height, width = area
        return read((top - margin, left - margin, height + 2 * margin, width + 2 * margin))

    return read_more


def predict_scene(stream, network: Network, plan: Plan, task: Task, trial: Trial, staging: Memory, memory: int,
                  progress: str | None = None) -> None:
    """Fill the layers of a task from where the staging stands to the end of the scene.

    Args:
        stream (CubeView | PairView): The scene.
        network (Network): The network.
        plan (Plan): Its windows or tiles.
        task (Task): What its values become.
        trial (Trial): What :func:`try_network` told.
        staging (Memory): Where the layers are collected.
        memory (int): Bytes that blocks and their values may use.
        progress (str, optional): Text of the progress bar. Defaults to None: no bar.
    """
    scale = trial.scale
    for name, layer in task.layers.items():
        staging.create(name, (layer.count, scale * stream.height, scale * stream.width), layer.dtype, layer.nodata)
    total, parts = _parts(stream, network, plan, trial, memory, staging.done)
    if progress is not None and staging.done < total:
        parts = track(parts, progress, total=total - staging.done)
    for done, ((top, left, rows, cols), values, valid) in enumerate(parts, staging.done + 1):
        if values is not None:
            place = (slice(None), slice(scale * top, scale * (top + rows)), slice(scale * left, scale * (left + cols)))
            mask = valid if scale == 1 else valid.repeat(scale, 0).repeat(scale, 1)
            for name, array in task.finish(values).items():
                layer = task.layers[name]
                staging.arrays[name][place] = array if mask.all() else np.where(
                    mask, array, np.asarray(layer.nodata, layer.dtype))
        staging.advance(done, last=done == total)
