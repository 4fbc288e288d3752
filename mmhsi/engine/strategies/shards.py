"""A module sharded over processes: creating it, filling it from a whole one, and gathering it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributed import broadcast, get_rank, get_world_size


def shard_modules(
    model: nn.Module, units: Sequence[str], dtype: torch.dtype | None, reshard_after_forward: bool, device: str
) -> None:
    """Shard a module over all processes, in place.

    In evaluation mode (``model.eval()``, which all processes then call together) every process holds all parameters.

    Args:
        model (nn.Module): The module, usually on the meta device.
        units (Sequence[str]): Names of the classes of modules that are units.
        dtype (torch.dtype, optional): Type in which the parameters of units are gathered and units computed.
        reshard_after_forward (bool): Whether to release the parameters of a unit after its forward pass.
        device (str): 'cuda' or 'cpu'.

    Raises:
        ImportError: If torch is older than 2.6.
        ValueError: If the module holds no unit.
    """
    try:
        from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
    except ImportError:
        raise ImportError(
            f'FullyShardedStrategy needs torch 2.6 or later, found {torch.__version__}: install a later one, or leave '
            'runner_type and strategy out of the config, which then trains with DDP'
        ) from None
    mesh = torch.distributed.init_device_mesh(device, (get_world_size(),))
    found = [module for module in model.modules() if {kind.__name__ for kind in type(module).__mro__} & set(units)]
    if not found:
        raise ValueError(
            f'{type(model).__name__} holds no module of the classes {", ".join(units)}, which strategy.units names'
        )
    policy = MixedPrecisionPolicy()
    if dtype is not None:  # outside of units all tensors stay in float32
        policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32, output_dtype=torch.float32)
    for module in reversed(found):  # inner ones before outer ones
        fully_shard(module, mesh=mesh, mp_policy=policy, reshard_after_forward=reshard_after_forward)
    fully_shard(model, mesh=mesh, reshard_after_forward=False)
    type(model).__deepcopy__ = _refuse_to_copy
    _hold_all_in_evaluation(model, found, reshard_after_forward)


def _refuse_to_copy(model: nn.Module, memo: dict) -> None:
    raise NotImplementedError(
        f'{type(model).__name__} is sharded over processes and cannot be copied as a whole, as EMAHook does: leave '
        'that hook out'
    )


def _hold_all_in_evaluation(model: nn.Module, units: list[nn.Module], reshard_after_forward: bool) -> None:
    set_mode = model.train

    def train(mode: bool = True) -> nn.Module:
        for unit in units:
            unit.set_reshard_after_forward(mode and reshard_after_forward, recurse=False)
        for module in (model, *units):
            module.reshard() if mode else module.unshard()
        return set_mode(mode)

    model.train = train


@torch.no_grad()
def fill_shards(model: nn.Module, whole: nn.Module | None) -> None:
    """Give every process its part of the parameters and all buffers of a whole module.

    Args:
        model (nn.Module): The sharded module; filled in place.
        whole (nn.Module, optional): The whole one, of the first process.
    """
    from torch.distributed.tensor import DTensor

    given = {} if whole is None else _tensors(whole)
    for name, target in _tensors(model).items():
        local = target.to_local() if isinstance(target, DTensor) else target
        full = torch.empty(target.shape, dtype=target.dtype, device=local.device)
        if get_rank() == 0:
            full.copy_(given[name])
        broadcast(full, 0)
        local.copy_(part_of(full, target))


@torch.no_grad()
def gather_shards(model: nn.Module, whole: nn.Module | None) -> None:
    """Copy parameters and buffers of a sharded module into a whole one on the first process.

    Args:
        model (nn.Module): The sharded module.
        whole (nn.Module, optional): The whole one, of the first process; filled in place.
    """
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor

    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()
    targets = {} if whole is None else _tensors(whole)
    for name, value in _tensors(model).items():
        full = value.full_tensor() if isinstance(value, DTensor) else value
        if targets:
            targets[name].copy_(full)


def load_full_state(
    state: dict[int, dict[str, Tensor]], parameters: list[nn.Parameter]
) -> dict[int, dict[str, Tensor]]:
    """The state of an optimiser of this process's parts, taken from a whole one.

    Args:
        state (dict[int, dict[str, Tensor]]): State of a run of one process, by the number of the parameter.
        parameters (list[nn.Parameter]): Parameters of the optimiser, in its order.
    """
    from torch.distributed.tensor import DTensor

    found: dict[int, dict[str, Tensor]] = {}
    for number, values in state.items():
        like = parameters[number].detach()
        found[number] = {}
        for key, value in values.items():
            if torch.is_tensor(value) and isinstance(like, DTensor) and value.shape == like.shape:
                target = torch.zeros_like(like, dtype=value.dtype)
                target.to_local().copy_(part_of(value, like))
                value = target
            found[number][key] = value
    return found


def part_of(full: Tensor, like: Tensor) -> Tensor:
    """The part of a whole tensor that this process holds of a tensor like it."""
    from torch.distributed.tensor import DTensor

    if not isinstance(like, DTensor):
        return full
    for dimension, placement in enumerate(like.placements):
        if placement.is_shard():
            size, rank = like.device_mesh.size(dimension), like.device_mesh.get_local_rank(dimension)
            parts = full.chunk(size, placement.dim)
            full = parts[rank] if rank < len(parts) else full.narrow(placement.dim, 0, 0)
    return full


def global_grad_norm(parameters: list[nn.Parameter], *args, **kwargs) -> Tensor:
    """Clip gradients, each process its parts, by the norm of all parts; as ``torch.nn.utils.clip_grad_norm_``."""
    norm = torch.nn.utils.clip_grad_norm_(parameters, *args, **kwargs)
    return norm.full_tensor() if hasattr(norm, 'full_tensor') else norm


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers, also those that a checkpoint leaves out."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
