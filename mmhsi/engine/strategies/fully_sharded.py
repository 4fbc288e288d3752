"""Networks sharded over the processes of a run, on GPUs or CPUs."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence

import mmengine
import torch
from mmengine._strategy import DDPStrategy
from mmengine.device import get_device
from mmengine.dist import broadcast_object_list
from mmengine.model import BaseDataPreprocessor
from mmengine.optim import AmpOptimWrapper, BaseOptimWrapper, OptimWrapperDict
from mmengine.registry import MODELS
from mmengine.runner.checkpoint import _load_checkpoint_to_model, save_checkpoint, weights_to_cpu
from torch import Tensor, nn

from mmhsi.engine.random_state import random_state, set_random_state
from mmhsi.registry import STRATEGIES
from mmhsi.weights.sharded_checkpoint import (
    MODEL,
    OPTIMIZER,
    is_sharded,
    read_run,
    read_shards,
    states_of,
    stored_tensors,
    write_shards,
)

from .shards import fill_shards, gather_shards, global_grad_norm, load_full_state, shard_modules

_PRECISIONS = {'fp32': None, 'bf16': torch.bfloat16}


@STRATEGIES.register_module()
class FullyShardedStrategy(DDPStrategy):
    """Parameters, gradients and states of the optimiser, sharded by ``torch.distributed.fsdp.fully_shard``.

    Each process holds one of N parts of each. The parameters of a unit are gathered before it runs and released after
    it; its gradients are averaged and scattered in the backward pass. The losses are those of one process.

    - The first process builds and initialises the network, in its main memory. The others build it without memory (on
      the meta device) and get their parts.
    - In evaluation mode every process holds all parameters, so that processes may see different numbers of batches.
    - ``clip_grad`` takes the norm of the whole gradient.
    - A checkpoint with the state of the optimiser is a folder to which each process writes its part, see
      :mod:`mmhsi.weights.sharded_checkpoint`; any number of processes resumes from it. One without that state, such
      as the best of a run, is a file like that of a run of one process.

    A test in a single process without a launcher holds the whole network, without sharding.

    Args:
        units (Sequence[str]): Names of the classes of modules that are gathered and released one by one. The rest of
            the network is one more unit. Defaults to the blocks of our encoders and decoders.
        precision (str): 'fp32', or 'bf16': parameters are gathered and units computed in bfloat16; everything outside
            of the units, the sums over gradients and the optimiser stay in float32. Defaults to 'fp32'.
        reshard_after_forward (bool): Whether to release the parameters of a unit after its forward pass, and gather
            them again for the backward pass. False needs a third less communication and memory for all parameters.
            Defaults to True.
        **kwargs: Arguments of MMEngine's ``DDPStrategy``.

    Raises:
        ImportError: If torch is older than 2.6.
        ValueError: For an unknown precision, a network without any of the units, or an ``AmpOptimWrapper``.
        RuntimeError: For a training without a launcher.
    """

    UNITS = ('TransformerBlock',)

    def __init__(
        self, *, units: Sequence[str] = UNITS, precision: str = 'fp32', reshard_after_forward: bool = True, **kwargs
    ) -> None:
        if precision not in _PRECISIONS:
            raise ValueError(f'precision must be one of {", ".join(_PRECISIONS)}, found {precision!r}')
        super().__init__(**kwargs)
        self.units = tuple(units)
        self.precision = precision
        self.reshard_after_forward = reshard_after_forward
        self._whole: nn.Module | None = None  # all of the network, in the main memory of the first process

    def prepare(self, model: nn.Module | dict, *, optim_wrapper=None, **kwargs):
        """Build the components; see the base class."""
        if not self.distributed and optim_wrapper is not None:
            raise RuntimeError(
                'the config shards the network over processes: start the training with '
                'tools/dist_train.sh CONFIG PROCESSES; one process is enough'
            )
        return super().prepare(model, optim_wrapper=optim_wrapper, **kwargs)

    def build_model(self, model: nn.Module | dict) -> nn.Module:
        """Build the network: with memory on the first process, without memory on all."""
        if not self.distributed:
            return super().build_model(model)
        if self.rank == 0 or isinstance(model, nn.Module):
            self._whole = super().build_model(copy.deepcopy(model))
        if not self.randomness.get('diff_rank_seed'):
            state = [random_state()]  # building has drawn from it
            broadcast_object_list(state)
            set_random_state(state[0])
        shell = self._shell(model)
        if self.rank > 0:
            self._whole = None
        return shell

    def _shell(self, model: nn.Module | dict) -> nn.Module:
        if isinstance(model, dict):
            try:
                with torch.device('meta'):
                    shell = MODELS.build(copy.deepcopy(model))
                lost = [
                    f'{name}.{key}'.lstrip('.')
                    for name, module in shell.named_modules()
                    for key, value in vars(module).items()
                    if torch.is_tensor(value) and value.is_meta
                ]
                if not lost:
                    return shell
                reason = f'{", ".join(lost)} is neither a parameter nor a buffer'
            except (RuntimeError, NotImplementedError) as error:
                reason = str(error).splitlines()[0]
            self.logger.warning(f'The network cannot be built without memory, all processes build it whole: {reason}')
            state = random_state()
            model = MODELS.build(copy.deepcopy(model))
            set_random_state(state)
        return model.to('meta')

    def _init_model_weights(self, model: nn.Module) -> nn.Module:
        if not self.distributed:
            return super()._init_model_weights(model)
        if self.dispatch_kwargs.get('init_weights_for_test_or_val', True) and hasattr(model, 'init_weights'):
            self._on_first(lambda: self._whole.init_weights())
        return model

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        device = get_device()
        if not self.distributed:
            return model.to(device)
        model = self.convert_model(model)
        shard_modules(model, self.units, _PRECISIONS[self.precision], self.reshard_after_forward, device)
        model.to_empty(device=device)
        for module in model.modules():
            if isinstance(module, BaseDataPreprocessor):
                module.to(device)  # which keeps its device in an attribute
        fill_shards(model, self._whole)
        return model

    def build_optim_wrapper(self, optim_wrapper, model: nn.Module | None = None) -> BaseOptimWrapper:
        """Build the wrapper of the optimiser, which clips by the norm of the whole gradient."""
        wrapper = super().build_optim_wrapper(optim_wrapper, model)
        for one in wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]:
            if isinstance(one, AmpOptimWrapper):
                raise ValueError(
                    "an AmpOptimWrapper (--amp) does not work on a sharded network; use strategy.precision='bf16'"
                )
            if getattr(one, 'clip_func', None) is torch.nn.utils.clip_grad_norm_:
                one.clip_func = global_grad_norm
        return wrapper

    def save_checkpoint(
        self,
        filename: str,
        *,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        extra_ckpt: dict | None = None,
        callback: Callable | None = None,
    ) -> None:
        """Save a checkpoint; all processes call this together.

        Args:
            filename (str): Name of the folder, or without ``save_optimizer`` of the file.
            save_optimizer (bool): Whether to save the state of the optimiser. Defaults to True.
            save_param_scheduler (bool): Whether to save the schedules. Defaults to True.
            extra_ckpt (dict, optional): Further entries.
            callback (callable, optional): Called with the checkpoint, on the first process.

        Raises:
            OSError: If the checkpoint cannot be written.
        """
        if not self.distributed:
            super().save_checkpoint(
                filename,
                save_optimizer=save_optimizer,
                save_param_scheduler=save_param_scheduler,
                extra_ckpt=extra_ckpt,
                callback=callback,
            )
            return
        run = dict(extra_ckpt or {})
        run['meta'] = dict(
            run.get('meta', {}), seed=self.seed, time=time.strftime('%Y%m%d_%H%M%S'), mmengine=mmengine.__version__
        )
        if save_param_scheduler and hasattr(self, 'param_schedulers'):
            run['param_schedulers'] = self.scheduler_state_dict()
        if not (save_optimizer and hasattr(self, 'optim_wrapper')):
            gather_shards(self.model, self._whole)

            def save() -> None:
                checkpoint = dict(run, state_dict=weights_to_cpu(self._whole.state_dict()))
                if callback is not None:
                    callback(checkpoint)
                save_checkpoint(checkpoint, filename)

            self._on_first(save)
            return
        tensors = {f'{MODEL}{name}': value for name, value in self._model_state().items()}
        names = self._optimizer_names()
        state = self.optim_wrapper.state_dict()
        for number, values in state['state'].items():
            tensors.update({f'{OPTIMIZER}{names[number]}.{key}': torch.as_tensor(v) for key, v in values.items()})
        run['optimizer'] = {**{key: value for key, value in state.items() if key != 'state'}, 'names': names}
        if callback is not None:
            self._on_first(lambda: callback(run))
        write_shards(tensors, run, filename)

    def load_checkpoint(self, filename: str, *, map_location='cpu', callback: Callable | None = None, **kwargs) -> dict:
        """Load parameters and buffers, from a folder or a file; see the base class."""
        if not self.distributed or not is_sharded(filename):
            return super().load_checkpoint(filename, map_location='cpu', callback=callback, **kwargs)
        self.logger.info(f'Load checkpoint from {filename}')
        checkpoint = read_run(filename)
        if callback is not None:
            callback(checkpoint)
        state = self._model_state()
        read_shards({f'{MODEL}{name}': value for name, value in state.items()}, filename)
        if 'optimizer' in checkpoint:
            checkpoint['optimizer']['folder'] = str(filename)
        return checkpoint

    def load_model_state_dict(
        self, state_dict: dict, *, strict: bool = False, revise_keys=((r'^module.', ''),)
    ) -> None:
        """Load the parameters and buffers of a file, as a run of one process does."""
        if not self.distributed:
            super().load_model_state_dict(state_dict, strict=strict, revise_keys=list(revise_keys))
            return
        gather_shards(self.model, self._whole)
        self._on_first(
            lambda: _load_checkpoint_to_model(self._whole, state_dict, strict=strict, revise_keys=list(revise_keys))
        )
        fill_shards(self.model, self._whole)

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Load the state of the optimiser, of a folder or of a file."""
        state = dict(state_dict)
        folder, stored_names = state.pop('folder', None), state.pop('names', None)
        names = self._optimizer_names()
        parameters = dict(zip(names, self._optimizer_parameters(), strict=True))
        if folder is None:
            state['state'] = load_full_state(state['state'], list(parameters.values()))
        else:
            if stored_names != names:
                raise ValueError(
                    f'{folder}: the optimiser of the checkpoint works on other parameters than that of the config, or '
                    'on other groups of them. Start from its weights (load_from) instead of resuming it'
                )
            tensors: dict[str, Tensor] = {}
            for name, (shape, dtype) in stored_tensors(folder).items():
                if name.startswith(OPTIMIZER):
                    like = parameters[name.removeprefix(OPTIMIZER).rpartition('.')[0]].detach()
                    tensors[name] = (
                        torch.zeros_like(like, dtype=dtype) if shape == like.shape else torch.zeros(shape, dtype=dtype)
                    )
            read_shards(tensors, folder)
            state['state'] = states_of(tensors, names)
        self.optim_wrapper.load_state_dict(state)

    def _model_state(self) -> dict[str, Tensor]:
        """Parameters and buffers by name, each process's parts."""
        from torch.distributed.fsdp import FSDPModule

        for module in self.model.modules():
            if isinstance(module, FSDPModule):
                module.reshard()  # after an evaluation
        return self.model.state_dict()

    def _optimizer_parameters(self) -> list[nn.Parameter]:
        return [parameter for group in self.optim_wrapper.optimizer.param_groups for parameter in group['params']]

    def _optimizer_names(self) -> list[str]:
        """Names of the parameters of the optimiser, in its order."""
        names = {id(parameter): name for name, parameter in self.model.named_parameters()}
        return [names[id(parameter)] for parameter in self._optimizer_parameters()]

    def _on_first(self, work: Callable[[], object]) -> None:
        """Let the first process do something; an error there ends all processes."""
        error = None
        if self.rank == 0:
            try:
                work()
            except Exception as caught:
                error = caught
        told = [error and f'{type(error).__name__}: {error}']
        broadcast_object_list(told)
        if error is not None:
            raise error
        if told[0] is not None:
            raise RuntimeError(f'the first process failed: {told[0]}')
