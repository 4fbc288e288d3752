"""Checkpoint files: read without running code that they may hold, written whole or not at all."""

import argparse
import contextlib
import os
import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

_ZIP, _PICKLE = b'PK\x03\x04', b'\x80'


def allow_official_arguments() -> contextlib.AbstractContextManager:
    """A context in which ``torch.load(weights_only=True)`` reads the ``argparse.Namespace`` of an official file.

    A namespace carries data and runs no code. Before torch 2.5 there is no such context: the file is then refused.
    """
    safe_globals = getattr(torch.serialization, 'safe_globals', None)
    return contextlib.nullcontext() if safe_globals is None else safe_globals([argparse.Namespace])


def read_checkpoint(path: str | os.PathLike, trust: bool = False, map_location=None) -> object:
    """Read a file of ``torch.save``; of its pickle, only tensors and plain containers are rebuilt.

    Args:
        path (str | Path): The file.
        trust (bool): Unpickle without restriction, which runs any code that the file holds. Defaults to False.
        map_location (str | torch.device, optional): As in ``torch.load``. Defaults to the CPU.

    Returns:
        What was saved, usually a dict.

    Raises:
        FileNotFoundError: If the file is absent.
        ValueError: If it is not a checkpoint, is damaged, or names code that is not allowed.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'{path}: the checkpoint does not exist')
    with path.open('rb') as file:
        head = file.read(24)
    if not head.startswith((_ZIP, _PICKLE)):
        raise ValueError(f'{path} is not a checkpoint: expected a file of torch.save, found one that starts with '
                         f'{head!r}')
    if trust:
        warnings.warn(f'{path} is unpickled without restriction: it can run any code', stacklevel=2)
    # mapped: of a file that holds the state of an optimiser too, only the parameters are read
    mapped = head.startswith(_ZIP) and map_location in (None, 'cpu')
    try:
        with allow_official_arguments():
            return torch.load(path, map_location=map_location or 'cpu', weights_only=not trust, mmap=mapped)
    except MemoryError:
        raise
    except pickle.UnpicklingError as error:
        named = re.search(r'[Uu]nsupported (?:global: )?(?:GLOBAL|class) (\S+)', str(error))
        if named is None:
            raise ValueError(f'{path} is not a checkpoint: expected a file of torch.save, found another pickle or a '
                             'damaged one') from error
        raise ValueError(f'{path}: the file asks for {named[1]}, which is neither a tensor nor a plain container, so '
                         'that it was not loaded; if you trust its source, convert it with '
                         'tools/model_converters/hypersigma2mmhsi.py --trust') from error
    except Exception as error:  # a cut or overwritten file fails in many ways
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f'{path} is damaged or incomplete: expected a file of torch.save, found that reading it '
                         f'stops with "{reason}"') from error


def parameters_of(checkpoint: object, source: str) -> dict[str, Tensor]:
    """The parameters of a checkpoint: under ``state_dict`` (MMEngine), ``model`` or ``net`` (official), or at its top.

    Args:
        checkpoint: What :func:`read_checkpoint` returned.
        source (str): Name of the file, for the error.

    Returns:
        Parameters by name, without the prefix ``module.`` of parallel training.

    Raises:
        ValueError: If there is no dict of tensors.
    """
    found = type(checkpoint).__name__
    if isinstance(checkpoint, Mapping):
        state = next((checkpoint[key] for key in ('state_dict', 'model', 'net') if key in checkpoint), checkpoint)
        if isinstance(state, Mapping):
            others = [str(key) for key, value in state.items()
                      if not isinstance(key, str) or not isinstance(value, Tensor)]
            if state and not others:
                return {key.removeprefix('module.'): value for key, value in state.items()}
            found = f'{", ".join(others[:5])}, not tensors' if others else 'an empty dict'
        else:
            found = type(state).__name__
    raise ValueError(f"{source}: expected parameters under 'state_dict', 'model' or 'net', or alone, found {found}")


def write_checkpoint(checkpoint: dict, path: str | os.PathLike) -> None:
    """Save a checkpoint; an interrupted call leaves what stood under this name before.

    Args:
        checkpoint (dict): What to save.
        path (str | Path): The file; its folder is made if absent.
    """
    path = Path(path).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'{path.name}.{os.getpid()}.part')
    try:
        torch.save(checkpoint, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
