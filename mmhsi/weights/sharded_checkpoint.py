"""Checkpoints of sharded networks: a folder to which each process writes its share.

``torch.distributed.checkpoint`` writes the tensors: one file per process, and ``.metadata``, which says where each
part lies. Parameters and buffers are called ``model.<name>``, states of the optimiser ``optimizer.<parameter>.<key>``.
``run.pth`` holds everything else of a checkpoint, and size and checksum of every file. It is written last.
"""

from __future__ import annotations

import inspect
import os
import pickle
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_gather_object, get_rank, is_main_process
from torch import Tensor

from .checkpoint_file import read_checkpoint, write_checkpoint

RUN_FILE = 'run.pth'
MODEL, OPTIMIZER = 'model.', 'optimizer.'
_METADATA = '.metadata'
_CHUNK = 1 << 24  # bytes

# What the description of the tensors names besides plain containers; all of it carries data and runs no code.
_DESCRIPTION = {
    'torch.distributed.checkpoint.metadata': {
        'Metadata',
        'TensorStorageMetadata',
        'TensorProperties',
        'ChunkStorageMetadata',
        'MetadataIndex',
        'StorageMeta',
        '_MEM_FORMAT_ENCODING',
    },
    'torch.distributed.checkpoint.filesystem': {'_StorageInfo'},
    'torch.serialization': {'_get_layout'},
    'torch': {'Size', *(name for name in dir(torch) if isinstance(getattr(torch, name), torch.dtype))},
    'pathlib': {'Path', 'PosixPath', 'WindowsPath'},
    'pathlib._local': {'Path', 'PosixPath', 'WindowsPath'},
}


class _Unpickler(pickle.Unpickler):
    """Refuses every name that a description of tensors does not need."""

    def find_class(self, module: str, name: str) -> Any:
        if name not in _DESCRIPTION.get(module, ()):
            raise pickle.UnpicklingError(f'it asks for {module}.{name}')
        return super().find_class(module, name)


def is_sharded(path: str | os.PathLike) -> bool:
    """Whether a path is a folder of this kind."""
    return Path(path, RUN_FILE).is_file()


def write_shards(tensors: dict[str, Tensor], run: dict | None, folder: str | os.PathLike) -> None:
    """Write a checkpoint; all processes of a run call this together.

    Args:
        tensors (dict[str, Tensor]): Parameters, buffers and states of the optimiser by their names in the folder. Of a
            ``DTensor`` every process writes its part, of any other tensor one process writes all.
        run (dict, optional): Everything else, on the first process.
        folder (str | Path): The folder, which all processes see under this name.

    Raises:
        OSError: If a process cannot write its share; on all of them.
    """
    from torch.distributed import checkpoint as dcp

    folder = Path(folder)
    try:
        with _quiet():
            dcp.save(tensors, storage_writer=dcp.FileSystemWriter(folder, single_file_per_rank=True, sync_files=True))
        own, failure = {path.name: _sum(path) for path in folder.glob(f'__{get_rank()}_*')}, None
    except dcp.CheckpointException as error:
        rank, (reason, _) = next(iter(error.failures.items()))
        own, failure = {}, f'process {rank} cannot write its share: {reason}'
    except OSError as error:
        own, failure = {}, f'process {get_rank()} cannot read back its share: {error}'
    found = all_gather_object((own, failure))
    failure = next((text for _, text in found if text is not None), None)
    if failure is not None:
        raise OSError(f'{folder}: {failure}')
    if is_main_process():
        files = {name: facts for names, _ in found for name, facts in names.items()}
        files[_METADATA] = _sum(folder / _METADATA)
        write_checkpoint(dict(run or {}, files=files), folder / RUN_FILE)


def read_run(folder: str | os.PathLike) -> dict:
    """What a checkpoint holds besides its tensors.

    Raises:
        ValueError: If it is no such checkpoint, or a file of it is missing or has another size.
    """
    run = read_checkpoint(Path(folder, RUN_FILE))
    files = run.get('files') if isinstance(run, dict) else None
    if not isinstance(files, dict) or not all(
        isinstance(name, str) and isinstance(facts, (list, tuple)) and len(facts) == 2 for name, facts in files.items()
    ):
        raise ValueError(f'{folder} is no checkpoint: {RUN_FILE} does not list the files that belong to it')
    for name, (size, _) in files.items():
        path = Path(folder, name)
        found = path.stat().st_size if path.is_file() and path.parent == Path(folder) else None
        if found != size:
            raise ValueError(
                f'{folder} is damaged or incomplete: {name} should have {size} bytes, '
                + ('it is missing' if found is None else f'it has {found}')
            )
    return run


def check_intact(folder: str | os.PathLike) -> dict:
    """Compare all files of a checkpoint with their checksums; returns what :func:`read_run` does.

    Raises:
        ValueError: If a file is missing or was changed.
    """
    run = read_run(folder)
    for name, facts in run['files'].items():
        if _sum(Path(folder, name)) != facts:
            raise ValueError(f'{folder} is damaged: the checksum of {name} is wrong')
    return run


