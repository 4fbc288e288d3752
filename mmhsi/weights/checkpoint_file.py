"""Checkpoint files: read without running code that they may hold, written whole or not at all."""

import argparse
import contextlib
import os
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.utils import digit_version
from torch import Tensor

# Set to 1 to unpickle checkpoints without restriction, which runs any code that they hold.
TRUST_VARIABLE = 'MMHSI_TRUST_CHECKPOINTS'
PART_SUFFIX = '.part'  # of files that are being written

_ZIP, _PICKLE = b'PK\x03\x04', b'\x80'


def allow_official_arguments() -> contextlib.AbstractContextManager:
    """A context in which ``torch.load(weights_only=True)`` reads the ``argparse.Namespace`` of an official file.

    A namespace carries data and runs no code. Before torch 2.5 there is no such context: the file is then refused.
    """
    safe_globals = getattr(torch.serialization, 'safe_globals', None)
    return contextlib.nullcontext() if safe_globals is None else safe_globals([argparse.Namespace])


def read_checkpoint(path: str | os.PathLike, trust: bool = False, map_location=None,
                    mmap: bool = True) -> object:
    """Read a file of ``torch.save``; of its pickle, only tensors and plain containers are rebuilt.

    Args:
        path (str | Path): The file.
        trust (bool): Unpickle without restriction, which runs any code that the file holds. Defaults to False, unless
            the environment variable ``MMHSI_TRUST_CHECKPOINTS`` is 1.
        map_location (str | torch.device, optional): As in ``torch.load``. Defaults to the CPU.
        mmap (bool): Whether tensors may stay in the file until they are used; it must not be written to before.
            Defaults to True.

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
    trust = trust or os.environ.get(TRUST_VARIABLE) == '1'
    if trust:
        warnings.warn(f'{path} is unpickled without restriction: it can run any code', stacklevel=2)
    # mapped: of a file that holds the state of an optimiser too, only the parameters are read
    mapped = mmap and head.startswith(_ZIP) and map_location in (None, 'cpu')
    try:
        with allow_official_arguments():
            return torch.load(path, map_location=map_location or 'cpu', mmap=mapped, **_restriction(trust))
    except MemoryError:
        raise
    except pickle.UnpicklingError as error:
        named = re.search(r'[Uu]nsupported (?:global: )?(?:GLOBAL|class) (\S+)', str(error))
        if named is None:
            raise ValueError(f'{path} is not a checkpoint: expected a file of torch.save, found another pickle or a '
                             'damaged one') from error
        raise ValueError(f'{path}: the file asks for {named[1]}, which is neither a tensor nor a plain container, so '
                         'that it was not loaded; unpickling it could run any code; if you trust its source, convert '
                         'it with tools/model_converters/hypersigma2mmhsi.py --trust, or set the environment variable '
                         f'{TRUST_VARIABLE}=1') from error
    except Exception as error:  # a cut or overwritten file fails in many ways
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f'{path} is damaged or incomplete: expected a file of torch.save, found that reading it '
                         f'stops with "{reason}"') from error


def _restriction(trust: bool) -> dict:
    if trust or digit_version(torch.__version__) >= digit_version('2.6'):
        return dict(weights_only=not trust)
    from . import restricted_pickle
    return dict(weights_only=False, pickle_module=restricted_pickle)


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


def check_intact(path: str | os.PathLike) -> object:
    """Read a checkpoint and compare all its bytes with the checksums that ``torch.save`` stored.

    Args:
        path (str | Path): The file.

    Returns:
        What was saved; tensors stay in the file until they are used.

    Raises:
        FileNotFoundError: If the file is absent.
        ValueError: If it is no checkpoint, is damaged, or names code that is not allowed.
    """
    checkpoint = read_checkpoint(path)
    # without checksums (torch.serialization.set_crc32_options) only the structure is checked
    stored = getattr(torch.serialization, 'get_crc32_options', lambda: True)()
    if stored and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f'{path} is damaged: the checksum of its part {damaged} is wrong')
    return checkpoint


def put_in_place(part: str | os.PathLike, path: str | os.PathLike) -> None:
    """Give a file that was written under another name its own: after the call it is on the disk, whole.

    A power failure leaves either what stood under the name before, or the new file.

    Args:
        part (str | Path): The written file (or folder), beside its place.
        path (str | Path): Its place; a file there is replaced.

    Raises:
        OSError: If the disk refuses the file.
    """
    part, path = Path(part), Path(path)
    _flush(part)
    os.replace(part, path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a small text file, whole or not at all.

    Args:
        path (str | Path): The file.
        text (str): Its content.
    """
    part = Path(f'{path}{PART_SUFFIX}')
    part.write_text(text, encoding='utf-8')
    put_in_place(part, path)


def write_checkpoint(checkpoint: dict, path: str | os.PathLike) -> None:
    """Save a checkpoint; an interrupted call leaves what stood under this name before.

    Args:
        checkpoint (dict): What to save.
        path (str | Path): The file; its folder is made if absent.
    """
    path = Path(path).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'{path.name}.{os.getpid()}{PART_SUFFIX}')
    try:
        torch.save(checkpoint, part)
        put_in_place(part, path)
    finally:
        part.unlink(missing_ok=True)
