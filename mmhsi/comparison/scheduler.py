"""Running the cells of a suite: each in its own process, several at once; failures do not stop the others."""

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from pathlib import Path

from mmhsi.comparison.records import LOG, differences, inputs_of, last_lines, whole_record, why_no_record, write_record
from mmhsi.comparison.run_cell import identity, run_in_process
from mmhsi.comparison.suite import Cell
from mmhsi.utils.identity import changes


@dataclass
class _Running:
    cell: Cell
    process: multiprocessing.Process
    device: str
    started: float


_FRAMEWORKS = [
    'mmhsi.comparison.run_cell',
    'mmpretrain.models',
    'mmseg.models',
    'mmhsi.models',
    'mmhsi.datasets',
    'mmhsi.engine',
    'mmhsi.evaluation',
]


def process_context(devices: Sequence[str]) -> BaseContext:
    """How processes for networks are started: on CPUs they are forked from one that has already imported the
    frameworks; with accelerators, which cannot be shared by forking, each is started separately.

    Args:
        devices (Sequence[str]): 'cpu', 'cuda:0' ...
    """
    context = multiprocessing.get_context('forkserver' if set(devices) == {'cpu'} else 'spawn')
    context.set_forkserver_preload(_FRAMEWORKS)
    return context


def is_finished(cell: Cell, folder: Path) -> bool:
    """Whether the folder holds the result of this cell for its current config and the current content of its files."""
    record = whole_record(folder)
    if record is None or record['status'] != 'done':
        return False
    cfg = cell.build_config()
    if record['hash'] != cell.fingerprint(cfg):
        return False
    # records of earlier versions do not list their files; the report says so
    return 'inputs' not in record or not changes(record['inputs'], inputs_of(cfg.to_dict(), record['inputs']))


def run_cells(
    cells: Sequence[Cell],
    root: Path,
    devices: Sequence[str] = ('cpu',),
    jobs: int = 1,
    threads: int = 1,
    timeout: float | None = None,
    pictures: bool = False,
    report: Callable[[str], None] = print,
) -> list[dict]:
    """Run the cells that are not finished yet.

    Each cell runs in its own process, see :func:`process_context`: if it fails, is killed or takes too long, its record
    says so with the last lines of its log, and the others continue.

    Args:
        cells (Sequence[Cell]): The cells.
        root (Path): Folder of the suite; each cell has a subfolder with its name.
        devices (Sequence[str]): 'cpu', 'cuda:0' ..., assigned to the cells. Defaults to one CPU.
        jobs (int): Cells that run at once on each device. Defaults to 1.
        threads (int): Threads of PyTorch of a cell on a CPU. Defaults to 1.
        timeout (float, optional): Seconds after which a cell is terminated. Defaults to no limit.
        pictures (bool): Whether networks write maps and pictures. Defaults to False.
        report (Callable): Called with a line for each cell that starts or ends. Defaults to ``print``.

    Returns:
        list[dict]: The records of all cells, in their order.
    """
    root = Path(root)
    waiting = [cell for cell in cells if not is_finished(cell, root / cell.name)]
    for sentence in filter(None, (why_no_record(root / cell.name) for cell in waiting)):
        report(sentence)
    report(f'{len(cells) - len(waiting)} of {len(cells)} cells are finished, {len(waiting)} are to run')
    finished = {cell.name for cell in cells} - {cell.name for cell in waiting}
    marked = sum(bool(differences(whole_record(root / name) or {})) for name in finished)
    if marked:
        report(
            f'{marked} of the finished ones were made with other versions or code, as the report says; remove their '
            'folders to run them '
            'again'
        )
    context = process_context(devices)
    free = [device for _ in range(jobs) for device in devices]
    running: list[_Running] = []
    done = 0
    try:
        while waiting or running:
            while waiting and free:
                cell, device = waiting.pop(0), free.pop(0)
                process = context.Process(
                    target=run_in_process,
                    args=(cell, root / cell.name, device, threads, pictures, dict(os.environ), os.getpid()),
                )
                process.start()
                running.append(_Running(cell, process, device, time.monotonic()))
            wait([item.process.sentinel for item in running], timeout=1.0)
            for item in list(running):
                late = timeout is not None and time.monotonic() - item.started > timeout
                if item.process.is_alive() and not late:
                    continue
                running.remove(item)
                free.append(item.device)
                done += 1
                record = _end(item, root / item.cell.name, late, timeout)
                report(f'[{done}/{done + len(running) + len(waiting)}] {item.cell.name}: {_summary(record)}')
    finally:
        for item in running:
            item.process.kill()
            item.process.join()
    return [whole_record(root / cell.name) or dict(identity(cell), status='missing') for cell in cells]


def _end(item: _Running, folder: Path, late: bool, timeout: float | None) -> dict:
    if item.process.is_alive():
        item.process.kill()
    item.process.join()
    code = item.process.exitcode
    seconds = time.monotonic() - item.started
    item.process.close()
    record = whole_record(folder)
    if code == 0 and not late and record is not None and record['status'] == 'done':
        return record
    if late:
        reason = f'ended after {timeout:g} s'
    elif code < 0:
        reason = f'killed by signal {-code}' + (', perhaps for want of memory' if code == -9 else '')
    else:
        reason = f'ended with code {code}'
    record = dict(
        identity(item.cell),
        status='failed',
        hash=item.cell.fingerprint(),
        error=reason,
        seconds=round(seconds, 1),
        last_lines=last_lines(folder / LOG),
    )
    write_record(folder, record)
    return record


def _summary(record: dict) -> str:
    if record['status'] != 'done':
        lines = record['last_lines']
        return f'FAILED, {record["error"]}' + (f': {lines[-1]}' if lines else '')
    scores = ', '.join(f'{name} {value:.4f}' for name, value in record['scores'].items() if value is not None)
    return f'{scores} ({record["train_seconds"] + (record["test_seconds"] or 0):.0f} s)'
