"""Identities of files and settings, to decide whether an existing result is still up to date.

A result depends on files, settings, packages and code. Size and modification time of a file are not enough: a file may
be rewritten with the same size and time. Here a file is identified by a hash of its content.

Reading all files every time would cost as much as the work that it saves. On POSIX, a file is therefore not read again
as long as its size, times, inode and device are unchanged, because no program can set the time of the last change
(ctime). A file that was changed within :data:`RACE` seconds before it was examined is read again.
"""

from __future__ import annotations

import glob
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from mmhsi.utils.files import parse_json, write_text

PACKAGES = (
    'mmhsi',
    'torch',
    'mmengine',
    'mmcv',
    'mmcv-lite',
    'mmpretrain',
    'mmsegmentation',
    'mmagic',
    'numpy',
    'scipy',
    'scikit-learn',
    'rasterio',
)
"""Packages whose versions affect results."""

LARGEST = 2 * 2**30
"""Bytes up to which the whole content of a file is hashed. For a larger file, its size, its time and 256 evenly spread
blocks of 1 MiB are hashed, including the first and the last block."""

RACE = 2.0
"""Seconds before an examination in which a change might not affect the times of a file."""

_BLOCK, _SAMPLES = 2**20, 256
_DIGITS = 16  # bytes of a hash
# suffixes of companions; readers and GDAL know them in small and in capital letters
_SIDECARS = ('.aux.xml', '.msk', '.msk.ovr', '.ovr', '.ovr.msk', '.hdr', '.xml')  # after the whole name
_RELATED = (
    '.hdr',
    '.xml',
    '.aux',
    '.aux.xml',
    '.ige',
    '.rrd',
    '.clr',
    '.stx',
    '.prj',
    '.tfw',
    '.tifw',
    '.wld',
    '.rpb',
    '_rpc.txt',
    '.imd',
    '_MTL.txt',  # instead of the suffix
)
_ENVI_DATA = ('', '.img', '.hyspex', '.dat', '.bin', '.raw', '.bsq', '.bil', '.bip', '.sli', '.tif', '.tiff')
_FILES = ('path', 'image', 'labels', 'coarse')  # keys of a config that name a file or a folder
_VRT_SOURCES = ('sourcefilename', 'sourcedataset', 'overviewfile')
_VRT_BYTES, _VRT_DEPTH = 16 * 2**20, 4


