"""Find scenes in a folder, distribute them over the parts of a conversion, and read them strip by strip."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmhsi.datasets.io import CubeReadError
from mmhsi.datasets.io.cube import open_reader
from mmhsi.datasets.io.products import products_in
from mmhsi.datasets.tile_shards.settings import ShardSettings

BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class SceneFiles:
    """The files of one scene.

    Args:
        name (str): Name of the scene: its path below the source folder without suffix, or its group.
        paths (tuple[str]): Files below the source folder, in the order of their bands or tiles.
    """

    name: str
    paths: tuple[str, ...]


def find_scenes(root: str | Path, settings: ShardSettings) -> list[SceneFiles]:
    """All scenes below a folder, sorted by name, so that every part of a conversion sees the same list.

    A sensor product is one scene, whatever the suffixes of its files, unless ``settings.group`` matches them.

    Args:
        root (str | Path): The source folder.
        settings (ShardSettings): The suffixes, and how files are grouped.

    Returns:
        list[SceneFiles]: The scenes.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it holds no scene, or two files with the same scene name.
    """
    if not os.path.isdir(root):
        raise FileNotFoundError(f'{root}: no such folder of scenes')
    suffixes = tuple(suffix.lower() for suffix in settings.suffixes)
    groups = defaultdict(list)
    grouped = set()
    for path, title in _files_below(root, settings.group, suffixes):
        match = settings.group and title is None and re.search(settings.group, path)
        if title is not None:
            scene = os.path.join(os.path.dirname(path), title)
        else:
            scene = (match[1] if match else os.path.splitext(path)[0]).strip('/')
        groups[scene].append(path)
        if match:
            grouped.add(scene)
    if not groups:
        raise ValueError(f'{root}: no scene found, no file ends in one of {", ".join(suffixes)}')
    for name, paths in groups.items():
        if len(paths) > 1 and name not in grouped:
            raise ValueError(
                f'{root}: {" and ".join(sorted(paths))} are both named {name!r}; leave one out with '
                'suffixes=... in the config'
            )

    def position(path: str) -> tuple:
        base = os.path.basename(path)
        return next((i for i, word in enumerate(settings.band_order) if word in base), len(settings.band_order)), path

    return [SceneFiles(name, tuple(sorted(groups[name], key=position))) for name in sorted(groups)]


def _files_below(root: str | Path, group: str | None, suffixes: tuple[str, ...]) -> Iterator[tuple[str, str | None]]:
    """Paths from the source folder on: of sensor products with their title, and of other files of these suffixes."""

    def path(folder: str, name: str = '') -> str:
        return os.path.relpath(os.path.join(folder, name), root).replace(os.sep, '/')

    for folder, below, names in os.walk(root):
        products, claimed = products_in(folder)
        if group and any(re.search(group, os.path.relpath(entry, root)) for entry in products):
            products, claimed = {}, set()
        yield from ((path(entry), title) for entry, title in products.items())
        if claimed.issuperset(names) and products:
            below.clear()  # the folders in a product contain its parts
        for name in names:
            if not name.startswith('.') and name not in claimed and name.lower().endswith(suffixes):
                yield path(folder, name), None


class ScenePart:
    """One image of a scene: a file, or several files with bands of the same image.

    Args:
        root (str | Path): The source folder.
        names (Sequence[str]): The files below it.
        settings (ShardSettings): Key and layout of arrays, and the nodata value.

    Raises:
        CubeReadError: If a file cannot be read, or the files do not have the same size.
    """

    def __init__(self, root: str | Path, names: Sequence[str], settings: ShardSettings):
        self.name = names[0]
        self._readers = [
            open_reader(os.path.join(root, name), settings.key, settings.layout, products=len(names) == 1)
            for name in names
        ]
        infos = [reader.info for reader in self._readers]
        first = infos[0]
        for info in infos[1:]:
            if info.shape[:2] != first.shape[:2]:
                raise CubeReadError(
                    f'{info.path}: {info.height} x {info.width} pixels, but {first.path}, which holds '
                    f'other bands of the same scene, has {first.height} x {first.width}'
                )
        self.height, self.width = first.shape[:2]
        self.bands = sum(info.bands for info in infos)
        self.dtype = np.result_type(*(info.dtype for info in infos))
        self.nodata = first.nodata if settings.nodata is None else settings.nodata
        if np.ndim(self.nodata):
            raise CubeReadError(
                f'{first.path}: the bands have different nodata values; name one with nodata=... in the config'
            )
        self.crs, self.transform = first.crs, first.transform
        self.bad_bands = np.concatenate(
            [np.zeros(info.bands, bool) if info.bad_bands is None else info.bad_bands for info in infos]
        )
        known = all(info.wavelengths is not None for info in infos)
        self.wavelengths = np.concatenate([info.wavelengths for info in infos]) if known else None

    @property
    def kind(self) -> str:
        """The properties that all images of a scene share."""
        return f'{self.bands} bands of type {self.dtype} with nodata {self.nodata}'

    def read(self, top: int, rows: int) -> np.ndarray:
        """Rows of the image, (rows, W, C); what a mask or the valid range rules out is nodata, or 0 if there is no such
        value."""
        window = (top, 0, rows, self.width)
        blocks = [reader.read(window) for reader in self._readers]
        for reader, block in zip(self._readers, blocks, strict=True):
            if reader.info.valid_range is not None or reader.info.further_nodata:
                block[reader.info.no_data(block)] = 0 if self.nodata is None else self.nodata
        values = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=-1)
        for reader in self._readers:
            valid = reader.read_mask(window)
            if valid is not None:
                values[~valid] = 0 if self.nodata is None else self.nodata
        return values

    def blocks(self) -> Iterator[np.ndarray]:
        """The whole image in blocks of rows that fit in memory."""
        rows = max(1, BLOCK_BYTES // (self.width * self.bands * self.dtype.itemsize))
        for top in range(0, self.height, rows):
            yield self.read(top, min(rows, self.height - top))

    def close(self) -> None:
        """Close the files; the next read reopens them."""
        for reader in self._readers:
            reader.close()


def open_parts(scene: SceneFiles, root: str | Path, settings: ShardSettings) -> tuple[list[ScenePart], dict[str, str]]:
    """Open the images of a scene.

    Args:
        scene (SceneFiles): The scene.
        root (str | Path): The source folder.
        settings (ShardSettings): The settings.

    Returns:
        tuple: The images that can be read, and the error messages by file for the others: damaged files, and tiles
        whose bands or type differ from the first tile.
    """
    members = [scene.paths] if settings.combine == 'bands' else [(path,) for path in scene.paths]
    parts, failed = [], {}
    for paths in members:
        try:
            part = ScenePart(root, paths, settings)
            if parts and part.kind != parts[0].kind:
                raise CubeReadError(
                    f'{part.name}: {part.kind}, but {parts[0].name} of the same scene has {parts[0].kind}'
                )
        except (CubeReadError, OSError) as error:
            failed[paths[0]] = str(error)
            continue
        if len(members) > 1:
            part.close()  # otherwise the values of hundreds of .mat tiles would stay in memory
        parts.append(part)
    return parts, failed
