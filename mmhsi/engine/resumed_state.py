"""Checking the state from which a run resumes: it comes from a file, and decides what is deleted.

MMEngine takes the counts, schedules and notes of a checkpoint as they are. Those that no training with this config
writes are refused here, before the first iteration.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.optim.scheduler import _ParamScheduler
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.optim import Optimizer

from mmhsi.engine.random_state import random_state, set_random_state
from mmhsi.utils.command_line import ExplainedError

POSITION = 'mmhsi_position'  # of a run within its epoch, in a checkpoint
FORMER_BEST = 'former_best'  # names of the best states before the last validation, in the message hub
_MOMENTS = ('exp_avg', 'exp_avg_sq', 'max_exp_avg_sq', 'momentum_buffer')  # as large as their parameter
_MOST_NOTES = 10_000
_BEST_NAME = re.compile(r'best_[^/\\]+')


class ResumeError(ExplainedError):
    """A run cannot be resumed from a checkpoint; the message names it."""


def check_resuming(runner: Runner) -> None:
    """Let ``runner.resume`` raise a :class:`ResumeError` that names the checkpoint and what is wrong with it."""
    resume = getattr(runner, 'resume', None)
    if resume is None:  # a runner of strategies, which reads its own checkpoints
        return

    @wraps(resume)
    def checked(filename: str, *args, **kwargs) -> None:
        try:
            with _like_those_of_the_config(), _parameters_like_those_of_the_model(runner):
                resume(filename, *args, **kwargs)
            _check_counts(runner)
            _check_optimizers(runner)
            _check_notes(runner.message_hub)
        except OSError:
            raise
        except Exception as error:
            reason = str(error).strip().splitlines() or ['']
            kind = '' if isinstance(error, ValueError) else f'{type(error).__name__}: '
            raise ResumeError(
                f'{filename}: the run cannot be resumed from this checkpoint: expected the state of a training with '
                f'this config, found that {kind}{reason[0]}'
            ) from error

    runner.resume = checked


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < math.inf


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


@contextmanager
def _parameters_like_those_of_the_model(runner: Runner) -> Iterator[None]:
    """While the body runs, a checkpoint is loaded only if it has all parameters that are trained; MMEngine would leave
    out those of another shape, and schedules that are absent."""
    load, own_load = runner.load_checkpoint, vars(runner).get('load_checkpoint')

    @wraps(load)
    def load_checked(*args, **kwargs) -> dict:
        checkpoint = load(*args, **kwargs)
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        stored = {name.removeprefix('module.'): value for name, value in checkpoint['state_dict'].items()}
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and not _fits(stored.get(name), parameter):
                found = stored.get(name)
                kind = f'of the shape {tuple(found.shape)}' if isinstance(found, torch.Tensor) else f'{found!r:.80}'
                raise ValueError(f'the parameter {name!r} is {kind}, expected the shape {tuple(parameter.shape)}')
        for key in ('optimizer', 'param_schedulers'):
            if key not in checkpoint:
                runner.logger.warning(f'The checkpoint holds no {key!r}, which begins anew.')
        schedules, own = checkpoint.get('param_schedulers'), runner.param_schedulers
        if isinstance(schedules, list) and isinstance(own, list) and len(schedules) != len(own):
            raise ValueError(f'it holds {len(schedules)} schedules instead of {len(own)}')
        return checkpoint

    runner.load_checkpoint = load_checked
    try:
        yield
    finally:
        del runner.load_checkpoint
        if own_load is not None:
            runner.load_checkpoint = own_load


def _fits(stored: Any, parameter: torch.Tensor) -> bool:
    return (
        isinstance(stored, torch.Tensor)
        and stored.shape == parameter.shape
        and stored.is_floating_point() == parameter.is_floating_point()
        and not stored.is_complex()
        and stored.layout == parameter.layout
        and not stored.is_meta
    )


@contextmanager
def _like_those_of_the_config() -> Iterator[None]:
    """While the body runs, schedules and optimisers take only values of the kinds that they have already."""
    load_schedule, load_optimizer = _ParamScheduler.load_state_dict, Optimizer.load_state_dict

    def load_checked_schedule(self: _ParamScheduler, state: Any) -> None:
        name = type(self).__name__
        if not isinstance(state, Mapping):
            raise ValueError(f'the state of {name} is {type(state).__name__}')
        own = self.state_dict()
        for key, value in state.items():
            if key not in own and hasattr(self, str(key)):
                raise ValueError(f'{name} keeps {key!r} in no checkpoint')
            if key in own and not _alike(value, own[key]):
                raise ValueError(f'{key!r} of {name} is {value!r:.80}')
        load_schedule(self, state)
        try:
            values = [float(value) for value in self._get_value()]
        except (ArithmeticError, AttributeError, TypeError, LookupError) as error:
            raise ValueError(f'{name} gives no value: {error}') from error
        if not all(0 <= value < math.inf for value in values):
            raise ValueError(f'{name} gives the values {values!r:.80}')

    def load_checked_optimizer(self: Optimizer, state: Any) -> None:
        for own, group in zip(self.param_groups, state['param_groups'], strict=False):
            for key, value in group.items():
                if key != 'params' and key in own and not _alike(value, own[key]):
                    raise ValueError(f'{key!r} of its optimizer is {value!r:.80}')
        load_optimizer(self, state)

    _ParamScheduler.load_state_dict, Optimizer.load_state_dict = load_checked_schedule, load_checked_optimizer
    try:
        yield
    finally:
        _ParamScheduler.load_state_dict, Optimizer.load_state_dict = load_schedule, load_optimizer


def _alike(value: Any, own: Any) -> bool:
    if isinstance(own, torch.Tensor) and own.numel() == 1:
        own = own.item()
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        value = value.item()
    if value is None or own is None:
        return own is None and (value is None or isinstance(value, (bool, list, tuple)) or _number(value))
    if isinstance(own, str):
        return value == own
    if isinstance(own, bool):
        return isinstance(value, bool)
    if isinstance(own, (int, float)):
        return _number(value) and (isinstance(own, float) or isinstance(value, float) or abs(value) < 2**63)
    if isinstance(own, (list, tuple)):
        plain = isinstance(value, (list, tuple)) and all(_number(item) or isinstance(item, str) for item in value)
        return plain and (len(value) == len(own) or not own)
    return isinstance(value, type(own))


def _check_counts(runner: Runner) -> None:
    loop = runner.train_loop
    for name, value in (('iter', loop._iter), ('epoch', loop._epoch)):
        if not _count(value):
            raise ValueError(f'{name!r} in its meta is {value!r:.80}, no count')


def _check_optimizers(runner: Runner) -> None:
    wrappers = runner.optim_wrapper
    for wrapper in wrappers.values() if isinstance(wrappers, OptimWrapperDict) else [wrappers]:
        if not isinstance(wrapper, OptimWrapper):
            continue  # it is not resumed
        for group in wrapper.optimizer.param_groups:
            for name in ('lr', 'initial_lr', 'weight_decay', 'momentum', 'eps'):
                value = group.get(name, 0)
                value = value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value
                if not _number(value) or value < 0:
                    raise ValueError(f'{name!r} of its optimizer is {value!r:.80}')
        for parameter, state in wrapper.optimizer.state.items():
            if not isinstance(parameter, torch.Tensor):
                raise ValueError(
                    f'its optimizer holds the state of a parameter {parameter!r:.80} that it does not list'
                )
            if not isinstance(state, Mapping):
                raise ValueError(f'the state of a parameter in its optimizer is {state!r:.80}')
            for name, value in state.items():
                _check_moment(name, value, parameter)


def _check_moment(name: str, value: Any, parameter: Any) -> None:
    """A value that an optimiser keeps for a parameter."""
    finding = None
    if isinstance(value, str):
        finding = f'{value!r:.80}'
    elif isinstance(value, torch.Tensor) and value.is_floating_point() and not value.isfinite().all():
        finding = 'not finite'
    elif isinstance(value, torch.Tensor) and name in _MOMENTS and value.shape != parameter.shape:
        finding = f'of the shape {tuple(value.shape)}, expected {tuple(parameter.shape)}'
    elif name == 'step' and (value.numel() != 1 if isinstance(value, torch.Tensor) else not _number(value)):
        finding = f'{value!r:.80}'
    elif name == 'step' and value < 0:
        finding = 'negative'
    if finding is not None:
        raise ValueError(f'{name!r} of a parameter in its optimizer is {finding}')


def _check_notes(hub: Any) -> None:
    """Notes that decide what is deleted, and the curves."""
    notes = hub.runtime_info
    if len(notes) + len(hub.log_scalars) > _MOST_NOTES:
        raise ValueError(f'its message hub holds {len(notes)} notes and {len(hub.log_scalars)} curves')
    steps = notes.get('keep_ckpt_ids', [])
    if not isinstance(steps, list) or not all(map(_count, steps)):
        raise ValueError(f"'keep_ckpt_ids' in its message hub is {steps!r:.80}, no list of epochs or iterations")
    former = notes.get(FORMER_BEST, [])
    if not isinstance(former, list) or not all(isinstance(name, str) and _BEST_NAME.fullmatch(name) for name in former):
        raise ValueError(f'{FORMER_BEST!r} in its message hub is {former!r:.80}, no list of best states')
    for key, value in notes.items():
        name = str(key)
        if name.startswith('best_ckpt') and not (value is None or isinstance(value, str) and _is_best(value)):
            raise ValueError(f'{name!r} in its message hub is {value!r:.80}, no best state')
        score = isinstance(value, (int, float, np.number, torch.Tensor)) and value == value  # not NaN
        if name.startswith('best_score') and not score:
            raise ValueError(f'{name!r} in its message hub is {value!r:.80}, no score')
    for key, curve in hub.log_scalars.items():
        values, counts = curve.data if isinstance(curve, HistoryBuffer) else (None, None)
        arrays = isinstance(values, np.ndarray) and isinstance(counts, np.ndarray)
        if not arrays or values.dtype.kind not in 'biuf' or values.shape != counts.shape or values.ndim != 1:
            raise ValueError(f'{str(key)!r:.80} in its message hub is no curve')


def _is_best(path: str) -> bool:
    return _BEST_NAME.fullmatch(re.split(r'[/\\]', path)[-1]) is not None


def check_position(position: Any, runner: Runner) -> None:
    """Check the position within an epoch that a checkpoint holds.

    Args:
        position (Any): What the checkpoint holds; None if it holds none.
        runner (Runner): The runner, whose data loader limits the batches.

    Raises:
        ValueError: If no run of this config writes it.
    """
    if position is None:
        return
    if (
        not isinstance(position, Mapping)
        or not _count(position.get('batches'))
        or not _count(position.get('processes'))
    ):
        raise ValueError(f'its position in the epoch is {position!r:.80}')
    loop = runner.train_loop
    if isinstance(loop, EpochBasedTrainLoop) and position['batches'] > len(loop.dataloader):
        raise ValueError(f'{position["batches"]} batches of an epoch of {len(loop.dataloader)} are done')
    now = random_state()
    try:
        for name in ('epoch', 'now'):
            states = position.get(name)
            if not isinstance(states, list) or len(states) != position['processes']:
                raise ValueError(f'it holds no random state of each of {position["processes"]} processes')
            for state in states:
                set_random_state(state)
    except (TypeError, KeyError, AttributeError, IndexError, RuntimeError, OverflowError) as error:
        raise ValueError(f'its random state cannot be used ({error})') from error
    finally:
        set_random_state(now)
