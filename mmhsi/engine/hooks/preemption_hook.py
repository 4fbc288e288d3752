"""Preemption: on SIGTERM or Ctrl-C, save a checkpoint and end the run."""

import signal
import time
from types import FrameType
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict

from mmhsi.engine.distributed import close_process_group
from mmhsi.registry import HOOKS

from .safe_checkpoint_hook import SafeCheckpointHook

_TOGETHER = 2.0  # seconds in which several signals count as one


@HOOKS.register_module()
class PreemptionHook(Hook):
    """On SIGTERM or Ctrl-C, save ``interrupted.pth`` after the current iteration, and exit.

    ``--resume`` continues at the next iteration. With :class:`ExactResumeHook` the run then repeats one that was never
    interrupted. Slurm sends SIGTERM before it takes the nodes away, ``scancel --signal=TERM`` and
    ``sbatch --signal=TERM@120`` send it on demand; torchrun forwards it to its processes. All processes stop after the
    same iteration, even if one of them gets the signal late. While gradients are being accumulated, the run continues
    to the next optimiser step. A second Ctrl-C ends the run at once, unless it arrives together with the first: a
    launcher forwards signals that the terminal also sends directly. Previous signal handlers are restored after the
    training.

    Args:
        exit_code (int): Exit code of the run. Defaults to 0. A script that restarts the run until it is finished needs
            another one, to distinguish the two cases.
    """

    priority = 'LOWEST'  # after schedulers and regular checkpoints

    def __init__(self, exit_code: int = 0) -> None:
        self.exit_code = exit_code
        self._asked = False
        self._name, self._since = 'SIGTERM', 0.0
        self._previous: dict[int, Any] = {}

    def before_train(self, runner) -> None:
        """Install the signal handlers."""
        self._asked = False
        try:
            self._previous = {number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)}
        except ValueError:
            runner.logger.warning(
                'PreemptionHook: signals reach only the main thread; SIGTERM and Ctrl-C end this run at once'
            )

    def after_train(self, runner) -> None:
        """Restore the signal handlers."""
        self._restore()

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Save and exit if the signal came."""
        # several wrappers, and those of other strategies, come with an accumulation of their own
        wrapper = runner.optim_wrapper
        if not isinstance(wrapper, OptimWrapper) or isinstance(wrapper, OptimWrapperDict) or wrapper.should_update():
            self._leave_if_asked(runner, runner.epoch, runner.iter + 1)

    def after_val_iter(self, runner, batch_idx: int, data_batch: dict | None = None, outputs=None) -> None:
        """Save and exit if the signal came; the validation starts again after resuming."""
        # processes may have different numbers of batches here, so they can only agree at the end
        if self._previous and get_world_size() == 1:
            self._leave_if_asked(runner, runner.epoch, runner.iter)

    def after_val(self, runner) -> None:
        """Save and exit if the signal came."""
        if self._previous:
            self._leave_if_asked(runner, runner.epoch, runner.iter)

    def _leave_if_asked(self, runner, epoch: int, iteration: int) -> None:
        if not self._all_asked():
            return
        self._restore()
        hook = next((hook for hook in runner.hooks if isinstance(hook, SafeCheckpointHook)), None)
        if hook is None:
            runner.logger.warning(
                f'{self._name}: the run ends without a checkpoint, since it has no SafeCheckpointHook'
            )
        else:
            path = hook.save_interrupted(runner, epoch, iteration)
            runner.logger.warning(
                f'{self._name}: the run ends after iteration {iteration}; continue from {path} with --resume'
            )
        close_process_group()
        raise SystemExit(self.exit_code)

    def _all_asked(self) -> bool:
        if get_world_size() == 1:
            return self._asked
        asked = torch.tensor(int(self._asked))
        all_reduce(asked, 'max')
        return bool(asked)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._asked and number == signal.SIGINT and time.monotonic() - self._since > _TOGETHER:
            raise KeyboardInterrupt
        if not self._asked:
            self._asked, self._since = True, time.monotonic()
            self._name = 'Ctrl-C' if number == signal.SIGINT else 'SIGTERM'
        # The signal may have reached the data workers too. Their exit is not a failure now: the waiting batches suffice
        # to reach the end of the iteration.
        if hasattr(signal, 'SIGCHLD'):  # Windows has no such signal
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