def stored_tensors(folder: str | os.PathLike) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """Shapes and types of the tensors of a checkpoint, by their names in it.

    Raises:
        ValueError: If the description of the tensors cannot be read, or holds anything else.
    """
    described = _reader(folder).read_metadata().state_dict_metadata
    stored = {
        name: (getattr(entry, 'size', None), getattr(getattr(entry, 'properties', None), 'dtype', None))
        for name, entry in described.items()
    }
    others = [
        name
        for name, (size, dtype) in stored.items()
        if not (isinstance(name, str) and isinstance(size, torch.Size) and isinstance(dtype, torch.dtype))
    ]
    if others:
        raise ValueError(f'{folder} holds {", ".join(map(str, others[:3]))}, which are no tensors')
    return stored


def read_shards(tensors: dict[str, Tensor], folder: str | os.PathLike) -> None:
    """Fill tensors from a checkpoint; of a ``DTensor`` the part of this process, however it was sharded before.

    Args:
        tensors (dict[str, Tensor]): By their names in the folder; filled in place.
        folder (str | Path): The checkpoint.

    Raises:
        ValueError: If a tensor is missing there, or has another shape.
    """
    from torch.distributed import checkpoint as dcp

    stored = stored_tensors(folder)
    for name, tensor in tensors.items():
        if name not in stored or stored[name][0] != tensor.shape:
            found = f'of shape {tuple(stored[name][0])}' if name in stored else 'missing'
            raise ValueError(f'{folder}: expected {name} of shape {tuple(tensor.shape)}, it is {found}')
    # every process reads on its own; older versions of torch did so only without a process group
    alone = {'no_dist': True} if 'no_dist' in inspect.signature(dcp.load).parameters else {}
    try:
        with torch.no_grad(), _quiet():
            dcp.load(tensors, storage_reader=_reader(folder), **alone)
    except dcp.CheckpointException as error:
        rank, (reason, _) = next(iter(error.failures.items()))
        said = (str(reason) or type(reason).__name__).splitlines()[0]
        raise ValueError(f'{folder} is damaged: process {rank} cannot read its share: {said}') from error


def read_whole(folder: str | os.PathLike) -> dict:
    """The checkpoint that one process would have written: for tests, predictions, and runs without sharding.

    Args:
        folder (str | Path): The checkpoint.

    Returns:
        dict: In the layout of MMEngine, with ``state_dict`` and ``optimizer`` on the CPU.

    Raises:
        ValueError: As :func:`read_run` and :func:`stored_tensors`.
    """
    run = read_run(folder)
    files = run.pop('files')
    stored, held = stored_tensors(folder), sum(size for size, _ in files.values())
    described = sum(prod(shape) * dtype.itemsize for shape, dtype in stored.values())
    if described > held:
        raise ValueError(f'{folder} is damaged: tensors of {described} bytes are described, its files have {held}')
    tensors = {name: torch.empty(shape, dtype=dtype) for name, (shape, dtype) in stored.items()}
    read_shards(tensors, folder)
    run['state_dict'] = {name.removeprefix(MODEL): value for name, value in tensors.items() if name.startswith(MODEL)}
    if 'optimizer' in run:
        try:
            run['optimizer']['state'] = states_of(tensors, run['optimizer'].pop('names'))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f'{folder} is damaged: the parameters of its optimiser are not named: {error}') from error
    return run


def states_of(tensors: dict[str, Tensor], names: list[str]) -> dict[int, dict[str, Tensor]]:
    """States of an optimiser by the number of the parameter, from tensors by their names in a folder.

    Args:
        tensors (dict[str, Tensor]): Tensors of a checkpoint.
        names (list[str]): Names of the parameters, in the order of the optimiser.
    """
    numbers = {name: number for number, name in enumerate(names)}
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(OPTIMIZER):
            parameter, _, key = name.removeprefix(OPTIMIZER).rpartition('.')
            states.setdefault(numbers[parameter], {})[key] = value
    return states


def _reader(folder: str | os.PathLike):
    """A reader of the tensors that unpickles descriptions of tensors only."""
    from torch.distributed.checkpoint import FileSystemReader

    class Reader(FileSystemReader):
        def read_metadata(self, *args, **kwargs):
            path = Path(folder, _METADATA)
            try:
                with path.open('rb') as file:
                    found = _Unpickler(file).load()
                found.state_dict_metadata, found.storage_data  # noqa: B018
            except FileNotFoundError:
                raise ValueError(f'{folder} is incomplete: {_METADATA} is missing') from None
            except Exception as error:  # a damaged pickle fails in many ways
                raise ValueError(f'{path} does not describe the tensors of a checkpoint: {error}') from error
            return found

    return Reader(folder)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress torch's message that there is only one process."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'torch.distributed is disabled, unavailable or uninitialized')
        yield


def _sum(path: Path) -> list[int]:
    """Size and CRC-32 of a file."""
    size = found = 0
    with path.open('rb') as file:
        while block := file.read(_CHUNK):
            size, found = size + len(block), zlib.crc32(block, found)
    return [size, found]
