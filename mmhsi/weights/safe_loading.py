"""MMEngine's checkpoint loaders, made to refuse files that would run code: importing this module puts them in place."""

import os
from pathlib import Path
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, get_dist_info
from mmengine.runner import CheckpointLoader

from .checkpoint_file import read_checkpoint


@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_local(filename: str, map_location=None) -> dict:
    """Load a checkpoint file; see :func:`mmhsi.weights.checkpoint_file.read_checkpoint`.

    Args:
        filename (str): The file.
        map_location (str | torch.device, optional): As in ``torch.load``.

    Returns:
        dict: The checkpoint.
    """
    return read_checkpoint(filename, map_location=map_location, mmap=False)


@CheckpointLoader.register_scheme(prefixes=('http://', 'https://'), force=True)
def load_from_http(filename: str, map_location=None) -> dict:
    """Download a checkpoint into torch's cache, once, and load it; the first process downloads.

    Args:
        filename (str): The address.
        map_location (str | torch.device, optional): As in ``torch.load``.

    Returns:
        dict: The checkpoint.
    """
    path = Path(torch.hub.get_dir()) / 'checkpoints' / os.path.basename(urlparse(filename).path)
    rank, processes = get_dist_info()
    if rank == 0 and not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(filename, str(path), progress=os.isatty(0))
    if processes > 1:
        barrier()
    return read_checkpoint(path, map_location=map_location, mmap=False)
