"""A progress bar over the windows or tiles of a scene."""

import logging
import sys
from contextlib import ExitStack

from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from mmhsi.registry import HOOKS
from mmhsi.utils.progress import progress_bar


@HOOKS.register_module()
class SceneProgressHook(Hook):
    """Show the progress of a test on stderr, with the rate of all processes together.

    Args:
        val (bool): Whether validation gets a bar as well. Defaults to False.
        unit (str): What is counted, 'window' or 'tile'. Defaults to 'window'.
    """

    priority = 'LOWEST'

    def __init__(self, val: bool = False, unit: str = 'window') -> None:
        self.val = val
        self.unit = unit
        self._bar: tqdm | None = None
        self._redirection = ExitStack()

    def before_test_epoch(self, runner) -> None:
        """Open the bar."""
        self._open(runner, runner.test_dataloader, 'test')

    def after_test_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Advance by one batch."""
        self._advance(outputs)

    def after_test_epoch(self, runner, metrics: dict | None = None) -> None:
        """Close the bar."""
        self._close()

    def before_val_epoch(self, runner) -> None:
        """Open the bar if validation has one."""
        if self.val:
            self._open(runner, runner.val_dataloader, 'val')

    def after_val_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Advance by one batch."""
        self._advance(outputs)

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        """Close the bar."""
        self._close()

    def _open(self, runner, dataloader, name: str) -> None:
        self._close()
        if not is_main_process():
            return
        # log lines go above the bar instead of through it
        before = list(runner.logger.handlers)
        level = min(
            (handler.level for handler in before if getattr(handler, 'stream', None) in (sys.stdout, sys.stderr)),
            default=logging.INFO,
        )
        self._redirection.enter_context(logging_redirect_tqdm([runner.logger]))
        for handler in set(runner.logger.handlers).difference(before):
            handler.setLevel(level)  # which the redirection does not take over
        self._bar = progress_bar(what=name, unit=f'{self.unit}s', total=len(dataloader.dataset))

    def _advance(self, outputs) -> None:
        if self._bar is not None:
            # every process has the same number of samples; the last ones may be repetitions that fill the round
            done = len(outputs) * get_world_size()
            self._bar.update(min(done, self._bar.total - self._bar.n))

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._redirection.close()
