"""Exact resumption of a run: within an epoch, with the same random numbers, and with missed validations."""

from collections.abc import Iterator
from typing import Any

from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

from mmhsi.engine.random_state import random_state, set_random_state
from mmhsi.engine.resumed_state import POSITION, check_position
from mmhsi.registry import HOOKS

from .safe_checkpoint_hook import VALIDATED


class _RestOfEpoch:
    """A data loader that starts in the middle of an epoch: the first batches are loaded and dropped."""

    def __init__(self, dataloader, done: int, state: dict | None) -> None:
        self._dataloader = dataloader
        self._done = done
        self._state = state

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dataloader, name)

    def __len__(self) -> int:
        return len(self._dataloader) - self._done

    def __iter__(self) -> Iterator:
        batches = iter(self._dataloader)
        for _ in range(self._done):
            next(batches)
        if self._state is not None:
            set_random_state(self._state)
        yield from batches


class _RestOfRun:
    """The endless iterator of an iteration-based loop; the random numbers are set after the dropped batches."""

    def __init__(self, batches, done: int, state: dict) -> None:
        self._batches = batches
        self._left = done
        self._state: dict | None = state

    def __iter__(self) -> '_RestOfRun':
        return self

    def __next__(self) -> Any:
        if self._left == 0 and self._state is not None:
            set_random_state(self._state)
            self._state = None
        self._left -= 1
        return next(self._batches)

    def skip_iter(self, num_iters: int) -> None:
        """Load and drop batches; onedl-mmengine would otherwise move the sampler on, and leave the workers behind."""
        for _ in range(num_iters):
            next(self)


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Make a resumed run repeat an uninterrupted one, no matter when its checkpoint was saved.

    In addition to MMEngine's state, every checkpoint records the number of finished batches of the epoch and the random
    state of each process. On resuming

    - finished batches are loaded and dropped, so that neither the order of the samples nor the random numbers of data
      workers change;
    - the next random numbers (the augmentation of the next batch without workers) come from the stored state;
    - a validation that was due when the checkpoint was saved, but not finished, is run, so that no best checkpoint is
      missed.

    It needs :class:`IterationSeedHook`. If the number of processes has changed, the epoch starts again. Persistent data
    workers have their own random states, which continue from epoch to epoch and cannot be stored: a warning says that
    such a run does not repeat the uninterrupted one.
    """

    priority = 'LOWEST'  # after the seeds are set, and after the checkpoint hook is ready

    def __init__(self) -> None:
        self._loaded: dict | None = None
        self._resumes = False
        self._epoch_begin = 0
        self._epoch_state: dict = {}
        self._gathered: list | None = None
        self._before_val: dict | None = None

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Read the position of the run."""
        if runner._resume and runner._train_loop is not None:
            self._resumes = True
            position = checkpoint.pop(POSITION, None)
            check_position(position, runner)
            self._loaded = position

    def before_train(self, runner) -> None:
        """Run a missed validation, and return to the beginning of the epoch."""
        loop = runner.train_loop
        if not self._resumes:
            return
        loader = getattr(loop, 'dataloader', None)
        if getattr(loader, 'persistent_workers', False) and getattr(loader, 'num_workers', 0):
            runner.logger.warning(
                'train_dataloader.persistent_workers is set: what its workers draw at random after '
                'resuming is not what they would have drawn without the interruption. For an exact '
                'repetition set it to False.'
            )
        if self._loaded is not None and self._loaded['processes'] != get_world_size():
            runner.logger.warning(
                f'The checkpoint was saved by {self._loaded["processes"]} processes, now there are '
                f'{get_world_size()}: the epoch starts again with other random numbers.'
            )
            loop._iter -= self._loaded['batches']
            self._loaded = None
        if (
            not (self._loaded or {}).get('batches')
            and _validation_is_due(runner)
            and runner.message_hub.runtime_info.get(VALIDATED) != loop.iter
        ):
            runner.logger.info(f'The validation after iteration {loop.iter} is run now.')
            runner.val_loop.run()
        if loop.iter >= loop.max_iters:
            runner.logger.warning(
                f'The checkpoint is from the end of the training, iteration {loop.iter} of {loop.max_iters}: nothing '
                'is left to train. A larger train_cfg.max_epochs or max_iters continues it.'
            )
        if self._loaded is not None and isinstance(loop, IterBasedTrainLoop) and loop.iter:
            loop.dataloader_iterator = _RestOfRun(loop.dataloader_iterator, loop.iter, self._state('now'))

    def before_train_epoch(self, runner) -> None:
        """Record the state at the beginning of the epoch; drop its finished batches."""
        loop = runner.train_loop
        done = self._loaded['batches'] if self._loaded is not None else 0
        if done and isinstance(loop, EpochBasedTrainLoop):
            set_random_state(self._state('epoch'))  # data workers get their seeds from it
            loop.dataloader = _RestOfEpoch(loop.dataloader, done, self._state('now'))
            runner.logger.info(f'{done} batches of epoch {runner.epoch + 1} are already done and are dropped.')
        self._loaded = None
        self._epoch_begin = runner.iter - done
        self._epoch_state = random_state()

    def after_train_epoch(self, runner) -> None:
        """Restore the data loader of the loop."""
        loader = getattr(runner.train_loop, 'dataloader', None)
        if isinstance(loader, _RestOfEpoch):
            runner.train_loop.dataloader = loader._dataloader
        self._epoch_begin = runner.iter

    def before_val(self, runner) -> None:
        """Save the random state of the training."""
        self._before_val = random_state()

    def after_val(self, runner) -> None:
        """Restore the random state from before the validation."""
        if self._before_val is not None:
            set_random_state(self._before_val)
            self._before_val = None

    def before_gather_checkpoint(self, runner) -> None:
        """Collect the random state of all processes."""
        self._gathered = all_gather_object(self._states())

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Store the position of the run."""
        states = self._gathered
        if states is None:
            if get_world_size() > 1:
                return
            states = [self._states()]
        self._gathered = None
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        batches = checkpoint['meta']['iter'] - self._epoch_begin if by_epoch else 0
        if by_epoch and checkpoint['meta']['epoch'] > runner.train_loop.epoch:
            batches = 0  # saved at the end of an epoch, which counts as finished
        checkpoint[POSITION] = dict(
            processes=get_world_size(),
            batches=batches,
            epoch=[epoch for epoch, _ in states],
            now=[now for _, now in states],
        )

    def _states(self) -> tuple[dict, dict]:
        return self._epoch_state, self._before_val or random_state()

    def _state(self, name: str) -> dict:
        return self._loaded[name][get_rank()]


def _validation_is_due(runner) -> bool:
    loop = runner.train_loop
    if runner.val_loop is None or not isinstance(loop, (EpochBasedTrainLoop, IterBasedTrainLoop)):
        return False
    loop._decide_current_val_interval()
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    done, last = (loop.epoch, loop.max_epochs) if by_epoch else (loop.iter, loop.max_iters)
    return done >= loop.val_begin and done > 0 and (done % loop.val_interval == 0 or done == last)
