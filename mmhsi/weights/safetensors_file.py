"""Checkpoints as safetensors files: tensors, and a JSON description of everything else. Neither can hold code."""

import json
import os
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

LEFT_OUT = ('message_hub', 'optimizer', 'param_schedulers')
"""Parts of a training checkpoint needed only for resuming, which safetensors files do not support."""

_DESCRIPTION = 'mmhsi'  # its key among the metadata
_PLAIN = (bool, int, float, str, type(None))


def is_safetensors(head: bytes) -> bool:
    """Whether a file that starts with these bytes, ten or more, is a safetensors file."""
    return head[8:10] == b'{"' and 2 <= int.from_bytes(head[:8], 'little') < 2**27


def write_safetensors(checkpoint: Mapping[str, Any], path: str | os.PathLike) -> None:
    """Write a checkpoint as a safetensors file.

    The parameters of ``state_dict`` keep their names. Everything else except :data:`LEFT_OUT` is described in the
    metadata; its arrays and tensors are stored together with the parameters.

    Args:
        checkpoint (Mapping): With the parameters under ``state_dict``, or only parameters.
        path (str | Path): The file.

    Raises:
        ValueError: If it holds anything other than tensors, arrays, plain values and containers.
    """
    whole = 'state_dict' in checkpoint
    tensors = {
        name: _contiguous(tensor, name) for name, tensor in (checkpoint['state_dict'] if whole else checkpoint).items()
    }
    others = {key: value for key, value in checkpoint.items() if key not in ('state_dict', *LEFT_OUT)} if whole else {}
    metadata = {'format': 'pt'}
    if whole:
        metadata[_DESCRIPTION] = json.dumps(_described(others, tensors, ()))
    safetensors.torch.save_file(tensors, path, metadata)


def _contiguous(tensor: Any, name: str) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise ValueError(f'state_dict has {name!r} of type {type(tensor).__name__}, expected a tensor')
    return tensor.detach().cpu().contiguous().clone()  # safetensors refuses tensors that share memory


def _described(value: Any, tensors: dict[str, Tensor], place: tuple[str, ...]) -> Any:
    """JSON of a value; containers and tensors become dicts with one entry, named by their type."""
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) in _PLAIN:
        return value
    name = '/'.join(place)
    if isinstance(value, Tensor):
        tensors[name] = _contiguous(value, name)
        return {'tensor': name}
    if isinstance(value, np.ndarray) and value.dtype.kind == 'U':
        return {'text': value.tolist()}
    if isinstance(value, np.ndarray) and value.dtype.kind in 'biuf':
        tensors[name] = torch.from_numpy(np.array(value))
        return {'array': name}
    if isinstance(value, Mapping):
        return {
            'dict': [
                [_described(key, tensors, place), _described(item, tensors, (*place, str(key)))]
                for key, item in value.items()
            ]
        }
    if isinstance(value, (list, tuple)):
        items = [_described(item, tensors, (*place, str(index))) for index, item in enumerate(value)]
        return {'tuple' if isinstance(value, tuple) else 'list': items}
    raise ValueError(f'the checkpoint has {name} of type {type(value).__name__}, which a safetensors file cannot store')


def _rebuilt(description: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(description, dict):
        return description
    ((kind, content),) = description.items()
    if kind in ('dict', 'list', 'text', 'tuple') and not isinstance(content, list):
        raise TypeError(f'{kind} of {type(content).__name__}')
    if kind == 'dict':
        return {_rebuilt(key, tensors): _rebuilt(item, tensors) for key, item in content}
    if kind in ('list', 'tuple'):
        if not isinstance(content, list):
            raise TypeError(f'a {kind} of {content!r}')
        return (list if kind == 'list' else tuple)(_rebuilt(item, tensors) for item in content)
    if kind == 'text':
        return np.array(content)
    if kind not in ('array', 'tensor'):
        raise TypeError(f'unknown kind {kind!r}')
    tensor = tensors.pop(content)
    return tensor.numpy() if kind == 'array' else tensor


def read_safetensors(file: BinaryIO, name: str, map_location=None) -> dict[str, Any]:
    """Read a safetensors file, of :func:`write_safetensors` or any other.

    Args:
        file (BinaryIO): The file, at its beginning.
        name (str): Name for error messages.
        map_location (str | torch.device, optional): Device of the parameters. Defaults to the CPU.

    Returns:
        dict: ``state_dict``, and everything else that was stored.

    Raises:
        ValueError: If the file is damaged.
    """
    content = file.read()
    try:
        length = int.from_bytes(content[:8], 'little')
        metadata = json.loads(content[8 : 8 + length]).get('__metadata__') or {}
        tensors = safetensors.torch.load(content)
        description = metadata.get(_DESCRIPTION)
        others = _rebuilt(json.loads(description), tensors) if description else {}
        others = dict(others)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f'{name} is damaged or incomplete: expected a safetensors file, found that reading it stops '
            f'with "{str(error).splitlines()[0] if str(error) else type(error).__name__}"'
        ) from error
    if map_location is not None:
        tensors = {key: tensor.to(map_location) for key, tensor in tensors.items()}
    return {'state_dict': tensors, **others}
