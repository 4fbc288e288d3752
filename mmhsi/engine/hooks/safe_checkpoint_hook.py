"""Robust checkpoints: written atomically, verified, and deleted only after their successors are complete."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook

from mmhsi.engine.resumed_state import FORMER_BEST
from mmhsi.engine.run_checkpoints import BEST_NOTE, placed
from mmhsi.registry import HOOKS
from mmhsi.utils.files import PART_SUFFIX, put_in_place, write_text
from mmhsi.weights.checkpoint_file import check_intact
from mmhsi.weights.sharded_checkpoint import is_sharded

INTERRUPTED = 'interrupted.pth'
WHOLE = 'final.pth'  # of a run whose checkpoints are folders
VALIDATED = 'validated_at'  # iteration of the last finished validation, in the message hub


class _SafeSaving:
    """A runner that saves through the hook; everything else is that of the original runner."""

    def __init__(self, runner, hook: 'SafeCheckpointHook') -> None:
        self._runner = runner
        self._hook = hook

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def save_checkpoint(self, out_dir: str, filename: str, *args, **kwargs) -> None:
        self._hook.save(self._runner, filename, *args, **kwargs)


class _LateRemoval:
    """A file back end that only records what it is asked to remove."""

    def __init__(self, backend) -> None:
        self._backend = backend
        self.outdated: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        self.outdated.append(path)

    rmtree = remove


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook``, with files that survive a killed process, a full disk and a power failure.

    - A checkpoint is written as ``<name>.part``, flushed to the disk, read back with its checksums and renamed.
      ``last_checkpoint`` is replaced in the same way, after the checkpoint is in place.
    - Checkpoints that are outdated by ``max_keep_ckpts`` and ``save_best`` are deleted after that: the disk must hold
      one more checkpoint than is kept.
    - If a checkpoint cannot be written, the run stops with an error that names the last good one.
    - If the network is sharded, so that checkpoints are folders, a training ends with ``final.pth``: all
      parameters in one file.
    - ``interrupted.pth``, which :class:`PreemptionHook` saves between the others, is deleted when the next one is
      saved.

    Before a save ``runner.call_hook('before_gather_checkpoint')`` is called on all processes, to collect data from each
    other; ``before_save_checkpoint`` is called on the first one only.

    All of this applies to local folders; others are left to their back ends.

    Args:
        *args: As for ``mmengine.hooks.CheckpointHook``.
        **kwargs: Likewise.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._position: dict | None = None
        self._superseded: list[str] = []  # best states of the iterations that a resumed run repeats

    def before_train(self, runner) -> None:
        """Find the folder, and remove the remains of interrupted saves."""
        super().before_train(runner)
        if self._local and runner._resume:
            self._find_best_here()
        if self._local and is_main_process() and Path(self.out_dir).is_dir():
            for path in Path(self.out_dir).glob(f'*.pth{PART_SUFFIX}'):
                _remove(path)
            if runner._resume:
                self._superseded = self._later_best_states(runner)
                # saved with a new best state, and the run was killed before the former one was deleted
                former = runner.message_hub.runtime_info.get(FORMER_BEST, [])
                self._delete_but_best([self.file_backend.join_path(self.out_dir, name) for name in former])

    def after_train(self, runner) -> None:
        """Delete best states of repeated iterations that were not saved again.

        Put the parameters into one file, if the last checkpoint is a folder.
        """
        super().after_train(runner)
        self._delete_but_best(self._superseded)
        shared = [self.last_ckpt is not None and is_sharded(self.last_ckpt)]
        broadcast_object_list(shared)  # the first process has put it in place, perhaps a moment ago
        if shared[0]:
            self._position = dict(epoch=runner.epoch, iter=runner.iter)
            try:
                self.save(runner, WHOLE, save_optimizer=False, save_param_scheduler=False)
            finally:
                self._position = None

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Add the position of the run to the checkpoint of an interrupted run."""
        if self._position is not None:
            checkpoint['meta'].update(self._position)

    def after_val_epoch(self, runner, metrics: dict) -> None:
        """Save the best checkpoint, which records that this validation is finished."""
        runner.message_hub.update_info(VALIDATED, runner.iter)
        super().after_val_epoch(runner, metrics)

    def save(self, runner, filename: str, *args, **kwargs) -> None:
        """Save a checkpoint of the runner; to be called on all processes.

        Args:
            runner (Runner): The runner.
            filename (str): Name of the file in the folder of the checkpoints.
            *args: As for ``runner.save_checkpoint``.
            **kwargs: Likewise.

        Raises:
            OSError: If the checkpoint cannot be written or read back, on the first process.
        """
        runner.call_hook('before_gather_checkpoint')
        if not self._local:
            runner.save_checkpoint(self.out_dir, filename, *args, **kwargs)
            return
        part = filename + PART_SUFFIX
        with self._explained(filename, runner):
            runner.save_checkpoint(self.out_dir, part, *args, **kwargs)
            if is_main_process():
                written = Path(self.out_dir, part)
                _check_intact(written)
                place = Path(self.out_dir, filename)
                if written.is_dir() or place.is_dir():  # a folder that is not empty cannot be replaced
                    _remove(place)
                put_in_place(written, place)

    def save_interrupted(self, runner, epoch: int, iteration: int) -> str:
        """Save a checkpoint between those of the schedule; to be called on all processes.

        Args:
            runner (Runner): The runner.
            epoch (int): Epochs done.
            iteration (int): Iterations done.

        Returns:
            str: Path of the checkpoint.
        """
        self._position = dict(epoch=epoch, iter=iteration)
        try:
            self.save(
                runner,
                INTERRUPTED,
                self.file_client_args,
                meta=dict(self._position),
                by_epoch=False,
                backend_args=self.backend_args,
            )
        finally:
            self._position = None
        path = self.file_backend.join_path(self.out_dir, INTERRUPTED)
        self._point_to(runner, path)
        return path

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict) -> None:
        runner = getattr(runner, '_runner', runner)
        keeping = self.max_keep_ckpts > 0
        if keeping and step not in self.keep_ckpt_ids:
            # the saved list still contains what is deleted after the save: a run killed in between deletes it on
            # resuming
            kept = [*self.keep_ckpt_ids, step]
            runner.message_hub.update_info('keep_ckpt_ids', kept)
        filename = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, filename)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        self.save(
            runner,
            filename,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        self._point_to(runner, self.last_ckpt)
        outdated = [INTERRUPTED]
        if keeping and step not in self.keep_ckpt_ids:
            while len(self.keep_ckpt_ids) >= self.max_keep_ckpts:
                outdated.append(self.filename_tmpl.format(self.keep_ckpt_ids.popleft()))
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        if is_main_process():
            self._delete([self.file_backend.join_path(self.out_dir, name) for name in outdated])

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        backend = self.file_backend
        self.file_backend = late = _LateRemoval(backend)
        runner.message_hub.update_info(FORMER_BEST, sorted(Path(path).name for path in self._best_paths()))
        try:
            super()._save_best_checkpoint(_SafeSaving(runner, self), metrics)
        finally:
            self.file_backend = backend
        best = self._best_paths()
        if is_main_process():
            if best:  # the first one of several metrics
                noted = getattr(self, 'best_ckpt_path', None) or next(iter(self.best_ckpt_path_dict.values()))
                write_text(Path(runner.work_dir, BEST_NOTE), noted)
            self._delete_but_best(late.outdated)

    def _delete_but_best(self, paths: list[str]) -> None:
        best, folder = self._best_paths(), Path(self.out_dir)
        self._delete([path for path in paths if path not in best and Path(path).parent == folder])

    def _best_paths(self) -> set[str]:
        paths = {getattr(self, 'best_ckpt_path', None), *getattr(self, 'best_ckpt_path_dict', {}).values()}
        return paths - {None}

    def _find_best_here(self) -> None:
        """Take the best states of a run that was moved or copied from its new folder, and leave the old one alone."""
        folder = Path(self.out_dir)
        if getattr(self, 'best_ckpt_path', None):
            self.best_ckpt_path = str(placed(Path(self.best_ckpt_path), folder))
        paths = getattr(self, 'best_ckpt_path_dict', {})
        paths.update({key: str(placed(Path(path), folder)) for key, path in paths.items() if path})

    def _later_best_states(self, runner) -> list[str]:
        """Best states that a killed run saved after the checkpoint from which it is resumed."""
        done = runner.epoch if self.by_epoch else runner.iter
        pattern = re.compile(rf'best_.+_{"epoch" if self.by_epoch else "iter"}_(\d+)\.pth')
        found = ((path, pattern.fullmatch(path.name)) for path in Path(self.out_dir).iterdir())
        return [str(path) for path, match in found if match and int(match[1]) >= done]

    @property
    def _local(self) -> bool:
        backend = getattr(self.file_backend, '_backend', self.file_backend)
        return self.file_client_args is None and isinstance(backend, LocalBackend)

    def _point_to(self, runner, path: str) -> None:
        if is_main_process():
            write_text(Path(runner.work_dir, 'last_checkpoint'), path)

    def _delete(self, paths: list[str]) -> None:
        for path in paths:
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)
            elif self.file_backend.isdir(path):
                self.file_backend.rmtree(path)

    @contextmanager
    def _explained(self, filename: str, runner) -> Iterator[None]:
        path = Path(self.out_dir, filename)
        try:
            yield
        except OSError as error:
            part = Path(f'{path}{PART_SUFFIX}')
            size = part.stat().st_size if part.is_file() else 0
            _remove(part)
            free = shutil.disk_usage(part.parent).free if part.parent.is_dir() else 0
            last = Path(runner.work_dir, 'last_checkpoint')
            good = last.read_text(encoding='utf-8').strip() if last.is_file() else None
            advice = (
                f'the last good checkpoint is {good}: make room and continue with --resume'
                if good
                else 'no checkpoint of this run was saved before'
            )
            reason = error.strerror or error
            raise OSError(
                f'{path}: the checkpoint cannot be written: {reason} ({size} bytes were written, '
                f'{free / 2**20:.0f} MiB are free); {advice}'
            ) from error


def _check_intact(path: Path) -> None:
    if path.is_dir() and not is_sharded(path):  # of another strategy
        return
    try:
        check_intact(path)
    except ValueError as error:
        raise OSError(f'the data read back differ from those written: {error}') from error


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        path.unlink(missing_ok=True)
