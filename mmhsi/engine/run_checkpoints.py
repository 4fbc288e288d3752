"""Selecting a checkpoint of a run: the best one of a runner, or 'best' and 'last' on a command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.runner import Runner

BEST_NOTE = 'best_checkpoint'  # file in the work dir, as MMEngine's last_checkpoint


def placed(path: Path, work_dir: Path) -> Path:
    """A named file of a run: the one in the work dir, which may have been copied since, or else where it was."""
    here = work_dir / path.name
    return here if here.exists() else path


def best_checkpoint(runner: Runner) -> str | None:
    """Path of the best state according to the validations of a run; None without any.

    A work dir may hold the best states of earlier runs too: with other seeds, and thus other test pixels.
    """
    for hook in runner.hooks:
        if getattr(hook, 'best_ckpt_path', None) is not None:
            return str(placed(Path(hook.best_ckpt_path), Path(runner.work_dir)))
    return None


def load_best(runner: Runner) -> str | None:
    """Load the state of :func:`best_checkpoint` if there is one; returns its path."""
    best = best_checkpoint(runner)
    if best is not None:
        runner.load_checkpoint(best, map_location='cpu')
    return best


def named_checkpoint(name: str | None, work_dir: str | Path) -> str | None:
    """The checkpoint that a command line names.

    Args:
        name (str, optional): 'best' or 'last' of the latest run in the work dir; anything else is returned as it is.
        work_dir (str | Path): Folder of the runs.

    Returns:
        str | None: Path or address.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
    """
    if name not in ('best', 'last') or Path(name).exists():
        return name
    from mmhsi.engine.resume import find_latest_checkpoint

    work_dir = Path(work_dir)
    found = find_latest_checkpoint(work_dir) if name == 'last' else _best_of(work_dir)
    if found is None:
        held = sorted(path.name for path in work_dir.glob('*.pth')) if work_dir.is_dir() else []
        raise FileNotFoundError(
            f'{work_dir}: the {name} checkpoint of a run is requested, but '
            + (f'none is recorded; the folder holds {", ".join(held)}' if held else 'the folder holds no checkpoint')
        )
    return found


def _best_of(work_dir: Path) -> str | None:
    from mmhsi.engine.resume import find_latest_checkpoint
    from mmhsi.weights.checkpoint_file import read_checkpoint

    note = work_dir / BEST_NOTE
    if note.is_file():
        path = placed(Path(note.read_text(encoding='utf-8').strip()), work_dir)
        return str(path) if path.exists() else None
    last = find_latest_checkpoint(work_dir)  # a run from before this was recorded
    if last is None or Path(last).is_dir():
        return None
    noted = (read_checkpoint(last).get('message_hub') or {}).get('runtime_info', {}).get('best_ckpt')
    path = placed(Path(noted), work_dir) if noted else None
    return str(path) if path is not None and path.exists() else None
