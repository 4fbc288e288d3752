"""Collecting the scenes to predict: files, folders, lists, arrays and pairs of dates, each with a unique name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmhsi.datasets.io.folders import SCENE_SUFFIXES, scene_files
from mmhsi.datasets.io.products import open_product, product_title
from mmhsi.datasets.io.sources import is_address
from mmhsi.datasets.scenes.scene_list import match_files
from mmhsi.utils.identity import array_digest, content_digest, data_files

_LIST_SUFFIXES = ('.txt', '.lst')


@dataclass(frozen=True)
class SceneInput:
    """One scene to predict.

    Attributes:
        image (Any): A dict of 'path', 'key' and 'layout', or of 'array' (H, W, C), and 'wavelengths'; for two dates a
            tuple of two of them.
        name (str): Prefix of the names of its products.
    """

    image: Any
    name: str

    @property
    def sources(self) -> tuple:
        """The images, one or two."""
        return self.image if isinstance(self.image, tuple) else (self.image,)

    @property
    def paths(self) -> list[str]:
        """The files of the images, '<array>' for an array in memory."""
        return ['<array>' if 'array' in source else os.fspath(source['path']) for source in self.sources]

    def check(self) -> None:
        """Raise a FileNotFoundError if a file does not exist."""
        for source in self.sources:
            if 'array' not in source and not is_address(source['path']) and not os.path.isfile(source['path']):
                raise FileNotFoundError(f'{source["path"]}: no such file')

    def identity(self) -> list:
        """Identities of all files of the scene, for JSON, to detect changes."""
        facts = []
        for source in self.sources:
            stated = [source.get('key'), source.get('layout')]
            if source.get('wavelengths') is not None:
                stated.append(list(map(float, source['wavelengths'])))
            if 'array' in source:
                facts.append([array_digest(source['array']), *stated])
                continue
            if is_address(source['path']):
                facts.append([source['path'], *stated])
                continue
            contents = {file: content_digest(file) for file in _files_of(source)}
            facts.append([source['path'], *stated, contents])
        return facts


def _files_of(source: Mapping) -> list[str]:
    """The files of an image: by their names, and those of a sensor product that its reader names."""
    path = source['path']
    found = dict.fromkeys(data_files(path))
    try:
        product = open_product(path, source.get('key'))
    except (OSError, ValueError):  # explained when the scene is opened
        product = None
    if product is not None:
        with product:
            found.update(dict.fromkeys((product.info.path, *product.info.companions)))
    return [file for file in found if os.path.isfile(file)]


def files_of(folder: str | Path) -> list[Path]:
    """The scenes of a folder as :func:`mmhsi.datasets.io.folders.scene_files` finds them.

    Raises:
        ValueError: If there is none.
    """
    kept = scene_files(folder)
    if not kept:
        raise ValueError(f'{folder}: the folder holds no scene; expected files with one of {", ".join(SCENE_SUFFIXES)}')
    return kept


def read_list(path: str | Path) -> list:
    """The scenes of a text file, one per line; a pair of dates is separated by a tab. Relative paths start from the
    folder of the list; empty lines and lines that begin with # are left out.

    Raises:
        ValueError: If there is none.
    """
    path = Path(path)
    scenes = []
    for line in path.read_text(encoding='utf-8').splitlines():
        if line.strip() and not line.lstrip().startswith('#'):
            parts = tuple(
                part.strip() if is_address(part.strip()) else str(path.parent / part.strip())
                for part in line.split('\t')
                if part.strip()
            )
            scenes.append(parts[0] if len(parts) == 1 else parts)
    if not scenes:
        raise ValueError(f'{path}: the list contains no scene')
    return scenes


def list_inputs(inputs: Any, pairs: bool = False, options: Mapping | None = None) -> list[SceneInput]:
    """Collect the scenes that a user gives.

    Args:
        inputs (Any): A path, an array (H, W, C), a folder, a text file with a list (.txt, .lst), or a sequence of
            these. For two dates a pair of paths, arrays or folders with files of the same names, or a sequence of
            pairs.
        pairs (bool): Whether the model compares two dates. Defaults to False.
        options (Mapping, optional): ``key`` and ``layout`` of the files, ``wavelengths`` of files and arrays.

    Returns:
        list[SceneInput]: The scenes.

    Raises:
        ValueError: If there is no scene, two have the same name, a key or a layout is given with an array, or a scene
            does not consist of two dates although the model compares two.
        TypeError: If an input is neither a path nor an array.
    """
    options = {key: value for key, value in (options or {}).items() if value is not None}
    images = _pairs(inputs) if pairs else _flat(inputs)
    names = _names([image[0] if pairs else image for image in images])

    def source(image: Any) -> dict:
        if not isinstance(image, np.ndarray):
            return dict(path=str(image), **options)
        told = [name for name in ('key', 'layout') if name in options]
        if told:
            raise ValueError(f'{" and ".join(told)} cannot be given with an array: its axes are (rows, columns, bands)')
        return dict(array=image, **options)

    return [
        SceneInput(tuple(map(source, image)) if pairs else source(image), name)
        for image, name in zip(images, names, strict=True)
    ]


def _flat(inputs: Any, lists: tuple[str, ...] = (), alone: bool = True) -> list:
    if isinstance(inputs, np.ndarray):
        return [inputs]
    if isinstance(inputs, (str, os.PathLike)):
        if os.path.isdir(inputs):
            return files_of(inputs) if alone else scene_files(inputs) or [inputs]
        if str(inputs).lower().endswith(_LIST_SUFFIXES) and os.path.isfile(inputs) and product_title(inputs) is None:
            path = os.path.realpath(inputs)
            if path in lists:
                raise ValueError(f'{inputs}: the list names itself, or a list that names it')
            return _flat(read_list(inputs), (*lists, path))
        return [inputs]
    if isinstance(inputs, Sequence):
        if not len(inputs):
            raise ValueError('there is no scene to predict: the list is empty')
        if any(isinstance(item, tuple) for item in inputs):
            raise ValueError('a pair of dates is given, but the model takes one scene at a time')
        alone = len(inputs) == 1  # beside others, a folder without scenes fails when it is opened
        return [image for item in inputs for image in _flat(item, lists, alone)]
    raise TypeError(f'a scene is a path or an array (H, W, C), found {type(inputs).__name__}')


def _single(item: Any) -> bool:
    return isinstance(item, (str, os.PathLike, np.ndarray))


def _pairs(inputs: Any) -> list[tuple]:
    if isinstance(inputs, (str, os.PathLike)) and str(inputs).lower().endswith(_LIST_SUFFIXES):
        inputs = read_list(inputs)
    elif _single(inputs) or not isinstance(inputs, Sequence):
        raise ValueError(
            f'the model compares two dates: expected a pair of scenes, found '
            f'{"one array" if isinstance(inputs, np.ndarray) else inputs}'
        )
    if not len(inputs):
        raise ValueError('there is no pair of scenes to predict: the list is empty')
    if len(inputs) == 2 and all(map(_single, inputs)):
        if all(not isinstance(item, np.ndarray) and os.path.isdir(item) for item in inputs):
            folders = [files_of(folder) for folder in inputs]
            if all(len(files) == 1 and product_title(files[0]) for files in folders):  # two dates have two names
                return [tuple(files[0] for files in folders)]
            return _paired(inputs, *folders)
        return [tuple(inputs)]
    for item in inputs:
        if _single(item) or len(item) != 2:
            raise ValueError(
                f'the model compares two dates: expected pairs of scenes, found '
                f'{"an array" if isinstance(item, np.ndarray) else item}'
            )
    return [tuple(item) for item in inputs]


def _paired(inputs: Sequence, firsts: list[Path], seconds: list[Path]) -> list[tuple]:
    """The pairs of two folders, matched by name as in a training."""
    try:
        if len(firsts) != len(seconds):
            raise ValueError(f'{len(firsts)} and {len(seconds)} files')
        return list(zip(firsts, match_files(seconds, firsts, 'the second date'), strict=True))
    except ValueError as error:
        alone = sorted({path.name for path in firsts} ^ {path.name for path in seconds})
        raise ValueError(
            f'{inputs[0]}, {inputs[1]}: expected files of the same names in both folders, found {alone[0]} in only one'
        ) from error


def _names(images: Sequence) -> list[str]:
    """A name for each scene: the stem of its file, prefixed by as many folders as needed to make it unique."""
    paths = [None if isinstance(image, np.ndarray) else Path(os.path.abspath(image)) for image in images]
    stems = [None if path is None else product_title(path) or path.stem for path in paths]
    names = [stem or f'scene_{number + 1}' for number, stem in enumerate(stems)]
    if len(images) == 1 and paths[0] is None:
        return ['scene']
    depth = 1
    while len(set(names)) < len(names):
        repeated = {name for name in names if names.count(name) > 1}
        longer = [
            '_'.join([*path.parts[-1 - depth : -1], stem]).replace(os.sep, '') if name in repeated and path else name
            for name, stem, path in zip(names, stems, paths, strict=True)
        ]
        depth += 1
        if longer == names or depth > 50:
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(
                f'two scenes are named {twice!r}: {", ".join(str(p) for p in paths if p)}; give each scene once'
            )
        names = longer
    return names
