"""Random numbers of samples that differ between workers, ranks and epochs, and are reproducible with the seed of the
run."""

from __future__ import annotations

import itertools
import random

import numpy as np
import torch
from torch.utils.data import get_worker_info

from mmhsi.utils.worker_samples import note_sample

_draws = itertools.count()


def seed_sample(index: int) -> None:
    """Seed the random generators of transforms (Python, NumPy, torch on the CPU) for a sample, in a DataLoader worker.

    MMEngine seeds each worker by ``seed + rank * workers + worker`` when it starts. Workers that are not persistent are
    restarted in every epoch, so they would augment each epoch with the same random numbers, and neighbouring ranks and
    seeds would share some. Here every sample gets its own numbers, from

    - the seed that torch gives the worker: it is drawn in the main process when an epoch begins (with persistent
      workers, when the run begins), and so depends only on the seed of the run and, with ``IterationSeedHook``, on the
      rank and the iteration;
    - the number of samples that the worker has drawn before, which distinguishes epochs of persistent workers;
    - the index of the sample, which distinguishes ranks.

    A run with the same seed and number of workers is reproducible. If workers are not persistent
    (``persistent_workers=False``), a run that is resumed at the end of an epoch continues as if it had not been
    interrupted.

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
