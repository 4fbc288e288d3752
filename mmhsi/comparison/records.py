"""What a cell leaves behind: one JSON file, written whole or not at all."""

import hashlib
import importlib.metadata
import json
import os
import platform
from pathlib import Path

import numpy as np

from mmhsi.datasets.splits.split import SUBSETS, Split
from mmhsi.evaluation.json_values import json_number

RECORD, LOG, MAPS = 'cell.json', 'log.txt', 'maps.npz'
_PACKAGES = ('mmhsi', 'torch', 'mmengine', 'mmcv', 'mmcv-lite', 'mmpretrain', 'mmsegmentation', 'mmagic', 'numpy',
             'scikit-learn')


def write_record(folder: str | Path, record: dict) -> Path:
    """Write the record of a cell; a process that is killed meanwhile leaves the old one.

    Args:
        folder (str | Path): Folder of the cell, which is made if it is not there.
        record (dict): Plain Python values.

    Returns:
        Path: The file.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RECORD
    unfinished = folder / f'{RECORD}.{os.getpid()}'
    unfinished.write_text(json.dumps(record, indent=1, allow_nan=False) + '\n', encoding='utf-8')
    os.replace(unfinished, path)
    return path


def read_record(folder: str | Path) -> dict | None:
    """The record of a cell; None if there is none, or its file is no JSON."""
    try:
        return json.loads((Path(folder) / RECORD).read_text(encoding='utf-8'))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def plain_scores(metrics: dict) -> dict[str, float | None]:
    """The scalars among the metrics of a run as JSON can hold them."""
    return {name: json_number(value) for name, value in metrics.items() if np.ndim(value) == 0}


def split_record(split: Split | None) -> dict | None:
    """Hash and number of pixels of a split; None without one."""
    if split is None:
        return None
    digest = hashlib.sha256(repr(split.shape).encode())
    for name in SUBSETS:
        digest.update(name.encode() + np.ascontiguousarray(getattr(split, name)).tobytes())
    return dict(hash=digest.hexdigest()[:16], **{name: len(getattr(split, name)) for name in SUBSETS})


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result, as far as they are installed."""
    found = {'python': platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def last_lines(path: str | Path, number: int = 12) -> list[str]:
    """The last lines of a log that are not blank."""
    try:
        lines = Path(path).read_text(encoding='utf-8', errors='replace').splitlines()
    except FileNotFoundError:
        return []
    return [line.rstrip() for line in lines if line.strip()][-number:]
