"""Predicting one scene: from its windows or tiles to layers that cover it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from mmengine.logging import print_log
from torch import nn

from mmhsi.datasets.scenes.cube_view import Area
from mmhsi.inference.batches import choose_batch_size, smaller_batches
from mmhsi.inference.plan import Plan
from mmhsi.inference.staging import Staging
from mmhsi.inference.tiled import count_parts, predict_tiles
from mmhsi.inference.training_state import find_target_spectrum
from mmhsi.inference.windowed import plan_blocks, predict_windows
from mmhsi.tasks.networks import Network
from mmhsi.tasks.task import Task
from mmhsi.utils.progress import progress_bar

_SPECTRUM = 6  # float32 copies of a spectrum while a block is read and preprocessed
_VALUE = 4  # float32 copies of a value while a part is stitched and finished


def read_windows(plan: Plan, view) -> Callable[[Area], np.ndarray]:
    """A function that returns the values (h, w, C) of an area like the test pipeline of the plan."""
    loader, spectral = plan.pipeline()

    def read(area: Area) -> np.ndarray:
        values = loader.load(view, area)
        for step in spectral:
            values = step(values)
        return values

    return read


def network_of(model: nn.Module, view, plan: Plan, task: Task, memory: int) -> Network:
    """The network for a scene, with its target spectrum if it looks for one, and tried by :func:`try_network`.

    Args:
        model (nn.Module): The model, in evaluation mode.
        view (CubeView | PairView): The scene.
        plan (Plan): Its windows or tiles, and the target spectrum.
        task (Task): The task, which gets the target spectrum.
        memory (int): Bytes that batches may use on a CPU.
    """
    meta = None
    if task.wants_spectrum(model):
        values = find_target_spectrum(plan, view, task.stored_spectrum)
        task.use_spectrum(values if view.used_bands is None else values[view.used_bands])
        meta = {'target_spectrum': view.preprocess_spectra(values).astype(np.float32)}
    network = task.network(model, plan.window is not None, meta)
    network.precision = plan.precision
    try_network(network, plan, view.bands, view.info.path, memory)
    return network


def try_network(network: Network, plan: Plan, bands: int, source: str, memory: int) -> None:
    """Run a network once on zeros to determine its ``outputs``, ``zoom`` and ``batch_size``.

    Args:
        network (Network): The network.
        plan (Plan): Its windows or tiles.
        bands (int): Number of bands of the preprocessed scene.
        source (str): Name of the scene, for the message.
        memory (int): Bytes that batches may use on a CPU.

    Raises:
        ValueError: If the network does not accept this number of bands or tiles of this size.
    """
    size = (plan.window, plan.window) if plan.grid is None else plan.grid.size
    sample = torch.zeros(1, bands, *(side + 2 * network.margin for side in size))
    try:
        values = network(sample)
    except torch.cuda.OutOfMemoryError:  # a RuntimeError that is not about the network
        raise
    except (RuntimeError, ValueError, AssertionError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(
            f'{source}: the network does not accept {size[0]} x {size[1]} pixels of {bands} bands, which '
            f'the scene has after the preprocessing: {reason}'
        ) from error
    network.zoom = 1 if values.ndim == 2 else values.shape[-1] // size[1]
    if values.ndim == 4 and tuple(values.shape[2:]) != (network.zoom * size[0], network.zoom * size[1]):
        raise ValueError(
            f'the network outputs {values.shape[2]} x {values.shape[3]} pixels for {size[0]} x {size[1]}, '
            'expected a whole multiple'
        )
    network.outputs = values.shape[1]
    network.batch_size = plan.batch_size or choose_batch_size(network, sample, memory, 256 if plan.grid is None else 32)


def _parts(view, network: Network, plan: Plan, memory: int, start: int) -> tuple[int, Iterator]:
    """Number of parts of a scene, and those from ``start`` on."""
    read = read_windows(plan, view)
    spectrum = 4 * _SPECTRUM * max(view.bands, view.info.bands)
    if plan.grid is None:
        blocks = plan_blocks(view.height, view.width, plan.window, memory // 2 // spectrum)
        return len(blocks), predict_windows(view, read, network, plan.window, blocks, start, plan.lattice)
    tall, wide = plan.grid.size
    reading = max(memory // 4 // (tall * spectrum), wide)
    widest = max(memory // 4 // (tall * 4 * _VALUE * network.outputs * network.zoom**2), wide)
    if network.margin:
        read = _with_margin(read, network.margin)
    run = partial(smaller_batches, network)
    parts = predict_tiles(view, read, run, plan.grid, network.batch_size, widest, start, reading, network.margin)
    return count_parts(view, plan.grid, widest), parts


def _with_margin(read: Callable[[Area], np.ndarray], margin: int) -> Callable[[Area], np.ndarray]:
    def read_more(area: Area) -> np.ndarray:
        top, left, height, width = area
        return read((top - margin, left - margin, height + 2 * margin, width + 2 * margin))

    return read_more


def predict_scene(
    view, network: Network, plan: Plan, task: Task, staging: Staging, memory: int, progress: str | None = None
) -> None:
    """Fill the layers of a task from the state of the staging to the end of the scene.

    Args:
        view (CubeView | PairView): The scene.
        network (Network): The network, tried by :func:`try_network`.
        plan (Plan): Its windows or tiles, and the treatment of non-finite values.
        task (Task): The task.
        staging (Staging): Where the layers are collected.
        memory (int): Bytes that blocks and their values may use.
        progress (str, optional): Text of the progress bar. Defaults to None: no bar.

    Raises:
        ValueError: If no pixel of the scene holds data, or the network outputs NaN or infinity for a valid pixel.
    """
    zoom = network.zoom
    for name, layer in task.layers.items():
        staging.create(name, (layer.count, zoom * view.height, zoom * view.width), layer.dtype, layer.nodata)
    total, parts = _parts(view, network, plan, memory, staging.done)
    if progress is not None and staging.done < total:
        parts = progress_bar(parts, progress, 'parts', total - staging.done)
    lost = 0
    for done, ((top, left, rows, cols), values, valid) in enumerate(parts, staging.done + 1):
        if values is not None:
            mask = valid if zoom == 1 else valid.repeat(zoom, 0).repeat(zoom, 1)
            finite = np.isfinite(values).all(axis=0)
            if not finite[mask].all():
                wrong = np.argwhere(mask & ~finite)
                if plan.not_finite == 'raise':
                    row, col = wrong[0] // zoom + (top, left)
                    raise ValueError(
                        f'{view.info.path}: the network outputs NaN or infinity for {len(wrong)} pixels in '
                        f'the part of {rows} x {cols} pixels at row {top}, column {left}, the first at '
                        f'row {row}, column {col}'
                    )
                lost += len(wrong)
                mask = mask & finite
            place = slice(zoom * top, zoom * (top + rows)), slice(zoom * left, zoom * (left + cols))
            staging.seen = staging.seen or bool(mask.any())
            for name, array in task.finish(np.where(finite, values, 0) if lost else values).items():
                layer = task.layers[name]
                staging.write(
                    name, place, array if mask.all() else np.where(mask, array, np.asarray(layer.nodata, layer.dtype))
                )
        staging.advance(done, last=done == total)
    if not staging.seen:
        raise ValueError(view.why_empty())
    if lost:
        print_log(
            f'{view.info.path}: the network outputs NaN or infinity for {lost} pixels, which are without data in the '
            'products',
            'current',
            logging.WARNING,
        )