def content_digest(path: str | os.PathLike) -> str:
    """A hash of the content of a file, see :data:`LARGEST`.

    Args:
        path (str | os.PathLike): The file.

    Returns:
        str: 'blake2b:' or, for a large file, 'sampled:', and 32 hexadecimal digits.

    Raises:
        OSError: If the file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=_DIGITS)
    with open(path, 'rb', buffering=0) as file:
        status = os.fstat(file.fileno())
        if status.st_size <= LARGEST:
            while block := file.read(_BLOCK):
                digest.update(block)
            return f'blake2b:{digest.hexdigest()}'
        digest.update(f'{status.st_size} {status.st_mtime_ns}'.encode())
        for number in range(_SAMPLES):
            file.seek((status.st_size - _BLOCK) * number // (_SAMPLES - 1))
            digest.update(file.read(_BLOCK))
    return f'sampled:{digest.hexdigest()}'


def array_digest(array: np.ndarray) -> str:
    """A hash of shape, type and values of an array."""
    array = np.asarray(array)
    digest = hashlib.blake2b(f'{array.shape} {array.dtype.str}'.encode(), digest_size=_DIGITS)
    for row in array if array.ndim > 1 else [array]:  # no copy of the whole
        digest.update(np.ascontiguousarray(row).tobytes())
    return f'blake2b:{digest.hexdigest()}'


def value_digest(value: Any) -> str:
    """A hash of settings: dicts whatever their order, lists, numbers, text, arrays; other objects by their ``repr``."""

    def plain(item: Any) -> Any:
        if isinstance(item, Mapping):
            return {'dict': sorted([repr(key), plain(inner)] for key, inner in item.items())}
        if isinstance(item, (list, tuple)):
            return [type(item).__name__, *map(plain, item)]
        if isinstance(item, np.ndarray):
            return ['array', array_digest(item)]
        if isinstance(item, os.PathLike):
            return os.fspath(item)
        return item if item is None or isinstance(item, (bool, int, str)) else ['other', repr(item)]

    return hashlib.blake2b(json.dumps(plain(value)).encode(), digest_size=_DIGITS).hexdigest()


def data_files(path: str | os.PathLike) -> list[str]:
    """The files that a scene is read from, judging by their names: the file itself and its companions.

    These are the header of an ENVI file or the data of a header; masks, statistics and overviews of GDAL (``.msk``,
    ``.aux.xml``, ``.ovr``); world, projection and RPC files; the sources of a VRT and their companions; all files in a
    folder. A reader lists further ones in ``CubeInfo.companions``.

    Args:
        path (str | os.PathLike): A file or folder.

    Returns:
        list[str]: The files that exist, sorted; the given one first.
    """
    path = os.fspath(path)
    found: dict[str, None] = {}
    _add(path, found, _VRT_DEPTH)
    return [*([path] if path in found else ()), *sorted(name for name in found if name != path)]


def _add(path: str, found: dict[str, None], depth: int) -> None:
    if os.path.isdir(path):
        for folder, _, names in os.walk(path):
            found.update(dict.fromkeys(os.path.join(folder, name) for name in names if not name.startswith('.')))
        return
    stem, suffix = os.path.splitext(path)
    beside = [path, *_present(path, _SIDECARS), *_present(stem, _RELATED)]
    found.update(dict.fromkeys(name for name in beside if os.path.isfile(name)))
    if suffix.lower() == '.hdr':
        sources = _present(stem, _ENVI_DATA)
    elif suffix.lower() == '.vrt' and os.path.isfile(path):
        sources = [os.path.join(os.path.dirname(path), name) for name in _sources_of_vrt(path)]
    else:
        return
    for name in sources:
        if depth and name not in found and os.path.isfile(name):
            _add(name, found, depth - 1)


def _present(stem: str, endings: Iterable[str]) -> list[str]:
    """The files whose names are a stem and one of these endings, in small or in capital letters."""
    names = dict.fromkeys(stem + written for ending in endings for written in (ending, ending.lower(), ending.upper()))
    return [name for name in names if os.path.isfile(name)]


def _sources_of_vrt(path: str) -> list[str]:
    """The files that a virtual raster names, as they are written; none of one that the reader refuses."""
    with open(path, 'rb') as file:
        content = file.read(_VRT_BYTES)
    try:
        elements = [] if b'<!ENTITY' in content else ElementTree.fromstring(content).iter()
        return [
            (element.text or '').strip()
            for element in elements
            if element.tag.rpartition('}')[2].lower() in _VRT_SOURCES
        ]
    except (ElementTree.ParseError, ValueError, LookupError):
        return []


def identify(
    paths: Iterable[str | os.PathLike],
    before: Mapping[str, Mapping] | None = None,
    root: str | os.PathLike | None = None,
) -> dict[str, dict]:
    """Identify the content of files, in a form that JSON can hold.

    Args:
        paths (Iterable[str | os.PathLike]): The files; see :func:`data_files` for those of a scene.
        before (Mapping, optional): Result of an earlier call; a file that has not been touched since is not read.
        root (str | os.PathLike, optional): Folder from which the names of the files start in the result and in
            ``before``. Defaults to None: they are used unchanged.

    Returns:
        dict[str, dict]: By name: 'bytes', 'digest', and 'seen', with which the next call avoids reading the file.
        'bytes' is -1 for a file that is missing or cannot be read.
    """
    result = {}
    for given in paths:
        path = os.fspath(given)
        name = path if root is None else os.path.relpath(path, root).replace(os.sep, '/')
        result[name] = _identify(path, (before or {}).get(name))
    return result


def _identify(path: str, before: Any) -> dict:
    now = time.time_ns()
    try:
        status = os.stat(path)
        seen = [status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]
        if (
            isinstance(before, Mapping)
            and os.name == 'posix'
            and before.get('bytes') == status.st_size
            and (before.get('seen', [])[:4] == seen and before['seen'][4] - status.st_ctime_ns > RACE * 1e9)
        ):
            return dict(before)
        return dict(bytes=status.st_size, digest=content_digest(path), seen=[*seen, now])
    except (OSError, ValueError) as error:  # of which the latter is a name that no file can have
        return dict(bytes=-1, digest=type(error).__name__, seen=[])
    except (TypeError, IndexError):
        return _identify(path, None)  # the record is damaged


def told(identities: Mapping[str, Mapping]) -> dict[str, dict]:
    """Identities without the details of their examination, for files that are compared later."""
    return {name: dict(bytes=entry['bytes'], digest=entry['digest']) for name, entry in identities.items()}


class Looks:
    """Identities from an earlier process, in the user's cache, so that files are not read again.

    The cache is ``$MMHSI_CACHE``, else ``$XDG_CACHE_HOME/mmhsi``, else ``~/.cache/mmhsi``. If other users may write to
    it, nothing is stored, and files are read every time.

    Args:
        purpose (str): Their purpose; each purpose has its own file.
    """

    def __init__(self, purpose: str):
        self.entries: dict[str, dict] = {}
        base = os.environ.get('MMHSI_CACHE') or os.path.join(
            os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'mmhsi'
        )
        path = Path(base, 'looks', f'{value_digest(purpose)}.json')
        self._path: Path | None = path
        try:
            Path(base).mkdir(mode=0o700, parents=True, exist_ok=True)  # as required for the cache of compiled libraries
            path.parent.mkdir(mode=0o700, exist_ok=True)
            status = path.parent.lstat()
            if os.name == 'posix' and (status.st_uid != os.getuid() or status.st_mode & 0o022):
                self._path = None
                return
            entries = parse_json(path.read_text(encoding='utf-8'))
            self.entries = entries if isinstance(entries, dict) else {}
        except (OSError, ValueError):
            pass

    def save(self) -> None:
        """Store the entries for the next process, if possible."""
        if self._path is not None:
            with suppress(OSError):
                write_text(self._path, json.dumps(self.entries))


def changes(before: Mapping[str, Mapping] | None, now: Mapping[str, Mapping]) -> list[str]:
    """Names of the files that have changed: different content, added, or removed.

    Args:
        before (Mapping, optional): An earlier result of :func:`identify`; None counts as no files.
        now (Mapping): Its current result.

    Returns:
        list[str]: Their names, sorted; none if nothing has changed.
    """
    before = before if isinstance(before, Mapping) else {}

    def content(found: Mapping[str, Mapping], name: str) -> tuple | None:
        entry = found.get(name)
        return (entry.get('bytes'), entry.get('digest')) if isinstance(entry, Mapping) else None

    return sorted(name for name in {*before, *now} if content(before, name) != content(now, name))


def files_of_config(config: Any) -> list[str]:
    """The existing files and folders that a config names, with their companions; see :func:`data_files`.

    Args:
        config (Any): A config, or a part of one. A name starts from the ``data_root`` around it, else from the working
            directory; a part in braces, as in '{name}/image.npy', stands for any name, and a pattern ('*.tif') for the
            files that fit. A folder counts as a whole if it is a ``path``, ``image``, ``labels`` or ``coarse``, or
            a ``data_root`` beside which no file is named.

    Returns:
        list[str]: The files, sorted.
    """
    found: set[str] = set()
    _add_files(config, '', '', found)
    return sorted(found)


def _add_files(value: Any, root: str, key: str, found: set[str]) -> None:
    """Add the files that a part of a config names, the value of ``key`` below a ``data_root``."""
    if isinstance(value, Mapping):
        own, before = value.get('data_root'), len(found)
        for name, item in value.items():
            if name != 'data_root':
                _add_files(item, str(own or root), str(name), found)
        if own and len(found) == before and os.path.isdir(own):
            found.update(data_files(own))
    elif isinstance(value, (list, tuple)):
        for item in value:
            _add_files(item, root, key, found)
    elif isinstance(value, (str, os.PathLike)):
        for place in _places(os.fspath(value), root, key in _FILES):
            if key in _FILES or not os.path.isdir(place):
                found.update(data_files(place))


def _places(name: str, root: str, expected: bool = False) -> set[str]:
    """The files that a string of a config names, if any; one without a dot or folder only where a file is expected, or
    in the ``data_root`` around it."""
    if not (expected or root or re.search(r'[./\\]', name)) or not name or '\0' in name or len(name) > 4096:
        return set()
    places = {os.path.join(root, name), name}
    if re.search(r'\{\w*\}|[*?[]', name) and not any(map(os.path.exists, places)):
        places = {place for pattern in places for place in glob.glob(re.sub(r'\{\w*\}', '*', pattern))}
    return {place for place in places if os.path.exists(place)}


def package_versions(names: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Versions of Python and of the installed packages."""
    found = {'python': platform.python_version()}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@lru_cache(maxsize=1)
def code_digest() -> str:
    """A hash of the code of this package: Python, C and headers."""
    folder = Path(__file__).resolve().parents[1]
    digest = hashlib.blake2b(digest_size=_DIGITS)
    for path in sorted(folder.rglob('*')):
        if path.suffix in ('.py', '.c', '.h') and '.mim' not in path.parts:
            digest.update(path.relative_to(folder).as_posix().encode() + b'\0' + path.read_bytes())
    return digest.hexdigest()
