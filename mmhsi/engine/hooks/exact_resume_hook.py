"""Going on exactly where a run stood: inside an epoch, with the next random numbers, with a validation it missed."""

from collections.abc import Iterator
from typing import Any

from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

from mmhsi.engine.random_state import random_state, set_random_state
from mmhsi.registry import HOOKS

from .safe_checkpoint_hook import VALIDATED

_KEY = 'mmhsi_position'


class _RestOfEpoch:
    """A data loader that begins in the middle: the first batches are loaded and dropped."""

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
    """The endless iterator of an iteration-based loop; the random numbers are set when the dropped batches are over."""

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


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Let a resumed run repeat an uninterrupted one, whatever the moment at which its checkpoint was saved.

    Every checkpoint tells, beside what MMEngine keeps, how many batches of the epoch are done and from where each
    process draws its next random numbers. On resuming

    - batches that were done are loaded and dropped, so that neither the order of the samples nor the numbers that data
      workers draw change;
    - what is drawn next (the augmentation of the next batch where there are no workers) comes from the stored state;
    - a validation that was due when the checkpoint was saved, but not finished, is made up for, so that no best
      checkpoint is missed.

    It needs :class:`IterationSeedHook`. After a change of the number of processes an epoch begins anew. Persistent data
    workers draw from states of their own that go on from epoch to epoch, which no checkpoint can tell: a warning says
    that such a run does not repeat the uninterrupted one.
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
        """Note where the run stood."""
        if runner._resume and runner._train_loop is not None:
            self._resumes = True
            self._loaded = checkpoint.pop(_KEY, None)

    def before_train(self, runner) -> None:
        """Make up for a missed validation, and return to the beginning of the epoch."""
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
                f'{get_world_size()}: the epoch begins anew with other random numbers.'
            )
            loop._iter -= self._loaded['batches']
            self._loaded = None
        if (
            not (self._loaded or {}).get('batches')
            and _validation_is_due(runner)
            and runner.message_hub.runtime_info.get(VALIDATED) != loop.iter
        ):
            runner.logger.info(f'The validation after iteration {loop.iter} is made up for.')
            runner.val_loop.run()
        if self._loaded is not None and isinstance(loop, IterBasedTrainLoop) and loop.iter:
            loop.dataloader_iterator = _RestOfRun(loop.dataloader_iterator, loop.iter, self._state('now'))

    def before_train_epoch(self, runner) -> None:
        """Note what the epoch begins with; drop what was done of it."""
        loop = runner.train_loop
        done = self._loaded['batches'] if self._loaded is not None else 0
        if done and isinstance(loop, EpochBasedTrainLoop):
            set_random_state(self._state('epoch'))  # data workers get their seeds from it
            loop.dataloader = _RestOfEpoch(loop.dataloader, done, self._state('now'))
            runner.logger.info(f'{done} batches of epoch {runner.epoch + 1} were done before and are dropped.')
        self._loaded = None
        self._epoch_begin = runner.iter - done
        self._epoch_state = random_state()

    def after_train_epoch(self, runner) -> None:
        """Give the loop its data loader back."""
        loader = getattr(runner.train_loop, 'dataloader', None)
        if isinstance(loader, _RestOfEpoch):
            runner.train_loop.dataloader = loader._dataloader
        self._epoch_begin = runner.iter

    def before_val(self, runner) -> None:
        """Keep what training would draw next."""
        self._before_val = random_state()

    def after_val(self, runner) -> None:
        """Go on drawing as if there had been no validation."""
        if self._before_val is not None:
            set_random_state(self._before_val)
            self._before_val = None

    def before_gather_checkpoint(self, runner) -> None:
        """Collect the random state of all processes."""
        self._gathered = all_gather_object(self._states())

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Store where the run stands."""
        states = self._gathered
        if states is None:
            if get_world_size() > 1:
                return
            states = [self._states()]
        self._gathered = None
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        batches = checkpoint['meta']['iter'] - self._epoch_begin if by_epoch else 0
        if by_epoch and checkpoint['meta']['epoch'] > runner.train_loop.epoch:
            batches = 0  # saved at the end of an epoch, which counts as done
        checkpoint[_KEY] = dict(
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
