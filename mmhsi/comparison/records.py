"""The record of a cell: one JSON file, written atomically."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmhsi.datasets.splits.split import SUBSETS, Split
from mmhsi.utils.files import json_number, parse_json
from mmhsi.utils.identity import changes, code_digest, files_of_config, identify, package_versions
from mmhsi.utils.text import listed

RECORD, LOG, MAPS = 'cell.json', 'log.txt', 'maps.npz'
_ENTRIES = {
    'done': dict(hash=str, scores=dict, train_seconds=(int, float), peak_memory=dict, device=str),
    'failed': dict(error=str, last_lines=list),
}
_INPUTS = ('model', 'load_from', 'tta_model')  # parts of a config with files that affect a result


def write_record(folder: str | Path, record: dict) -> Path:
    """Write the record of a cell; if the process is killed meanwhile, the old record is kept.

    Args:
        folder (str | Path): Folder of the cell; it is created if necessary.
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
    """The record of a cell; None if there is none, or its file is damaged or not a record."""
    try:
        record = parse_json((Path(folder) / RECORD).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get('status') in tuple(_ENTRIES) else None


def whole_record(folder: str | Path) -> dict | None:
    """Like :func:`read_record`, but also None if an entry that tables need is missing or of another kind, as in a
    foreign file."""
    record = read_record(folder)
    return record if record is not None and _is_whole(record) else None


def _is_whole(record: Mapping) -> bool:
    if not all(isinstance(record.get(name), kind) for name, kind in _ENTRIES[record['status']].items()):
        return False
    if not isinstance(record.get('versions') or {}, Mapping):
        return False
    if record['status'] == 'failed':
        return all(isinstance(line, str) for line in record['last_lines'])
    split = record.get('split')
    if split is not None and not (isinstance(split, Mapping) and isinstance(split.get('hash'), str)):
        return False
    numbers = [
        *record['scores'].values(),
        *record['peak_memory'].values(),
        *(record.get(name) for name in ('test_seconds', 'parameters', 'flops')),
        *((split.get(name) for name in SUBSETS) if split else ()),
    ]
    return all(value is None or isinstance(value, (int, float)) for value in numbers)


def why_no_record(folder: str | Path) -> str | None:
    """A message if the record file exists but is not a record, else None."""
    path = Path(folder) / RECORD
    return (
        f'{path}: this is not the record of a cell, which counts as not run'
        if path.exists() and whole_record(folder) is None
        else None
    )


def inputs_of(cfg: Mapping, before: Any = None) -> dict[str, dict]:
    """Identities of the files that a cell reads, see :func:`mmhsi.utils.identity.identify`.

    Args:
        cfg (Mapping): The whole config.
        before (Any): The entry 'inputs' of an earlier record; files that have not been touched since are not read
            again.
    """
    parts = {
        name: value for name, value in cfg.items() if name in _INPUTS or name.endswith(('_dataloader', '_evaluator'))
    }
    return identify(files_of_config(parts), before if isinstance(before, Mapping) else None)


def differences(record: Mapping) -> list[str]:
    """Messages on files, packages and code that have changed since a cell was finished."""
    found = []
    if not isinstance(record.get('inputs'), Mapping):
        found.append('it does not list the files that it was made from')
    else:
        names = changes(record['inputs'], identify(record['inputs'], record['inputs']))
        if names:
            found.append(f'{listed(names, 3)} changed since')
    before, now = record.get('versions') or {}, package_versions()
    others = [
        f'{name} {before.get(name, "absent")}, now {now.get(name, "absent")}'
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name) and name in before
    ]
    if others:
        found.append(f'other versions: {"; ".join(others)}')
    if record.get('code') not in (None, code_digest()):
        found.append('another version of the mmhsi code')
    return found


def plain_scores(metrics: dict) -> dict[str, float | None]:
    """The scalar metrics of a run as JSON values."""
    return {name: json_number(value) for name, value in metrics.items() if np.ndim(value) == 0}


def split_record(split: Split | None) -> dict | None:
    """Hash and number of pixels of a split; None without one."""
    if split is None:
        return None
    digest = hashlib.sha256(repr(split.shape).encode())
    for name in SUBSETS:
        digest.update(name.encode() + np.ascontiguousarray(getattr(split, name)).tobytes())
    return dict(hash=digest.hexdigest()[:16], **{name: len(getattr(split, name)) for name in SUBSETS})


def last_lines(path: str | Path) -> list[str]:
    """The last twelve lines of a log that are not blank."""
    try:
        lines = Path(path).read_text(encoding='utf-8', errors='replace').splitlines()
    except FileNotFoundError:
        return []
    return [line.rstrip() for line in lines if line.strip()][-12:]
