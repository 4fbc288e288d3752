"""Checkpoint files: read without running code in them, written atomically."""

import argparse
import functools
import logging
import os
import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO

import torch
from mmengine.logging import print_log
from mmengine.utils import digit_version
from torch import Tensor

from mmhsi.compat import training_checkpoint_globals
from mmhsi.utils.files import PART_SUFFIX, put_in_place

from .safetensors_file import is_safetensors, read_safetensors, write_safetensors

# Set to 1 to trust checkpoints: they are unpickled without restriction, and their configs are run.
TRUST_VARIABLE = 'MMHSI_TRUST_CHECKPOINTS'

_SOUND_TORCH = '2.10'

_ZIP, _PICKLE = b'PK\x03\x04', b'\x80'
_trusted: ContextVar[bool] = ContextVar('trusted', default=False)


@contextmanager
def trusting(trust: bool = True) -> Iterator[None]:
    """A context in which all loaded checkpoints are trusted."""
    token = _trusted.set(trust or _trusted.get())
    try:
        yield
    finally:
        _trusted.reset(token)


def is_trusted() -> bool:
    """Whether checkpoints are trusted here: inside :func:`trusting`, or with ``MMHSI_TRUST_CHECKPOINTS=1``."""
    return _trusted.get() or os.environ.get(TRUST_VARIABLE) == '1'


@contextmanager
def allowed_classes() -> Iterator[None]:
    """A context in which ``torch.load(weights_only=True)`` reads training checkpoints of MMEngine and official files.

    What they hold besides tensors is data and runs no code. The list is set at each call because libraries remove
    entries from it; what was allowed before stays allowed.
    """
    if digit_version(torch.__version__) < digit_version('2.6'):
        yield  # restricted_pickle contains the list instead
        return
    wanted = [argparse.Namespace, *training_checkpoint_globals()]
    present = torch.serialization.get_safe_globals()
    with torch.serialization.safe_globals([item for item in wanted if item not in present]):
        yield


