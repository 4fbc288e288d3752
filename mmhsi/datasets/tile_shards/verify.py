"""Check a folder of shards: all files exist, with the recorded sizes and checksums."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import numpy as np

from mmhsi.datasets.tile_shards.index import (
    INDEX,
    NO_RECORD,
    SHARDS,
    planned_scenes,
    read_json,
    record_path,
    shard_path,
)
from mmhsi.datasets.tile_shards.parallel import run_parallel
from mmhsi.utils.files import PART_SUFFIX
from mmhsi.utils.identity import changes, data_files, identify
from mmhsi.utils.npy_file import NpyFile
from mmhsi.utils.progress import progress_bar
from mmhsi.utils.text import listed


def _header_problem(path: Path, record: dict) -> str | None:
    try:
        with NpyFile(path) as array:
            shape, dtype = array.shape, array.dtype
    except (ValueError, OSError) as error:
        return f'{path}: the file cannot be read: {error}'
    if list(shape) != record['shape'] or dtype.str != record['dtype']:
        return (
            f'{path}: the header states {shape} values of type {dtype}, the record {tuple(record["shape"])} of '
            f'type {np.dtype(record["dtype"])}'
        )
    return None


def verify_shard(out: str | Path, scene: str) -> tuple[list[str], int]:
    """Check the shard of a scene against its record: size, header, counts, and the checksum of each tile.

    Args:
        out (str | Path): The folder of shards.
        scene (str): Name of the scene.

    Returns:
        tuple[list[str], int]: A message for each problem, and the number of tiles.
    """
    path = shard_path(out, scene)
    try:
        record = read_json(record_path(out, scene))
    except FileNotFoundError:
        return [f'{path}: the scene is not converted'], 0
    except ValueError as error:
        return [str(error)], 0
    try:
        problem, tiles = _problem(out, scene, path, record)
    except NO_RECORD as error:
        return [f'{record_path(out, scene)}: the record is damaged: {type(error).__name__}: {error}'], 0
    return [problem] if problem else [], tiles


def _problem(out: str | Path, scene: str, path: Path, record: dict) -> tuple[str | None, int]:
    if not record['bytes']:
        return None, 0  # a scene that could not be read has no shard
    tiles = record['shape'][0]
    lengths = {len(values) for values in (*record['tiles'].values(), record['checksums'])}
    if lengths != {tiles}:
        return f'{record_path(out, scene)}: {tiles} tiles are recorded, but {sorted(lengths)} positions', tiles
    return _size_problem(path, record) or _header_problem(path, record) or _tile_problem(path, record), tiles


def _size_problem(path: Path, record: dict) -> str | None:
    if not path.is_file():
        return f'{path}: no such file, {record["shape"][0]} tiles are missing'
    size = path.stat().st_size
    if size == record['bytes']:
        return None
    state = 'cut off' if size < record['bytes'] else 'too long'
    return f'{path}: the file is {state}: it has {size} bytes, {record["bytes"]} were written'


def _tile_problem(path: Path, record: dict) -> str | None:
    tiles = record['shape'][0]
    tile_bytes = int(np.prod(record['shape'][1:])) * np.dtype(record['dtype']).itemsize
    damaged = []
    with open(path, 'rb') as stream:
        stream.seek(record['bytes'] - tiles * tile_bytes)
        try:
            for number, checksum in enumerate(record['checksums']):
                if zlib.crc32(stream.read(tile_bytes)) != checksum:
                    damaged.append(str(number))
        except OSError as error:
            return f'{path}: the file cannot be read: {error.strerror}'
    if not damaged:
        return None
    return f'{path}: {len(damaged)} of {tiles} tiles do not match their checksums: {listed(damaged)}'


def verify_sources(out: str | Path, scene: str, root: str | Path) -> str | None:
    """A message about the sources of a scene that have changed since it was converted; None if none has.

    Args:
        out (str | Path): The folder of shards.
        scene (str): Name of the scene.
        root (str | Path): The source folder.
    """
    try:
        files = read_json(record_path(out, scene)).get('source_files')
    except (FileNotFoundError, ValueError):
        return None  # reported for the shard
    if files is None:
        return None  # of an earlier version
    now = identify(
        dict.fromkeys(
            file for name in files for file in [os.path.join(root, name), *data_files(os.path.join(root, name))]
        ),
        root=root,
    )
    changed = changes(files, now)
    return f'{shard_path(out, scene)}: outdated: {listed(changed)} changed since; convert again' if (changed) else None


def verify(out: str | Path, workers: int = 1, root: str | Path | None = None) -> tuple[list[str], int]:
    """Check a folder of shards completely, reading every byte.

    Args:
        out (str | Path): The folder.
        workers (int): Number of processes. Defaults to 1.
        root (str | Path, optional): The source folder, whose files are compared with the converted ones. Defaults to
            None: only the shards are checked.

    Returns:
        tuple[list[str], int]: A message for each problem, none if there is none, and the number of tiles.

    Raises:
        FileNotFoundError: If it is not a folder of shards.
    """
    scenes = planned_scenes(out)
    problems, tiles = [], 0
    with progress_bar(what='verifying', unit='scenes', total=len(scenes)) as progress:
        for found, count in run_parallel(verify_shard, [(out, scene) for scene in scenes], workers):
            problems += found
            tiles += count
            progress.update()
    if root is not None:
        sources = run_parallel(verify_sources, [(out, scene, root) for scene in scenes], workers)
        problems += [problem for problem in sources if problem]
    expected = {str(file(out, scene)) for scene in scenes for file in (shard_path, record_path)}
    for folder, _, names in os.walk(Path(out, SHARDS)):
        for path in (os.path.join(folder, name) for name in names):
            if path.endswith(PART_SUFFIX):
                problems.append(f'{path}: left over by an interrupted conversion; --merge removes it')
            elif path not in expected:
                problems.append(f'{path}: does not belong to any scene of the source')
    try:
        indexed = read_json(Path(out, INDEX)).get('tiles')
        if indexed != tiles:
            problems.append(f'{Path(out, INDEX)}: the index lists {indexed} tiles, the records {tiles}; run --merge')
    except FileNotFoundError:
        problems.append(f'{Path(out, INDEX)}: there is no index; run --merge')
    except ValueError as error:
        problems.append(str(error))
    return sorted(problems), tiles
