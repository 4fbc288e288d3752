"""Runners on accelerators and on CPUs, in one process or distributed."""

import datetime
import logging
import re

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import all_gather_object, is_distributed
from mmengine.logging import print_log
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from torch.distributed import barrier, destroy_process_group, init_process_group

from mmhsi.engine.heartbeat import Heartbeat
from mmhsi.engine.resume import resume_from_latest
from mmhsi.engine.resumed_state import check_resuming
from mmhsi.engine.scene_settings import resolve_scene_settings
from mmhsi.ops import ssa_fused
from mmhsi.utils.command_line import ExplainedError

TIMEOUT = 1800
"""Default number of seconds that a process of a run on CPUs waits for another."""

_heartbeat: Heartbeat | None = None
# what Python and MMEngine say of an argument or a name in a config that a component does not know
_OF_THE_CONFIG = re.compile(r'__init__\(\) (got an unexpected|missing)|is not in the .* registry', re.DOTALL)
_OF_MMENGINE = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')  # default hooks


def init_cpu_process_group(cfg: Config) -> bool:
    """Start the process group of a distributed run without accelerators; otherwise do nothing.

    MMEngine assigns a CUDA device to every process, and fails without one. It uses a process group that exists before
    the ``Runner`` is built, so the group is started here with the ``gloo`` back end, from the variables that
    ``torchrun`` sets. The model wrapper is configured without a device.

    Args:
        cfg (Config): The whole config. ``launcher`` ('none' if missing) decides whether the run is distributed,
            ``env_cfg.dist_cfg.timeout`` (seconds) is the time that processes wait for each other, by default
            :data:`TIMEOUT`; ``model_wrapper_cfg`` is completed in place.

    Returns:
        bool: Whether this is a distributed run on CPUs.

    Raises:
        ValueError: If the launcher is 'slurm' or 'mpi', which MMEngine supports on accelerators only.
    """
    launcher = cfg.get('launcher', 'none')
    if launcher == 'none' or get_device() != 'cpu':
        return False
    if launcher != 'pytorch':
        raise ValueError(
            f"launcher '{launcher}' needs an accelerator and none was found: "
            "start the processes with torchrun and use launcher 'pytorch'"
        )
    if not is_distributed():
        timeout = cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout') or TIMEOUT
        init_process_group('gloo', timeout=datetime.timedelta(seconds=timeout))
        global _heartbeat
        _heartbeat = Heartbeat(timeout)
        agree_on_kernel()
    if cfg.get('model_wrapper_cfg') is None:
        # what MMEngine chooses for a config without a wrapper
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        )
    cfg.model_wrapper_cfg.device_ids = None
    return True


def pin_memory(cfg: Config) -> None:
    """Use page-locked memory for batches on CUDA, so that copies overlap with computation.

    Args:
        cfg (Config): The whole config; loaders that do not set ``pin_memory`` are completed in place.
    """
    if get_device() == 'cuda':
        for part in ('train', 'val', 'test'):
            if cfg.get(f'{part}_dataloader'):
                cfg[f'{part}_dataloader'].setdefault('pin_memory', True)


def agree_on_kernel() -> None:
    """Make all processes of a run use the same attention back end: without the compiled kernel if one of them lacks
    it."""
    reasons = dict(enumerate(all_gather_object(ssa_fused.why_unavailable())))
    lacking = {rank: reason for rank, reason in reasons.items() if reason is not None}
    if lacking and len(lacking) < len(reasons):
        rank, reason = next(iter(lacking.items()))
        ssa_fused.forbid(f'rank {rank} cannot use it: {reason}')
        if rank != 0:
            print_log(
                f'no process uses the compiled attention kernel: {ssa_fused.why_unavailable()}',
                'current',
                logging.WARNING,
            )


def why_silent(error: BaseException) -> str | None:
    """A message that names the unresponsive processes of a run on CPUs; None if the error has another cause."""
    return None if _heartbeat is None else _heartbeat.explain(error)


def build_runner(cfg: Config) -> Runner:
    """Build the runner of a config, on an accelerator or on CPUs.

    Args:
        cfg (Config): The whole config; ``runner_type`` names a runner other than MMEngine's default one. Settings that
            follow from the scene are filled in, see :mod:`mmhsi.engine.scene_settings`.

    Returns:
        Runner: The runner, ready to train or test. If it is to resume without a given checkpoint, it resumes from the
        newest intact checkpoint of its work dir, or starts from the beginning if there is none.

    Raises:
        ExplainedError: If the config has no model, or a component does not know a name or an argument in it.
    """
    if 'model' not in cfg:
        raise ExplainedError(f'{cfg.filename}: the config has no model')
    if cfg.get('resume') and not cfg.get('load_from'):
        resume_from_latest(cfg)
    resolve_scene_settings(cfg)
    _leave_out_hooks(cfg)
    init_cpu_process_group(cfg)
    pin_memory(cfg)
    try:
        runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    except (TypeError, KeyError) as error:
        if _OF_THE_CONFIG.search(str(error)) is None:
            raise
        reason = ' '.join(str(error.args[0]).split())
        raise ExplainedError(f'{cfg.filename}: the config does not fit its components: {reason}') from error
    check_resuming(runner)
    if _heartbeat is not None:
        _heartbeat.watch(runner)
    return runner


def _leave_out_hooks(cfg: Config) -> None:
    """Drop default hooks that are None; MMEngine does so with those that it names itself, and refuses others."""
    hooks = cfg.get('default_hooks') or {}
    for name in [name for name, hook in hooks.items() if hook is None and name not in _OF_MMENGINE]:
        hooks.pop(name)


def close_process_group() -> None:
    """End a distributed run: wait for all processes, then destroy the group; without a group do nothing.

    A process that exits while the threads of its group are alive may abort after its work is done, which the launcher
    treats as a failure of the whole run. To be called only after success: a failed process must not wait for the
    others.
    """
    global _heartbeat
    if is_distributed():
        barrier()
        if _heartbeat is not None:
            _heartbeat.stop()
            _heartbeat = None
        destroy_process_group()
