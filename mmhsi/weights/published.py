"""The published weights of HyperSIGMA under short names, e.g. ``hypersigma:spat-vit-base``.

Every ``checkpoint`` and ``load_from`` of a config accepts such a name.
"""

import hashlib
import os
import re
from pathlib import Path

import torch

from .checkpoint_file import read_checkpoint
from .official_checkpoint import convert_checkpoint
from .official_layout import PUBLISHED_SIZES

SCHEME = 'hypersigma:'
REPOSITORY = 'WHU-Sigma/HyperSIGMA'
# kind, size and file of each name
PUBLISHED_FILES = {
    f'{branch}-vit-{size}': (f'{branch}-mae', size, f'{branch}-vit-{size}-ultra-checkpoint-1599.pth')
    for branch in ('spat', 'spec')
    for size in PUBLISHED_SIZES
}
# Fine-tuned denoising networks: kind, and a part of the path of the file, which is looked up in the repository.
FINE_TUNED_FOLDER = 'Denoising_models/'
FINE_TUNED_FILES = {
    f'{net}-hid-{noise}': (f'{net}-hid', (word, noise))
    for net, word in (('hypersigma', 'hypersigma'), ('spatsigma', 'spat'))
    for noise in ('gaussian', 'complex')
}
_BLOCK = 1 << 20


def _check_content(path: Path) -> None:
    """Check a file of the Hugging Face cache against the checksum in its name; remove it if they differ.

    Large files are named by their SHA-256, others by the SHA-1 of their git object. Names of another form, as in
    mirrors and caches without symbolic links, are not checked.
    """
    content = path.resolve()
    if re.fullmatch('[0-9a-f]{64}', content.name):
        digest = hashlib.sha256()
    elif re.fullmatch('[0-9a-f]{40}', content.name):
        digest = hashlib.sha1(b'blob %d\0' % content.stat().st_size)
    else:
        return
    with content.open('rb') as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    if digest.hexdigest() != content.name:
        path.unlink()
        content.unlink(missing_ok=True)
        raise ValueError(
            f'{path}: the download is corrupted (expected the checksum {content.name}, found '
            f'{digest.hexdigest()}) and was removed; try again'
        )


def published_names() -> list[str]:
    """The short names, without 'hypersigma:'."""
    return [*PUBLISHED_FILES, *FINE_TUNED_FILES]


def _file_in_repository(name: str, endpoint: str | None) -> str:
    """Path of a published file in the repository; that of a fine-tuned network is looked up in its list of files."""
    if name in PUBLISHED_FILES:
        return PUBLISHED_FILES[name][2]
    from huggingface_hub import HfApi

    _, words = FINE_TUNED_FILES[name]
    files = [file.rfilename for file in HfApi(endpoint=endpoint).model_info(REPOSITORY).siblings]
    weights = [file for file in files if file.startswith(FINE_TUNED_FOLDER) and file.endswith(('.pth', '.pt'))]
    found = [file for file in weights if all(word in file.lower() for word in words)]
    if len(found) != 1:
        raise FileNotFoundError(
            f'expected one file with {" and ".join(map(repr, words))} in its path among '
            f'{", ".join(weights) or f"those in {FINE_TUNED_FOLDER}, of which there is none"}'
        )
    return found[0]


def fetch_published(name: str) -> Path:
    """The file of a published checkpoint, downloaded on first use.

    It is searched first in the ``checkpoints`` folder of ``torch.hub.get_dir()``, where it can be placed by hand (a
    fine-tuned network as ``NAME.pth``), then in the cache of huggingface_hub, whose variables HF_ENDPOINT, HF_HOME,
    HF_HUB_CACHE and HF_HUB_OFFLINE apply.

    Args:
        name (str): '{spat,spec}-vit-{base,large,huge}' or '{hypersigma,spatsigma}-hid-{gaussian,complex}', with or
            without the prefix 'hypersigma:'.

    Returns:
        The file.

    Raises:
        ValueError: If the name is unknown, or the checksum of a download is wrong.
        FileNotFoundError: If the file neither exists nor can be downloaded.
    """
    name = name.removeprefix(SCHEME)
    if name not in published_names():
        raise ValueError(f'{SCHEME}{name}: expected one of {", ".join(published_names())} behind {SCHEME!r}')
    file = PUBLISHED_FILES[name][2] if name in PUBLISHED_FILES else f'{name}.pth'
    folder = Path(torch.hub.get_dir()) / 'checkpoints'
    if (folder / file).is_file():
        return folder / file
    # read here too: huggingface_hub reads the environment only once, when it is imported
    offline = os.environ.get('HF_HUB_OFFLINE', '').upper() in ('1', 'ON', 'YES', 'TRUE')
    endpoint = os.environ.get('HF_ENDPOINT', '').rstrip('/') or None
    where = f'{endpoint or "https://huggingface.co"}/{REPOSITORY}'
    try:
        if offline and name in FINE_TUNED_FILES:
            raise FileNotFoundError('its path cannot be looked up offline')
        from huggingface_hub import hf_hub_download

        path = Path(
            hf_hub_download(
                REPOSITORY,
                _file_in_repository(name, endpoint),
                endpoint=endpoint,
                local_files_only=offline,
                cache_dir=os.environ.get('HF_HUB_CACHE') or None,
            )
        )
    except Exception as error:  # of huggingface_hub, or of the HTTP library, which depends on its version
        reason = (str(error) or type(error).__name__).strip().splitlines()[0]
        by_hand = (
            f'{where}/resolve/main/{file} by hand and put it into {folder}'
            if name in PUBLISHED_FILES
            else f'it from {where}/tree/main/{FINE_TUNED_FOLDER} by hand and save it as {folder / file}'
        )
        raise FileNotFoundError(
            f'{SCHEME}{name}: {file} of the Hugging Face repository {REPOSITORY} is not in the cache and could not be '
            f'downloaded ({reason}); download {by_hand}'
        ) from error
    _check_content(path)
    return path


def load_from_hypersigma(filename: str, map_location=None) -> dict:
    """Load a published checkpoint in the layout of mmhsi.

    Args:
        filename (str): 'hypersigma:' and a name accepted by :func:`fetch_published`.
        map_location (str | torch.device, optional): As in ``torch.load``.

    Returns:
        dict: ``state_dict`` with the parameters of ``SpatMAE`` or ``SpecMAE`` (the encoder under ``backbone.``), or of
        a fine-tuned network as in the base configs; and ``meta``.
    """
    name, path = filename.removeprefix(SCHEME), fetch_published(filename)
    kind, size = PUBLISHED_FILES[name][:2] if name in PUBLISHED_FILES else (FINE_TUNED_FILES[name][0], None)
    return convert_checkpoint(read_checkpoint(path, map_location=map_location), str(path), kind, size).checkpoint
