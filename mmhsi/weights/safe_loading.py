"""MMEngine's checkpoint loaders, made to refuse files that would run code, whatever address they come from.

``import mmhsi`` puts them in place as soon as MMEngine's own are there (:func:`mmhsi.compat.guard_checkpoint_loading`).
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
        filename (str): The file; '#sha256=' with 64 digits behind it names the content it must have.
        map_location (str | torch.device, optional): As in ``torch.load``.

    Returns:
        dict: The checkpoint.

    Raises:
        ValueError: If the content is another, or the file is no checkpoint or asks for code.
    """
    path, digest = (filename, None) if os.path.isfile(filename) else split_digest(filename)
    if digest is not None:
        check_digest(os.path.expanduser(path), digest)
    return read_checkpoint(path, map_location=map_location, mmap=False)


def load_from_http(filename: str, map_location=None, *args, **kwargs) -> dict:
    """Download a checkpoint, once, and load it; see :func:`mmhsi.weights.downloads.fetch`.

    The first process downloads; others find the file then, or download it themselves on another machine. Where the
    download fails, all processes raise.

    Args:
        filename (str): The address.
        map_location (str | torch.device, optional): As in ``torch.load``.
        *args, **kwargs: What MMEngine's own loader takes besides; not used.

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
    from .published import load_from_hypersigma as load  # not before it is asked for

    return load(filename, map_location)


def _torch_load(f, map_location=None, *args, **kwargs) -> object:
    """Stand in for ``torch.load``: the argument ``weights_only`` of the caller does not count."""
    if isinstance(f, (str, os.PathLike)):
        return read_checkpoint(f, map_location=map_location, mmap=False)
    return read_checkpoint_stream(f, str(getattr(f, 'name', 'the checkpoint')), map_location=map_location)


class _SafeTorch(types.ModuleType):
    """``torch`` with a ``load`` that is safe."""

    load = staticmethod(_torch_load)

    def __getattr__(self, name: str):
        return getattr(torch, name)


def _without_code(checkpoint: object) -> object:
    """A checkpoint without ``meta['config']``, a text that MMEngine runs as Python when it resumes."""
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
        return _without_code(load(cls, os.fspath(filename), *args, **kwargs))

    return load_checkpoint


def install() -> None:
    """Put the safe loaders into MMEngine; a second call changes nothing."""
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
