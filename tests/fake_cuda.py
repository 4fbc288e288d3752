"""A CUDA device that is not there: shapes, types and devices of a step, without its numbers.

Tensors are torch's fake ones. Operations on tensors of two devices fail as they would on a GPU, custom operators are
asked only for their shapes, and every wait of the host for the device is recorded with its place in the code. The
autograd engine wants a real device, so that a backward pass is left out; gradients are made instead.
"""

import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from mmhsi.models.layers import gaussian_means
from mmhsi.utils import imresize

aten = torch.ops.aten
_MASKED = (aten.index.Tensor, aten.index_put_.default, aten.index_put.default)
_SIZED_BY_VALUES = (aten.nonzero.default, aten.masked_select.default, aten._unique2.default)
_TORCH = '/torch/'


def _place() -> str:
    """File and function outside of torch that is being run."""
    frames = [
        frame for frame in traceback.extract_stack() if _TORCH not in frame.filename and frame.filename != __file__
    ]
    return f'{frames[-1].filename.split("site-packages/")[-1]}:{frames[-1].name}'


class HostWaits(TorchDispatchMode):
    """Notes where the host waits for the device, and answers what only values could tell: masks hold for half."""

    def __init__(self) -> None:
        super().__init__()
        self.places: Counter[tuple[str, str]] = Counter()

    def _note(self, what: str) -> None:
        self.places[what, _place()] += 1

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        first = args[0] if args and isinstance(args[0], Tensor) else None
        on_device = first is not None and first.device.type == 'cuda'
        if func in (aten._local_scalar_dense.default, aten.is_nonzero.default):
            if on_device:
                self._note('a number is read')
            return True if first.dtype == torch.bool else 1.0 if first.dtype.is_floating_point else 1
        if func in _SIZED_BY_VALUES and on_device:
            self._note('a size depends on values')
        if func in _MASKED and any(index is not None and index.dtype == torch.bool for index in args[1]):
            if on_device:
                self._note('a size depends on values')
            args = (first, self._indices(args[1]), *args[2:])
        out = func(*args, **kwargs)
        source = args[1] if func is aten.copy_.default else first if func is aten._to_copy.default else None
        if source is not None and source.device != out.device:
            waits = not (args[2:] + (False,))[0] if func is aten.copy_.default else not kwargs.get('non_blocking')
            if waits:
                self._note(f'a copy from {source.device.type} to {out.device.type}')
        return out

    @staticmethod
    def _indices(indices: list) -> list:
        found = []
        for index in indices:
            if index is None or index.dtype != torch.bool:
                found.append(index)
            else:
                half = torch.zeros(max(index.numel() // 2, 1), dtype=torch.int64, device=index.device)
                found += [half] * index.dim()
        return found


@contextmanager
def fake_cuda() -> Iterator[HostWaits]:
    """Within it tensors are fake ones, also those on 'cuda'; gives what makes the host wait."""
    waits = HostWaits()
    caches = gaussian_means._weights_on, imresize._weights_on
    with FakeTensorMode(allow_non_fake_inputs=True), waits:
        try:
            yield waits
        finally:
            for cache in caches:
                cache.cache_clear()


def move(model: nn.Module) -> None:
    """What ``model.cuda()`` does: parameters and buffers go, tensors that are neither stay."""
    for module in model.modules():
        for name, value in module._parameters.items():
            if value is not None:
                module._parameters[name] = nn.Parameter(
                    torch.empty(value.shape, dtype=value.dtype, device='cuda'), value.requires_grad
                )
        for name, value in module._buffers.items():
            if value is not None:
                module._buffers[name] = torch.empty(value.shape, dtype=value.dtype, device='cuda')
    for module in model.modules():
        if hasattr(module, '_set_device'):  # MMEngine's models tell their preprocessors
            module._set_device(torch.device('cuda'))


def without_backward_pass(wrapper: OptimWrapper) -> None:
    """Let an optimiser take gradients that no backward pass has made."""

    def backward(loss: Tensor, **kwargs) -> None:
        assert loss.device.type == 'cuda' and loss.requires_grad
        for group in wrapper.optimizer.param_groups:
            for parameter in group['params']:
                parameter.grad = torch.empty_like(parameter)

    wrapper.backward = backward
