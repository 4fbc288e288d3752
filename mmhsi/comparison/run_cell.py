"""Running one cell in its own process."""

import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from mmengine.registry import init_default_scope

from mmhsi.comparison.classical_cell import run_classical
from mmhsi.comparison.cost import peak_memory
from mmhsi.comparison.network_cell import pretrain, run_network, save_maps
from mmhsi.comparison.records import LOG, MAPS, inputs_of, write_record
from mmhsi.comparison.suite import Cell
from mmhsi.utils.folder_lock import FolderLock
from mmhsi.utils.identity import code_digest, package_versions


def run_cell(cell: Cell, folder: Path, device: str = 'cpu', threads: int = 1, pictures: bool = False) -> dict:
    """Run a cell and write its record.

    Args:
        cell (Cell): The cell.
        folder (Path): Its folder.
        device (str): 'cpu', or an accelerator that is visible only to this process. Defaults to 'cpu'.
        threads (int): Threads of PyTorch on a CPU. Defaults to 1.
        pictures (bool): Whether a network writes maps and pictures. Defaults to False.

    Returns:
        dict: The record.
    """
    torch.set_num_threads(threads)
    cfg = cell.build_config()
    fingerprint, inputs = cell.fingerprint(cfg), inputs_of(cfg.to_dict())
    init_default_scope(cfg.get('default_scope', 'mmhsi'))
    np.random.seed(cell.seed)
    if cell.method is None:
        for part, first in cell.pretraining_configs().items():
            pretrain(cfg, part, first, folder / f'pretraining-{part}')
        found, results = run_network(cfg, folder, device, pictures, cell.seeded(cell.test_noise))
    elif cell.test_noise:
        raise ValueError(
            f'{cell.name}: noise is added to the test only, but {cell.method} learns and is tested in one step: list '
            'its settings without noise'
        )
    else:
        found, results = run_classical(cfg, cell.method, cell.seeded(cell.options))
    save_maps(folder / MAPS, results)
    record = dict(
        identity(cell),
        status='done',
        hash=fingerprint,
        **found,
        peak_memory=peak_memory(device),
        device=_device_name(device),
        threads=threads,
        inputs=inputs,
        versions=package_versions(),
        code=code_digest(),
    )
    write_record(folder, record)
    return record


def identity(cell: Cell) -> dict:
    """The entries of a record that identify a cell."""
    return dict(
        contestant=cell.contestant, setting=cell.setting, seed=cell.seed, config=cell.config.name, method=cell.method
    )


def run_in_process(
    cell: Cell, folder: Path, device: str, threads: int, pictures: bool, environment: Mapping[str, str], runner_id: int
) -> None:
    """Entry point of the process of a cell: all output goes to its log; it exits with 1 after an error, and ends
    together with the process that runs the suite."""
    threading.Thread(target=_end_with, args=(runner_id,), daemon=True).start()
    os.environ.update(environment)  # the parent of this forked process may have an older one
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG).open('w') as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    # before the first use of an accelerator, so that only this one is visible
    os.environ['CUDA_VISIBLE_DEVICES'] = device.partition(':')[2] or '0' if device.startswith('cuda') else ''
    try:
        with FolderLock(folder, f'the cell {cell.name}'):
            run_cell(cell, folder, device, threads, pictures)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        sys.exit(1)


def _end_with(process_id: int) -> None:
    """End this process when another one ends, even if that is killed."""
    while True:
        try:
            os.kill(process_id, 0)
        except ProcessLookupError:
            os._exit(1)
        time.sleep(2)


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device.startswith('cuda') else 'cpu'