def read_checkpoint(path: str | os.PathLike, trust: bool = False, map_location=None, mmap: bool = True) -> object:
    """Read a file of ``torch.save`` or safetensors; only tensors and plain containers of a pickle are restored.

    Args:
        path (str | Path): The file; or the folder of a sharded network, whose parts are joined, see
            :mod:`mmhsi.weights.sharded_checkpoint`.
        trust (bool): Unpickle without restriction, which runs any code in the file. Defaults to False, unless the
            environment variable ``MMHSI_TRUST_CHECKPOINTS`` is 1.
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
    if path.is_dir():
        return _of_folder(path, 'read_whole')
    if not path.is_file():
        raise FileNotFoundError(f'{path}: the checkpoint does not exist')
    # mapped: of a file that also holds the state of an optimiser, only the parameters are read
    try:
        with path.open('rb') as file:
            mapped = mmap and map_location in (None, 'cpu') and file.read(len(_ZIP)) == _ZIP
            file.seek(0)
            return read_checkpoint_stream(file, str(path), trust, map_location, path if mapped else None)
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # a broken disk does not name the file


@functools.cache
def _warn_of_torch() -> None:
    print_log(
        f'torch {torch.__version__} is installed: before {_SOUND_TORCH} a hostile .pth file can corrupt the memory of '
        'the process that reads it (CVE-2026-24747). Update torch, or take .pth files only from trusted sources; '
        '.safetensors files are not affected',
        'current',
        logging.WARNING,
    )


def read_checkpoint_stream(
    file: BinaryIO, name: str, trust: bool = False, map_location=None, mapped: Path | None = None
) -> object:
    """Read a checkpoint from an open file or a buffer; see :func:`read_checkpoint`.

    Args:
        file (BinaryIO): The file, at its beginning.
        name (str): Name for error messages.
        trust, map_location: As in :func:`read_checkpoint`.
        mapped (Path, optional): Its path, if tensors may stay in it until they are used.

    Raises:
        ValueError: As :func:`read_checkpoint`.
    """
    head = file.read(24)
    file.seek(0)
    if is_safetensors(head):
        return read_safetensors(file, name, map_location)
    if head.startswith(_ZIP):
        _require_stored_parts(file, name)
    if not head.startswith((_ZIP, _PICKLE)):
        raise ValueError(
            f'{name} is not a checkpoint: expected a file of torch.save or safetensors, found one that '
            f'starts with {head!r}'
        )
    trust = trust or is_trusted()
    if trust:
        warnings.warn(f'{name} is unpickled without restriction and can run any code', stacklevel=3)
    elif digit_version(torch.__version__) < digit_version(_SOUND_TORCH):
        _warn_of_torch()
    try:
        with allowed_classes():
            return torch.load(
                file if mapped is None else mapped,
                map_location=map_location or 'cpu',
                mmap=mapped is not None,
                **_restriction(trust),
            )
    except MemoryError:
        raise
    except pickle.UnpicklingError as error:
        named = re.search(r'[Uu]nsupported (?:global: )?(?:GLOBAL|class) (\S+)', str(error))
        if named is None:
            raise ValueError(
                f'{name} is not a checkpoint: expected a file of torch.save, found another pickle or a damaged one'
            ) from error
        raise ValueError(
            f'{name}: the file asks for {named[1]}, which is neither a tensor nor a plain container, so the file was '
            'not loaded; unpickling it could run any code; if you trust its source, convert '
            ''
            'it with tools/model_converters/hypersigma2mmhsi.py --trust, or set the environment variable '
            f'{TRUST_VARIABLE}=1'
        ) from error
    except Exception as error:  # truncated or overwritten files fail in many ways
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f'{name} is damaged or incomplete: expected a file of torch.save, found that reading it '
            f'stops with "{reason}"'
        ) from error


def _require_stored_parts(file: BinaryIO, name: str) -> None:
    """Refuse a zip archive that unpacks to more than it holds: ``torch.save`` does not compress."""
    size = file.seek(0, os.SEEK_END)
    try:
        with zipfile.ZipFile(file) as archive:
            parts = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        parts = 0  # truncated: explained where it is read
    file.seek(0)
    if parts > size:
        raise ValueError(
            f'{name} is not a checkpoint: expected a file of torch.save, found an archive of {size} bytes that unpacks '
            f'to {parts}'
        )


def _restriction(trust: bool) -> dict:
    if trust or digit_version(torch.__version__) >= digit_version('2.6'):
        return dict(weights_only=not trust)
    from . import restricted_pickle

    return dict(weights_only=False, pickle_module=restricted_pickle)


def parameters_of(checkpoint: object, source: str) -> dict[str, Tensor]:
    """The parameters of a checkpoint: under ``state_dict`` (MMEngine), ``model`` or ``net`` (official), or at the top
    level.

    Args:
        checkpoint: Result of :func:`read_checkpoint`.
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
            others = [
                str(key) for key, value in state.items() if not isinstance(key, str) or not isinstance(value, Tensor)
            ]
            if state and not others:
                return {key.removeprefix('module.'): value for key, value in state.items()}
            found = f'{", ".join(others[:5])}, not tensors' if others else 'an empty dict'
        else:
            found = type(state).__name__
    raise ValueError(
        f"{source}: expected parameters under 'state_dict', 'model' or 'net', or at the top level, found {found}"
    )


def check_intact(path: str | os.PathLike) -> object:
    """Read a checkpoint and compare all its bytes with the checksums that were stored with it.

    Args:
        path (str | Path): The file, or a folder as in :func:`read_checkpoint`.

    Returns:
        What was saved; tensors stay in the file until they are used, and those of a folder are left out.

    Raises:
        FileNotFoundError: If the file is absent.
        ValueError: If it is no checkpoint, is damaged, or names code that is not allowed.
    """
    if Path(path).is_dir():
        return _of_folder(Path(path), 'check_intact')
    checkpoint = read_checkpoint(path)
    # without checksums (torch.serialization.set_crc32_options) only the structure is checked
    stored = getattr(torch.serialization, 'get_crc32_options', lambda: True)()
    if stored and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f'{path} is damaged: the checksum of its part {damaged} is wrong')
    return checkpoint


def _of_folder(path: Path, function: str) -> dict:
    from . import sharded_checkpoint  # which imports this module

    if not sharded_checkpoint.is_sharded(path):
        raise ValueError(
            f'{path} is a folder, not a checkpoint: expected a file, or a folder with {sharded_checkpoint.RUN_FILE}'
        )
    return getattr(sharded_checkpoint, function)(path)


def write_checkpoint(checkpoint: dict, path: str | os.PathLike) -> None:
    """Save a checkpoint; an interrupted call leaves the previous file of this name.

    Args:
        checkpoint (dict): What to save.
        path (str | Path): The file; its folder is created if necessary. A name ending in '.safetensors' gives such a
            file, see :func:`mmhsi.weights.safetensors_file.write_safetensors`; any other one is written by
            ``torch.save``.
    """
    path = Path(path).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'{path.name}.{os.getpid()}{PART_SUFFIX}')
    try:
        (write_safetensors if path.suffix == '.safetensors' else torch.save)(checkpoint, part)
        put_in_place(part, path)
    finally:
        part.unlink(missing_ok=True)
