"""Size and cost of the network of any config: parameters, floating-point operations, activations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from math import prod
from pathlib import Path

import torch
from mmengine.config import Config
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, flop_registry

import mmhsi.ops.flops  # noqa: F401  formulas of operators that PyTorch does not know
from mmhsi.analysis.trial_batch import TrialModel
from mmhsi.ops.flops import ssa_as_one_operator


def count_complexity(
    config: str | Path | Config, shape: Sequence[int] | None = None, model: nn.Module | None = None
) -> dict:
    """Count parameters, operations and activations of the network of a config for one input.

    The network runs once, as in inference, on random numbers. Products are counted: convolutions, linear layers, matrix
    products, attention, sparse sampling attention by its definition (:func:`mmhsi.ops.flops.ssa_flops`), which is the
    same for all back ends and devices, and bilinear samples at predicted positions with four corners each. Element-wise
    operations are not counted: normalisation, activation functions, softmax, interpolation of maps, additions.

    Args:
        config (str | Path | Config): Config file or config of any task.
        shape (Sequence[int], optional): (C, H, W) or (H, W) of the input, see
            :class:`mmhsi.analysis.trial_batch.TrialModel`. Defaults to that of the config's test.
        model (nn.Module, optional): The model, if it is already built; it is left in evaluation mode. Defaults to None:
            it is built, on the CPU.

    Returns:
        dict: 'shape' (C, H, W); 'parameters' and 'trainable' of the whole model; 'macs', multiply-adds; 'flops', twice
        as many; 'activations', the number of values that the counted operations output; 'parts', for each part of the
        network by name 'parameters' and 'flops', 0 if it is not run; 'operators', flops by operator.

    Raises:
        ValueError: If the config does not define the shape of an input, or the network does not accept it.
    """
    trial = TrialModel(config, model, None if model is not None else 'cpu', shape)
    trial.model.eval()
    activations = Counter()
    counter = FlopCounterMode(display=False, custom_mapping=_recording(activations))
    root = getattr(trial.model, 'generator', trial.model)
    with _counted_parts(root, counter.get_total_flops) as parts:
        try:
            with _without_gradients(trial.model), ssa_as_one_operator(), counter:
                trial.network(trial.inputs())
        except (RuntimeError, ValueError, AssertionError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ValueError(
                f'the network does not accept an input of {trial.shape[0]} channels and {trial.shape[1]} x '
                f'{trial.shape[2]} pixels: {reason}'
            ) from error
    flops = counter.get_total_flops()
    parameters = list(trial.model.parameters())
    return dict(
        shape=trial.shape,
        parameters=sum(parameter.numel() for parameter in parameters),
        trainable=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        macs=flops // 2,
        flops=flops,
        activations=activations.total(),
        parts=parts,
        operators={str(name): count for name, count in counter.get_flop_counts().get('Global', {}).items()},
    )


@contextmanager
def _without_gradients(model: nn.Module) -> Iterator[None]:
    """The counter hooks into the gradients of parameters that a module gets as arguments, as for weight normalisation,
    and fails where there are none."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        for parameter in trainable:
            parameter.requires_grad_(False)
        with torch.no_grad():
            yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_()


def _recording(activations: Counter) -> dict:
    """All formulas, extended to count the output values of their operators too."""

    def record(operator, formula: Callable) -> Callable:

        @wraps(formula)
        def recorded(*args, out_shape=None, **kwargs):
            activations[operator] += _numbers(out_shape)
            return formula(*args, out_val=out_shape, **kwargs)

        return recorded

    return {
        operator: record(operator, formula)
        for operator, formula in flop_registry.items()
        if not getattr(formula, '_get_raw', False)
    }


def _numbers(shapes) -> int:
    """Elements of the first result of an operator; further outputs of attention are for its backward pass."""
    if isinstance(shapes, (tuple, list)) and shapes and isinstance(shapes[0], (tuple, list, torch.Size)):
        return _numbers(shapes[0])
    return prod(shapes or (0,))


@contextmanager
def _counted_parts(root: nn.Module, total: Callable[[], int]) -> Iterator[dict[str, dict[str, int]]]:
    """Parameters and operations of the parts of a network: its children, and those of its backbone."""
    modules = {
        name: module
        for name, module in root.named_modules()
        if name
        and (name.count('.') == 0 or name.count('.') == 1 and name.startswith('backbone.'))
        and any(True for _ in module.parameters())
        and not isinstance(module, (nn.ModuleList, nn.ModuleDict))
    }
    parts = {
        name: dict(parameters=sum(parameter.numel() for parameter in module.parameters()), flops=0)
        for name, module in modules.items()
    }

    def counted(name: str, forward: Callable) -> Callable:

        @wraps(forward)
        def counting(*args, **kwargs):
            before = total()
            result = forward(*args, **kwargs)
            parts[name]['flops'] += total() - before
            return result

        return counting

    for name, module in modules.items():
        # frameworks also call the forward of parts directly, which hooks do not see
        module.forward = counted(name, module.forward)
    try:
        yield parts
    finally:
        for module in modules.values():
            del module.forward
