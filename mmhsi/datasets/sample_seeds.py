"""Random numbers of samples that differ between workers, ranks and epochs, and repeat with the seed of the run."""

from __future__ import annotations

import itertools
import random

import numpy as np
import torch
from torch.utils.data import get_worker_info

from mmhsi.utils.worker_samples import note_sample

_draws = itertools.count()


def seed_sample(index: int) -> None:
    """Seed what the transforms of a sample draw from (Python, NumPy, torch on the CPU), in a worker of a DataLoader.

    MMEngine seeds each worker by ``seed + rank * workers + worker`` when it starts. Workers that are not persistent
    start anew in every epoch, so they would augment each epoch with the same random numbers; neighbouring ranks and
    seeds would share some. Here every sample gets numbers of its own, from

    - the seed that torch gives the worker: it is drawn in the main process when an epoch begins (with persistent
      workers, when the run begins), and so depends on the seed of the run and, with ``IterationSeedHook``, on the rank
      and the iteration alone;
    - how many samples the worker has drawn before, which tells epochs of persistent workers apart;
    - the index of the sample, which tells ranks apart.

    A run with the same seed and number of workers repeats itself. One that is resumed at the end of an epoch goes on
    as if it had not been interrupted if its workers are not persistent (``persistent_workers=False``).

    In the main process (``num_workers=0``) nothing is done: there the hook seeds each iteration.

    Args:
        index (int): Index of the sample.
    """
    worker = get_worker_info()
    if worker is None:
        return
    note_sample(index)
    state = np.random.SeedSequence((worker.seed, next(_draws), int(index))).generate_state(3)
    random.seed(int(state[0]))
    np.random.seed(state[1])
    # not torch.manual_seed, which would queue a seed for every GPU at each sample
    torch.default_generator.manual_seed(int(state[2]))
