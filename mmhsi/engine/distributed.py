"""Runners on accelerators and on CPUs, in one process or distributed."""

import datetime

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_distributed
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from torch.distributed import barrier, destroy_process_group, init_process_group

from mmhsi.engine.resume import resume_from_latest
from mmhsi.engine.scene_settings import resolve_scene_settings


def init_cpu_process_group(cfg: Config) -> bool:
    """Start the process group of a distributed run where no accelerator is there; otherwise do nothing.

    MMEngine itself assigns every process a CUDA device, and stops where there is none. A group that exists before the
    ``Runner`` is built is used as it is, so it is started here with the ``gloo`` back end, from the variables that
    ``torchrun`` sets. The model wrapper is told not to look for a device.

    Args:
        cfg (Config): The whole config. ``launcher`` ('none' if absent) decides whether the run is distributed,
            ``env_cfg.dist_cfg.timeout`` (seconds) is used when given; ``model_wrapper_cfg`` is completed in place.

    Returns:
        bool: Whether the run is a distributed one on CPUs.

    Raises:
        ValueError: If the launcher is 'slurm' or 'mpi', which MMEngine supports on accelerators only.
    """
    launcher = cfg.get('launcher', 'none')
    if launcher == 'none' or get_device() != 'cpu':
        return False
    if launcher != 'pytorch':
        raise ValueError(f"launcher '{launcher}' needs an accelerator and none was found: "
                         "start the processes with torchrun and use launcher 'pytorch'")
    if not is_distributed():
        timeout = cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout')
        init_process_group('gloo', timeout=None if timeout is None else datetime.timedelta(seconds=timeout))
    if cfg.get('model_wrapper_cfg') is None:
        # what MMEngine chooses for a config without a wrapper
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False))
    cfg.model_wrapper_cfg.device_ids = None
    return True


def pin_memory(cfg: Config) -> None:
    """Let batches pass through page-locked memory on CUDA, so that their copies run beside the computation.

    Args:
        cfg (Config): The whole config; loaders that do not tell ``pin_memory`` are completed in place.
    """
    if get_device() == 'cuda':
        for part in ('train', 'val', 'test'):
            if cfg.get(f'{part}_dataloader'):
                cfg[f'{part}_dataloader'].setdefault('pin_memory', True)


def build_runner(cfg: Config) -> Runner:
    """Build the runner of a config, on an accelerator or on CPUs.

    Args:
        cfg (Config): The whole config; ``runner_type`` names a runner other than MMEngine's default one. Settings that
            follow from the scene are filled in, see :mod:`mmhsi.engine.scene_settings`.

    Returns:
        Runner: The runner, ready to train or test. One that is to resume, and is not told from where, resumes from the
        newest intact checkpoint of its work dir, or begins anew if there is none.
    """
    if cfg.get('resume') and not cfg.get('load_from'):
        resume_from_latest(cfg)
    resolve_scene_settings(cfg)
    init_cpu_process_group(cfg)
    pin_memory(cfg)
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def close_process_group() -> None:
    """End a distributed run: wait for all processes, then take the group down; without a group do nothing.

    A process that ends with the threads of its group still alive may abort after its work is done, which the launcher
    takes for a failure of the whole run. Called after success only: a process that failed must not wait for the others.
    """
    if is_distributed():
        barrier()
        destroy_process_group()
