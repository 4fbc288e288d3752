"""Finding the checkpoint from which an interrupted run continues."""

import logging
import re
from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log

from mmhsi.engine.run_checkpoints import placed
from mmhsi.weights.checkpoint_file import check_intact, read_checkpoint
from mmhsi.weights.sharded_checkpoint import is_sharded, read_run

_RESUMABLE = re.compile(r'(epoch|iter)_\d+\.pth|interrupted\.pth')
_NEEDED = {'meta', 'message_hub'}


def find_latest_checkpoint(work_dir: str | Path, storage: str | None = None) -> str | None:
    """Find the newest intact checkpoint of a run.

    It is the one that ``last_checkpoint`` names. If that is damaged or missing, every file ``epoch_<n>.pth``,
    ``iter_<n>.pth`` and ``interrupted.pth`` in the folder is tried, the one with the most iterations first. Files are
    read completely, and damaged ones are logged. A checkpoint may also be a folder, which the processes of a sharded
    network wrote together.

    Args:
        work_dir (str | Path): Folder of the run.
        storage (str, optional): Address at which the config of the run stores checkpoints, if not in the folder.

    Returns:
        str | None: Path of the checkpoint, or its address; None if there is none.

    Raises:
        ValueError: If there are checkpoints and all are damaged, or ``last_checkpoint`` names an address that does not
            lie in the storage: a file in a folder must not decide where to load from.
    """
    work_dir = Path(work_dir)
    folders, damaged = [work_dir], []
    note = work_dir / 'last_checkpoint'
    text = note.read_text(encoding='utf-8', errors='replace').strip() if note.is_file() else ''
    named = placed(Path(text), work_dir) if text else None
    if '://' in text:
        if storage is None or not text.startswith(f'{storage.rstrip("/")}/'):
            raise ValueError(
                f'{note}: it names the address {text}, which is not where the config stores checkpoints (out_dir of '
                'its checkpoint hook); if it is the right one, give it as --resume '
                'ADDRESS'
            )
        return text
    if named is not None:
        if named.is_dir() and not is_sharded(named):
            return text  # of another strategy
        if _is_intact(named, damaged):
            return str(named)
        folders.append(named.parent)
    found = {
        path.resolve(): path
        for folder in folders
        if folder.is_dir()
        for path in folder.iterdir()
        if (path.is_file() or is_sharded(path)) and _RESUMABLE.fullmatch(path.name) and path != named
    }
    iterations = {path: _iterations(path, damaged) for path in found.values()}
    candidates = sorted((path for path, count in iterations.items() if count is not None), key=iterations.get)
    for path in reversed(candidates):
        if _is_intact(path, damaged):
            return str(path)
    if damaged:
        raise ValueError(
            f'{work_dir}: no checkpoint of this run is intact; remove them to start again: {"; ".join(damaged)}'
        )
    return None


def resume_from_latest(cfg: Config) -> None:
    """Set the newest intact checkpoint of the work dir in the config of a run that is to be resumed.

    A run without any checkpoint starts as if it were not to be resumed, from ``load_from`` if given, so a cluster can
    start every part of a job with the same command.

    Args:
        cfg (Config): The whole config, changed in place.
    """
    storage = (cfg.get('default_hooks', {}).get('checkpoint') or {}).get('out_dir')
    latest = find_latest_checkpoint(cfg.work_dir, storage if '://' in str(storage) else None)
    cfg.resume = latest is not None
    if latest is not None:
        cfg.load_from = latest
    else:
        print_log(
            f'{cfg.work_dir} holds no checkpoint to resume from: the training starts from the beginning.',
            logger='current',
            level=logging.WARNING,
        )


def _is_intact(path: Path, damaged: list[str]) -> bool:
    try:
        checkpoint = check_intact(path)
    except (OSError, ValueError) as error:
        return _report(error, damaged)
    if not isinstance(checkpoint, Mapping):
        return _report(f'{path} cannot be resumed from: it holds {type(checkpoint).__name__}, not a dict', damaged)
    missing = (_NEEDED if path.is_dir() else {*_NEEDED, 'state_dict'}) - set(checkpoint)
    return not missing or _report(
        f'{path} cannot be resumed from: it has no {" and no ".join(sorted(missing))}', damaged
    )


def _report(error: Exception | str, damaged: list[str]) -> bool:
    damaged.append(str(error))
    print_log(f'{error}; looking for an older checkpoint.', logger='current', level=logging.WARNING)
    return False


def _iterations(path: Path, damaged: list[str]) -> int | None:
    try:
        return int((read_run if path.is_dir() else read_checkpoint)(path)['meta']['iter'])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, IndexError) as error:
        damaged.append(f'{path}: {error}')
        return None
