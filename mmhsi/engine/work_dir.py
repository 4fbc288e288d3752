"""Locking the folder of a training."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from mmhsi.utils.folder_lock import FolderLock

if TYPE_CHECKING:
    from mmengine.config import Config

# variables in which torchrun, Slurm and MPI give a process its rank
_RANKS = {'pytorch': 'RANK', 'slurm': 'SLURM_PROCID', 'mpi': 'OMPI_COMM_WORLD_RANK'}


def hold_work_dir(cfg: Config) -> AbstractContextManager:
    """Lock the work dir of a config for a training: two trainings in one folder would overwrite each other's
    checkpoints.

    Args:
        cfg (Config): The whole config. In a distributed run the first process locks it for all.

    Returns:
        AbstractContextManager: Exiting it releases the folder.

    Raises:
        FolderBusyError: If another training is running there; the message names its process.
        OSError: If the folder cannot be created or written.
    """
    if os.environ.get(_RANKS.get(cfg.get('launcher', 'none'), ''), '0') != '0':
        return nullcontext()
    return FolderLock(cfg.work_dir, 'a training')
