"""Protection of the weights from NaN and infinite losses: the run stops, or the batch is skipped."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_gather_object, all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict

from mmhsi.registry import HOOKS
from mmhsi.utils.text import listed

_MAX_SAMPLES = 8
_MAX_TEXT = 60


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Check the loss between the forward and the backward pass, on all processes together.

    A batch with a NaN or infinite loss does not update the weights. It stops the run with an error that names the
    iteration, the samples of the batch (those with non-finite input first) and the last good checkpoint; or it is
    skipped with an equivalent warning, as often as allowed. A checkpoint with non-finite weights, which can result from
    a finite loss with infinite gradients, is not saved: the run stops.

    Args:
        max_skipped (int): Largest number of consecutive batches that may be skipped. Defaults to 0: the first one stops
            the run.

    Raises:
        FloatingPointError: If a loss is not finite and may not be skipped, or weights are not finite.
    """

    priority = 'VERY_HIGH'

    def __init__(self, max_skipped: int = 0) -> None:
        self.max_skipped = max_skipped
        self._in_a_row = 0
        self._batch: Any = None

    def before_train(self, runner) -> None:
        """Insert the check before the optimiser step."""
        wrapper = runner.optim_wrapper
        if not isinstance(wrapper, OptimWrapperDict):  # several wrappers have their own training step
            wrapper.update_params = self._checked(runner, wrapper.update_params)

    def after_train(self, runner) -> None:
        """Remove the check."""
        vars(runner.optim_wrapper).pop('update_params', None)

    def before_train_iter(self, runner, batch_idx: int, data_batch: Any = None) -> None:
        """Keep the batch, to name its samples."""
        self._batch = data_batch

    def after_train_iter(self, runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None) -> None:
        """Release the batch."""
        self._batch = None

    def before_gather_checkpoint(self, runner) -> None:
        """Refuse to save a sharded network with weights that are not finite, on all processes."""
        if not hasattr(runner.model, 'reshard'):
            return
        parts = {
            name: value.to_local() if hasattr(value, 'to_local') else value
            for name, value in runner.model.named_parameters()
        }
        bad = next((name for name, value in parts.items() if not torch.isfinite(value).all()), None)
        bad = next((name for name in all_gather_object(bad) if name is not None), None)
        if bad is not None:
            raise FloatingPointError(_not_saved(runner, bad, runner.iter))

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Refuse to save weights that are not finite."""
        for name, value in checkpoint.get('state_dict', {}).items():
            if (
                torch.is_tensor(value)
                and value.is_floating_point()
                and not torch.isfinite(value).all()
                and not _is_buffer(runner, name)
            ):
                raise FloatingPointError(_not_saved(runner, name, checkpoint['meta'].get('iter')))

    def _checked(self, runner, update: Callable) -> Callable:

        def update_params(loss: torch.Tensor, *args, **kwargs) -> None:
            if not self._not_finite_anywhere(loss):
                self._in_a_row = 0
                update(loss, *args, **kwargs)
                return
            self._in_a_row += 1
            value = loss.item()
            found = f'the loss is {value}' if not math.isfinite(value) else 'the loss of another process is not finite'
            message = f'iteration {runner.iter + 1}: {found}; the batch holds {describe_samples(self._batch)}'
            if self._in_a_row > self.max_skipped:
                raise FloatingPointError(f'{message}; {_last_good(runner)}')
            runner.logger.warning(
                f'{message}; it is skipped ({self._in_a_row} in a row, {self.max_skipped} are allowed)'
            )

        return update_params

    @staticmethod
    def _not_finite_anywhere(loss: torch.Tensor) -> bool:
        bad = (~torch.isfinite(loss.detach())).any().to(torch.int32)
        if get_world_size() > 1:
            all_reduce(bad, 'max')
        return bool(bad)


def describe_samples(batch: Any) -> str:
    """Name the samples of a batch by their meta information.

    Args:
        batch (Any): A batch from the data loader.

    Returns:
        str: One phrase.
    """
    samples = batch.get('data_samples') if isinstance(batch, dict) else None
    inputs = batch.get('inputs') if isinstance(batch, dict) else None
    if not isinstance(samples, (list, tuple)) or not samples:
        count = len(inputs) if isinstance(inputs, (list, tuple, torch.Tensor)) else 'unknown'
        samples = [None] * (count if isinstance(count, int) else 0)
    bad = (
        {index for index, image in enumerate(inputs) if not _is_finite(image)}
        if isinstance(inputs, (list, tuple, torch.Tensor))
        else set()
    )
    named = [_name(sample, index, index in bad) for index, sample in enumerate(samples)]
    named = [named[index] for index in sorted(range(len(named)), key=lambda index: index not in bad)]
    return listed(named, _MAX_SAMPLES) or 'samples without names'


def _name(sample: Any, index: int, bad: bool) -> str:
    info = getattr(sample, 'metainfo', {})
    parts = [
        f'{key} {value}'
        for key, value in sorted(info.items())
        if isinstance(value, (str, int, float)) and len(str(value)) <= _MAX_TEXT
    ]
    return f'sample {index}{" with NaN or infinity in its input" if bad else ""}' + (
        f' ({", ".join(parts)})' if parts else ''
    )


def _is_finite(image: Any) -> bool:
    if isinstance(image, (list, tuple)):
        return all(map(_is_finite, image))
    return not torch.is_tensor(image) or not image.is_floating_point() or bool(torch.isfinite(image).all())


def _is_buffer(runner, name: str) -> bool:
    # which may be infinite on purpose
    model = getattr(runner.model, 'module', runner.model)
    return name in dict(model.named_buffers())


def _not_saved(runner, name: str, iteration: int | None) -> str:
    return f'iteration {iteration}: the parameter {name} holds NaN or infinity and is not saved; {_last_good(runner)}'


def _last_good(runner) -> str:
    note = Path(runner.work_dir, 'last_checkpoint')
    if not note.is_file():
        return 'no checkpoint was saved before'
    return f'the last good checkpoint is {note.read_text(encoding="utf-8").strip()}'
