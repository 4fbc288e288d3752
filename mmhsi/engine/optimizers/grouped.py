"""Optimisers that work on few parameter groups, with fused kernels where torch has them."""

from __future__ import annotations

import inspect

import torch
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmengine.registry import OPTIMIZERS
from torch import nn
from torch.optim import Optimizer

from mmhsi.registry import OPTIM_WRAPPER_CONSTRUCTORS

# Entries that describe a group or the origin of its settings, but are not settings of the optimiser.
_DESCRIPTIONS = ('params', 'param_name', 'layer_id', 'lr_scale', 'lr_mult', 'decay_mult')


class GroupingMixin:
    """Merge the groups that MMEngine's constructors create per parameter, and use the fused form of the optimiser.

    A group holds all parameters of equal settings, such as rate and decay, in the order of the model; ``param_names``
    are their names. An optimiser that has a fused form for the device of the parameters, AdamW, Adam and SGD of torch,
    is built with ``fused=True`` unless its config sets ``fused``, ``foreach``, ``capturable`` or ``differentiable``.
    """

    def add_params(self, params: list[dict], module: nn.Module, prefix: str = '', **kwargs) -> None:
        """Add all parameters of a module to the list of groups; see the base class."""
        super().add_params(params, module, prefix=prefix, **kwargs)
        if not prefix:  # the whole model: this is called for every module in it
            usual = {
                key: value for key, value in (('lr', self.base_lr), ('weight_decay', self.base_wd)) if value is not None
            }
            params[:] = _joined(
                [usual | group for group in params],
                {id(parameter): name for name, parameter in module.named_parameters()},
            )

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the wrapper with its optimiser."""
        chosen = {'fused', 'foreach', 'capturable', 'differentiable'} & set(self.optimizer_cfg)
        parameter = next((p for p in model.parameters() if p.requires_grad), None)
        if not chosen and parameter is not None and _can_fuse(self.optimizer_cfg['type'], parameter):
            self.optimizer_cfg = dict(self.optimizer_cfg, fused=True)
        wrapper = super().__call__(model)
        if isinstance(wrapper.optimizer, Optimizer):
            wrapper.optimizer.register_load_state_dict_pre_hook(_check_groups)
        return wrapper


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class GroupedOptimWrapperConstructor(GroupingMixin, DefaultOptimWrapperConstructor):
    """MMEngine's constructor, with the parameters of equal settings in one group and the fused form of the optimiser.

    With ``paramwise_cfg``, MMEngine makes a group of every parameter: an optimiser then processes them one by one, and
    a GPU launches its kernels for each. Grouping alone changes no value; the fused form rounds differently.
    """


def _joined(groups: list[dict], names: dict[int, str]) -> list[dict]:
    joined: dict[tuple, dict] = {}
    for group in groups:
        settings = {key: value for key, value in group.items() if key not in _DESCRIPTIONS}
        together = joined.setdefault(
            tuple(sorted((key, repr(value)) for key, value in settings.items())),
            dict(params=[], param_names=[], **settings),
        )
        together['params'] += group['params']
        together['param_names'] += [names[id(parameter)] for parameter in group['params']]
    return list(joined.values())


def _can_fuse(kind: str | type, parameter: torch.Tensor) -> bool:
    """Whether an optimiser has a fused form for parameters on this device."""
    if isinstance(kind, str):
        with OPTIMIZERS.switch_scope_and_registry(None) as registry:
            kind = registry.get(kind)
    if kind is None or 'fused' not in inspect.signature(kind).parameters:
        return False
    trial = torch.zeros(1, dtype=parameter.dtype, device=parameter.device, requires_grad=True)
    trial.grad = torch.zeros_like(trial)
    try:
        kind([trial], lr=0.0, fused=True).step()  # some versions of torch only notice in the first step
    except RuntimeError:
        return False
    return True


def _check_groups(optimizer: Optimizer, state: dict) -> None:
    found, wanted = len(state['param_groups']), len(optimizer.param_groups)
    if found != wanted:
        raise ValueError(
            f'the checkpoint holds {found} groups of parameters, the optimiser has {wanted}: the run was started '
            'with other parameter-wise settings, or by a version that made a group of each parameter. Start from its '
            ''
            'weights (load_from) instead of resuming it'
        )
