"""Several scenes of one config: lists, patterns and folders of cubes, with their label maps."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmhsi.datasets.io.folders import scene_files
from mmhsi.datasets.io.products import product_title
from mmhsi.datasets.io.sources import is_address
from mmhsi.registry import TASK_UTILS
from mmhsi.utils.text import listed

_PATTERN = re.compile(r'[*?]|\[[^\]]+\]')
_PER_SCENE = ('labels', 'coarse')


def scene_names(names: Sequence[str] | str, exclude: Sequence[str] = ()) -> list[str]:
    """Names of scenes, given directly or in a text file, separated by commas, blanks or line breaks.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If there is no name, a name occurs twice, or ``exclude`` contains an unknown name.
    """
    source = 'the list of scenes'
    if isinstance(names, str):
        source = names
        names = [name for name in re.split(r'[\s,;]+', Path(names).read_text(encoding='utf-8')) if name]
    if len(set(names)) != len(names):
        raise ValueError(f'{source}: {next(name for name in names if list(names).count(name) > 1)!r} occurs twice')
    unknown = [name for name in exclude if name not in names]
    if unknown:
        raise ValueError(f'{source}: {unknown[0]!r} is to be left out, but is not among {", ".join(names)}')
    kept = [name for name in names if name not in exclude]
    if not kept:
        raise ValueError(f'{source}: there is no scene')
    return kept


def fill_name(value, name: str):
    """A copy of a part of a config in which '{name}' is replaced in every string."""
    if isinstance(value, str):
        return value.replace('{name}', name)
    if isinstance(value, Mapping):
        return {key: fill_name(item, name) for key, item in value.items()}
    return [fill_name(item, name) for item in value] if isinstance(value, (list, tuple)) else value


def scene_configs(scene: Mapping) -> list[dict]:
    """The configs of the scenes that the config of a scene stands for.

    These are several if ``image``, or the ``path`` in it, is a list, a pattern such as 'tiles/*.tif', or a folder that
    is no sensor product; the scenes of a folder are those of :func:`mmhsi.datasets.io.folders.scene_files`. ``labels``
    and ``coarse`` are then given for each scene: as a list of the same length, or as a pattern or a folder of files
    whose names fit those of the cubes. In all other strings '{name}' stands for the name of a scene, which is that of
    its file without suffix, preceded by the folder if several files have the same name.

    ``image`` of a :class:`mmhsi.datasets.PairScene` is a list of pairs, or a pair in which both dates are a folder, a
    pattern, or a dict whose ``path`` is a list; the files of the second date are matched like label maps. A pair has
    the name of its first date.

    Args:
        scene (Mapping): The config.

    Returns:
        list[dict]: One config for each scene, with its ``name``; the config itself if it is of one scene.

    Raises:
        FileNotFoundError: If there is no file in the folder, or none fits the pattern.
        ValueError: If files occur twice, or labels, dates and cubes do not fit each other.
    """
    root, image = scene.get('data_root'), scene.get('image')
    if _is_of_pairs(scene) and isinstance(image, (list, tuple)):
        images = pairs = _pairs(image, root)
    else:
        images, pairs = _expanded(image, root, cubes=True), None
    if images is None:
        return [dict(scene)]
    firsts = images if pairs is None else [first for first, _ in pairs]
    names = _names(firsts)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f'the image of the scenes names {repeated[0]!r} twice')
    common = {key: value for key, value in scene.items() if key not in ('image', 'name', *_PER_SCENE)}
    prefix = f'{scene["name"]}_' if scene.get('name') else ''
    configs = [
        {**fill_name(common, name), 'image': image, 'name': prefix + name}
        for image, name in zip(images, names, strict=True)
    ]
    for key in _PER_SCENE:
        for config, value in zip(configs, _of_each(scene.get(key), names, firsts, root, key), strict=True):
            if value is not None:
                config[key] = value
    return configs


def image_sources(scene: Mapping) -> list:
    """The images that the config of a scene stands for, one by one, with both dates of pairs.

    Args:
        scene (Mapping): The config.

    Returns:
        list: Paths, and dicts with a ``path``; without those of folders and patterns that cannot be resolved.
    """
    try:
        configs = scene_configs({**scene, 'labels': None, 'coarse': None})
    except (ValueError, OSError):
        configs = [dict(scene)]
    images = [config.get('image') for config in configs]
    flat = [each for image in images for each in (image if isinstance(image, (list, tuple)) else [image])]
    return [each for each in flat if isinstance(_path_of(each), (str, os.PathLike))]


def _is_of_pairs(scene: Mapping) -> bool:
    kind = scene.get('type')
    return bool(getattr(TASK_UTILS.get(kind) if isinstance(kind, str) else kind, 'pairs', False))


def _pairs(image: Sequence, root: str | None) -> list[tuple] | None:
    """The pairs of dates that an image stands for; None if it is a single pair, or none, which the scene reports."""
    if not image:
        return None
    if all(isinstance(item, (list, tuple)) for item in image) and (len(image) != 2 or len(image[0]) == 2):
        wrong = next((item for item in image if len(item) != 2), None)
        if wrong is not None:
            raise ValueError(f'a pair of dates consists of two cubes, found {len(wrong)}: {wrong!r}')
        return [tuple(item) for item in image]
    if len(image) != 2:
        return None
    firsts, seconds = (_expanded(source, root, cubes=True) for source in image)
    if firsts is None and seconds is None:
        return None
    if firsts is None:
        raise ValueError(f'the first date is one file, {_path_of(image[0])!r}, the second stands for {len(seconds)}')
    names = [_stem(first) for first in firsts]
    return list(zip(firsts, _of_each(image[1], names, firsts, root, 'the second date', cubes=True), strict=True))


def _path_of(source) -> object:
    return source.get('path') if isinstance(source, Mapping) else source


def _with_path(source, path) -> object:
    return {**source, 'path': path} if isinstance(source, Mapping) else path


def _expanded(source, root: str | None, cubes: bool) -> list | None:
    """The sources that a list, a pattern or a folder stands for, None for a single one."""
    path = _path_of(source)
    if isinstance(path, (list, tuple)):
        return [_with_path(source, item) for item in path]
    if not isinstance(path, (str, os.PathLike)) or '{name}' in os.fspath(path) or is_address(os.fspath(path)):
        return None
    path = os.fspath(path)
    whole = os.path.join(root or '', path)
    if os.path.isdir(whole) and not (cubes and product_title(whole) is not None):
        found = [os.path.relpath(file, root or '.') if root else str(file) for file in _in_folder(whole, cubes)]
        below = sorted(entry.name for entry in os.scandir(whole) if entry.is_dir() and not entry.name.startswith('.'))
        what = 'the folder holds no scene' + (f'; name one of its folders: {", ".join(below[:5])}' if below else '')
    elif _PATTERN.search(path) and not os.path.exists(whole):
        found = sorted(glob.glob(path, root_dir=root or None, recursive=True), key=_natural)
        found = [name for name in found if not _beside(name, found)]
        what = 'no file fits this pattern'
    else:
        return None
    if not found:
        raise FileNotFoundError(f'{whole}: {what}')
    return [_with_path(source, item) for item in found]


def _beside(name: str, found: Sequence[str]) -> bool:
    """Whether a file that fits a pattern is the header or a sidecar of another."""
    stem, suffix = os.path.splitext(name)
    if suffix.lower() == '.hdr':
        return any(other != name and other in (stem, stem + os.path.splitext(other)[1]) for other in found)
    return suffix.lower() in ('.xml', '.ovr', '.msk', '.enp')


def _in_folder(folder: str, cubes: bool) -> list[Path]:
    return sorted(scene_files(folder, pictures=not cubes), key=lambda path: _natural(path.name))


def _natural(name: str) -> list:
    return [(0, int(part), '') if part.isdigit() else (1, 0, part) for part in re.split(r'(\d+)', name)]


def _stem(source) -> str | None:
    path = _path_of(source)
    return Path(path).stem if isinstance(path, (str, os.PathLike)) else None


def _names(images: Sequence) -> list[str]:
    stems = [_stem(image) or f'scene {number}' for number, image in enumerate(images)]
    return [
        f'{Path(_path_of(image)).parent.name}_{stem}' if stems.count(stem) > 1 and _stem(image) is not None else stem
        for image, stem in zip(images, stems, strict=True)
    ]


def _of_each(source, names: Sequence[str], images: Sequence, root: str | None, what: str, cubes: bool = False) -> list:
    """``labels``, ``coarse`` or the second date of each scene."""
    if source is None or (isinstance(source, Mapping) and 'path' not in source):
        return [source] * len(names)  # such as dict(detector='rx')
    if isinstance(_path_of(source), str) and '{name}' in _path_of(source):
        return [fill_name(source, name) for name in names]
    if isinstance(source, np.ndarray):
        raise ValueError(f'{what}: one array is given for {len(names)} scenes, expected a list of arrays')
    given = isinstance(_path_of(source), (list, tuple))
    found = _expanded(source, root, cubes)
    if found is None:
        raise ValueError(
            f'{what}: {_path_of(source)!r} is one file for {len(names)} scenes, expected a list, a folder, a pattern, '
            "or a name with '{name}' in it"
        )
    if given:
        if len(found) != len(names):
            raise ValueError(f'{what}: {len(found)} are given for {len(names)} scenes')
        return found
    return match_files(found, images, what)


def match_files(found: Sequence, images: Sequence, what: str) -> list:
    """The files whose names fit those of the cubes: the same, or the same except for words that all have in common.

    Args:
        found (Sequence): Files, or dicts with their ``path``.
        images (Sequence): The cubes.
        what (str): What the files are, for the message.

    Raises:
        ValueError: If a cube has no file, or several.
    """
    stems = [_stem(image) for image in images]
    candidates = [_stem(source) for source in found]
    for own, others in ((stems, candidates), (_distinctive(stems), _distinctive(candidates))):
        by_name: dict = {}
        for name, source in zip(others, found, strict=True):
            by_name.setdefault(name, []).append(source)
        if all(len(by_name.get(name, ())) == 1 for name in own) and len(set(own)) == len(own):
            return [by_name[name][0] for name in own]
    missing = [name for name in stems if name not in candidates]
    raise ValueError(
        f'{what}: no file is named after the scene {missing[0] if missing else stems[0]!r}; there are '
        f'{listed(list(map(repr, candidates)), 8)}; give a list, or a name '
        "with '{name}' in it"
    )


def _distinctive(stems: Sequence[str]) -> list[str]:
    """Names without the words at their beginning and end that all of them share."""
    words = [re.split(r'[_\-. ]+', stem) for stem in stems]
    shortest = min(map(len, words))
    first = next((index for index in range(shortest) if len({parts[index] for parts in words}) > 1), 0)
    last = next((index for index in range(1, shortest + 1) if len({parts[-index] for parts in words}) > 1), 1) - 1
    return ['_'.join(parts[first : len(parts) - last]) for parts in words]
