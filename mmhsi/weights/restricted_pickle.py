"""A replacement for the module ``pickle`` in ``torch.load`` that restores only tensors, plain containers and logs.

Before torch 2.6, ``torch.load(weights_only=True)`` cannot be extended by the few further classes in a training
checkpoint of MMEngine. This module, which allows the same, is then used as ``pickle_module``.
"""

import _codecs
import argparse
import pickle
from collections import OrderedDict
from typing import Any, BinaryIO

import torch

from mmhsi.compat import training_checkpoint_globals

UnpicklingError = pickle.UnpicklingError

# torch.load checks the indices of sparse tensors afterwards
_TENSOR_FUNCTIONS = ('_rebuild_tensor', '_rebuild_tensor_v2', '_rebuild_parameter', '_rebuild_sparse_tensor')


def _allowed() -> dict[str, Any]:
    allowed = {
        'collections.OrderedDict': OrderedDict,
        'argparse.Namespace': argparse.Namespace,
        '_codecs.encode': _codecs.encode,
        'torch.serialization._get_layout': torch.serialization._get_layout,  # of a sparse tensor
    }
    allowed.update({f'torch._utils.{name}': getattr(torch._utils, name) for name in _TENSOR_FUNCTIONS})
    allowed.update(
        {
            f'torch.{name}': getattr(torch, name)
            for name in dir(torch)
            if name.endswith('Storage') or isinstance(getattr(torch, name), torch.dtype)
        }
    )
    allowed.update({f'torch.{name}': getattr(torch, name) for name in ('Size', 'device')})
    for item in training_checkpoint_globals():
        found, name = item if isinstance(item, tuple) else (item, f'{item.__module__}.{item.__qualname__}')
        allowed[name] = found
    return allowed


class Unpickler(pickle.Unpickler):
    """Refuses every name that is not allowed."""

    _names = _allowed()

    def find_class(self, module: str, name: str) -> Any:
        """Look up a name that the pickle asks for."""
        module = 'builtins' if module == '__builtin__' else module  # its name in old protocols
        if f'{module}.{name}' not in self._names:
            raise UnpicklingError(f'Unsupported global: GLOBAL {module}.{name}')
        return self._names[f'{module}.{name}']


def load(file: BinaryIO, **kwargs) -> Any:
    """Like ``pickle.load``."""
    return Unpickler(file, **kwargs).load()
