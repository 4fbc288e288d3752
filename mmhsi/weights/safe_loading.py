"""Safe versions of MMEngine's checkpoint loaders, which refuse files that would run code, from any address.

``import mmhsi`` installs them as soon as MMEngine's own are imported (:func:`mmhsi.compat.guard_checkpoint_loading`).
"""

import functools
import logging
import os
import types
from collections.abc import Mapping

import mmengine.runner.checkpoint as mmengine_checkpoint
import torch
from mmengine.dist import broadcast_object_list, get_dist_info
from mmengine.logging import print_log

from .checkpoint_file import read_checkpoint, read_checkpoint_stream
from .downloads import check_digest, fetch, split_digest

_LOADER = mmengine_checkpoint.CheckpointLoader


def load_from_local(filename: str, map_location=None) -> dict:
    """Load a checkpoint file; see :func:`mmhsi.weights.checkpoint_file.read_checkpoint`.

    Args:
        filename (str): The file; a suffix '#sha256=' with 64 digits gives the hash of its content.
        map_location (str | torch.device, optional): As in ``torch.load``.

    Returns:
        dict: The checkpoint.

    Raises:
        ValueError: If the content differs, or the file is not a checkpoint or contains code.
    """
    path, digest = (filename, None) if os.path.isfile(filename) else split_digest(filename)
    if digest is not None:
        check_digest(os.path.expanduser(path), digest)
    return read_checkpoint(path, map_location=map_location, mmap=False)


def load_from_http(filename: str, map_location=None, *args, **kwargs) -> dict:
    """Download a checkpoint, once, and load it; see :func:`mmhsi.weights.downloads.fetch`.

    The first process downloads; others then find the file, or download it themselves on another machine. If the
    download fails, all processes raise.

    Args:
        filename (str): The address.
        map_location (str | torch.device, optional): As in ``torch.load``.
        *args, **kwargs: Further arguments of MMEngine's own loader; not used.

    Returns:
        dict: The checkpoint.
    """
    rank, processes = get_dist_info()
    path = failure = None
    if rank == 0:
        try:
            path = fetch(filename)
        except (OSError, ValueError) as error:
            failure = error
    if processes > 1:
        outcome = [failure and str(failure)]
        broadcast_object_list(outcome)
        if rank > 0 and outcome[0] is not None:
            failure = OSError(f'the first process could not download: {outcome[0]}')
    if failure is not None:
        raise failure
    return read_checkpoint(path or fetch(filename), map_location=map_location, mmap=False)


def load_from_hypersigma(filename: str, map_location=None) -> dict:
    """Load a published checkpoint; see :func:`mmhsi.weights.published.load_from_hypersigma`."""
    from .published import load_from_hypersigma as load  # imported only when needed

    return load(filename, map_location)


def _torch_load(f, map_location=None, *args, **kwargs) -> object:
    """Replacement for ``torch.load`` that ignores the argument ``weights_only`` of the caller."""
    if isinstance(f, (str, os.PathLike)):
        return read_checkpoint(f, map_location=map_location, mmap=False)
    return read_checkpoint_stream(f, str(getattr(f, 'name', 'the checkpoint')), map_location=map_location)


class _SafeTorch(types.ModuleType):
    """``torch`` with a ``load`` that is safe."""

    load = staticmethod(_torch_load)

    def __getattr__(self, name: str):
        return getattr(torch, name)


def _without_code(checkpoint: object) -> object:
    """Remove ``meta['config']`` from a checkpoint: text that MMEngine runs as Python when it resumes."""
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    if isinstance(meta, dict) and 'config' in meta:
        del meta['config']
        print_log(
            "The checkpoint holds a config of an old layout under meta['config'], which is left out: resuming "
            'would run it as Python.',
            'current',
            logging.WARNING,
        )
    return checkpoint


def _guarded(load):

    @functools.wraps(load)
    def load_checkpoint(cls, filename, *args, **kwargs):
        name = os.fspath(filename)
        try:
            return _without_code(load(cls, name, *args, **kwargs))
        except KeyError as error:  # of the lists of models that belong to torchvision://, open-mmlab:// and others
            if '://' not in name:
                raise
            scheme, _, model = name.partition('://')
            raise FileNotFoundError(f'{name}: {scheme}:// has no model {model!r}') from error

    return load_checkpoint


def install() -> None:
    """Install the safe loaders in MMEngine; repeated calls have no effect."""
    if isinstance(mmengine_checkpoint.torch, _SafeTorch):
        return
    # every loader of that module reads through the names torch, load_from_local and load_from_http of the module
    mmengine_checkpoint.torch = _SafeTorch('torch')
    mmengine_checkpoint.load_from_local, mmengine_checkpoint.load_from_http = load_from_local, load_from_http
    _LOADER.register_scheme('', load_from_local, force=True)
    _LOADER.register_scheme(('http://', 'https://'), load_from_http, force=True)
    _LOADER.register_scheme('hypersigma:', load_from_hypersigma, force=True)
    _LOADER.load_checkpoint = classmethod(_guarded(_LOADER.load_checkpoint.__func__))


install()
