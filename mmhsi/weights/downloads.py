"""Downloaded files: stored under their full address and checked against known hashes."""

import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit

import torch

from mmhsi.utils.files import put_in_place

_BLOCK = 1 << 20
_SECONDS = 60  # without receiving a byte
# the convention of torch.hub and OpenMMLab, name-<first digits of the SHA-256>.pth; dates do not count
_HASHED_NAME = re.compile(r'-(?!(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\.)([0-9a-f]{8,64})\.[^.-]+$')


def split_digest(address: str) -> tuple[str, str | None]:
    """An address without its suffix ``#sha256=...``, and the 64 digits of that suffix in lower case.

    Raises:
        ValueError: If the suffix has no such digits.
    """
    base, mark, digest = address.rpartition('#sha256=')
    if not mark:
        return address, None
    if not re.fullmatch('[0-9a-fA-F]{64}', digest):
        raise ValueError(f'{address}: expected 64 hexadecimal digits after #sha256=, found {digest!r}')
    return base, digest.lower()


def sha256_of(path: str | os.PathLike) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def check_digest(path: str | os.PathLike, expected: str) -> None:
    """Compare a file with the first digits of its SHA-256, or all of them.

    Raises:
        FileNotFoundError: If the file is absent.
        ValueError: If they differ.
    """
    found = sha256_of(path)
    if not found.startswith(expected):
        raise ValueError(f'{path}: expected a file whose SHA-256 begins with {expected}, found {found}')


def cached_path(address: str) -> Path:
    """The local path for an address: in a folder of torch's cache that is named after the full address."""
    address, _ = split_digest(address)
    name = os.path.basename(unquote(urlsplit(address).path)) or 'file'
    folder = hashlib.sha256(address.encode()).hexdigest()[:16]
    return Path(torch.hub.get_dir()) / 'checkpoints' / 'by_address' / folder / name


def fetch(address: str) -> Path:
    """The file of an address, downloaded on first use.

    It is stored under the full address, so that the files of two servers are not confused. A hash given by
    ``#sha256=<64 digits>`` after the address or by a name like ``name-<8 digits or more>.pth`` is checked at each call.
    A file of such a name that torch or a user put into the ``checkpoints`` folder of ``torch.hub.get_dir()`` is also
    used if its content is correct.

    Args:
        address (str): An address that begins with http:// or https://.

    Returns:
        The file.

    Raises:
        OSError: If it cannot be downloaded.
        ValueError: If its content does not match the hash; it is then removed.
    """
    address, digest = split_digest(address)
    path = cached_path(address)
    named = _HASHED_NAME.search(path.name)
    expected = digest or (named and named[1])
    shared = path.parents[2] / path.name
    if expected and not path.is_file() and shared.is_file() and sha256_of(shared).startswith(expected):
        return shared
    if not path.is_file():
        _download(address, path)
    if expected:
        try:
            check_digest(path, expected)
        except ValueError as error:
            path.unlink(missing_ok=True)
            raise ValueError(f'{address}: the download does not match its hash and was removed: {error}') from None
    return path


def _download(address: str, path: Path) -> None:
    """Download a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'{path.name}.{os.getpid()}.part')
    request = urllib.request.Request(address, headers={'User-Agent': 'mmhsi'})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer, part.open('wb') as file:
            length, received = answer.headers.get('Content-Length'), 0
            while block := answer.read(_BLOCK):
                file.write(block)
                received += len(block)
        if length is not None and length.strip() != str(received):
            raise OSError(f'it stopped after {received} of {length} bytes')
        put_in_place(part, path)
    except (OSError, urllib.error.URLError, http.client.HTTPException) as error:
        raise OSError(f'{address}: the download failed: {error}') from error
    finally:
        part.unlink(missing_ok=True)
