"""Random numbers that depend only on the iteration, so that a resumed run repeats an uninterrupted one."""

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmhsi.registry import HOOKS


@HOOKS.register_module()
class IterationSeedHook(Hook):
    """Seed Python, NumPy and torch at the start of every epoch and iteration from seed, rank and iteration.

    A checkpoint of MMEngine holds no random state: after resuming, dropout, drop path and augmentation would draw other
    numbers than the uninterrupted run. With this hook they draw the same ones. Augmentation in worker processes has its
    own random streams, which are restarted when the run is resumed; with ``num_workers=0`` a resumed epoch is exact.

    The seed is that of ``randomness``, or the one that MMEngine chose; MMEngine keeps it in the checkpoint.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner) -> None:
        """Seed the random numbers of the first batch of the epoch."""
        self._draw_from(runner, 2 * runner.iter)

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Seed the forward pass of this iteration and the loading of the next."""
        self._draw_from(runner, 2 * runner.iter + 1)

    def _draw_from(self, runner, stream: int) -> None:
        state = np.random.SeedSequence((runner.seed, get_rank(), stream)).generate_state(3)
        random.seed(int(state[0]))
        np.random.seed(state[1])
        torch.manual_seed(int(state[2]))
