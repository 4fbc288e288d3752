"""Converting scenes to shards: one scene, and all scenes of a part in parallel."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mmhsi.datasets.io import CubeReadError
from mmhsi.datasets.tile_shards.index import FORMAT, PLAN, read_json, record_path, shard_path
from mmhsi.datasets.tile_shards.parallel import run_parallel
from mmhsi.datasets.tile_shards.quality import judge_tile, varying_bands
from mmhsi.datasets.tile_shards.settings import ShardSettings
from mmhsi.datasets.tile_shards.sources import SceneFiles, ScenePart, find_scenes, open_parts
from mmhsi.datasets.tile_shards.verify import verify_shard
from mmhsi.datasets.tile_shards.writer import ShardWriter, whole_file, write_json
from mmhsi.utils.folder_lock import FolderBusyError, FolderLock
from mmhsi.utils.identity import Looks, changes, data_files, identify, told
from mmhsi.utils.moments import BandMoments
from mmhsi.utils.parts import part_of
from mmhsi.utils.progress import progress_bar, write_line
from mmhsi.utils.tiling import TileGrid

_SECONDS_TO_WAIT = 30.0  # waiting time while another conversion starts or ends
_SECONDS_TO_SAVE = 60.0  # between two saves of the records that were checked


def _stored_dtype(dtype: np.dtype) -> np.dtype:
    """Values are stored unchanged, except for double precision, which no sensor has."""
    return np.dtype(np.float32) if dtype.kind == 'f' else dtype


def _kept_bands(scene: str, parts: list[ScenePart], failed: dict, settings: ShardSettings) -> np.ndarray:
    kept = settings.kept_bands(scene, parts[0].bands)
    kept = kept[~parts[0].bad_bands[kept]]  # bands that the files mark as bad
    if not settings.drop_constant_bands:
        return kept
    # tile files share a sensor but not a reference value, so a band is constant if it is constant in each of them
    varying = np.zeros(parts[0].bands, dtype=bool)
    for part in list(parts):
        try:
            varying |= varying_bands(part.blocks(), part.nodata, settings.zero_is_nodata)
        except CubeReadError as error:
            failed[part.name] = str(error)
            parts.remove(part)
        if len(parts) > 1:
            part.close()
    return kept[varying[kept]]


def _strips(part: ScenePart, settings: ShardSettings, kept: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """Tiles (t, t, C) of the kept bands with their row and column; each row of the image is read once or twice."""
    size = settings.tile_size
    positions = TileGrid(size, settings.overlap).positions(part.height, part.width)
    for top in np.unique(positions[:, 0]).tolist():
        strip = part.read(top, size)
        for left in positions[positions[:, 0] == top, 1].tolist():
            yield top, left, strip[:, left : left + size, kept]


def _write_tiles(stream, parts: list[ScenePart], kept: np.ndarray, settings: ShardSettings, failed: dict) -> dict:
    size = settings.tile_size
    writer = ShardWriter(stream, (len(kept), size, size), _stored_dtype(parts[0].dtype))
    moments = BandMoments(len(kept))
    tiles = {name: [] for name in ('source', 'row', 'col', 'nodata')}
    skipped = Counter()

    def add(number: int, part: ScenePart) -> None:
        for row, col, tile in _strips(part, settings, kept):
            reason, valid = judge_tile(tile, part.nodata, settings)
            if reason is not None:
                skipped[reason] += 1
                continue
            writer.append(tile.transpose(2, 0, 1))
            moments.add_pixels(tile[valid])
            for name, value in zip(tiles, (number, row, col, round(float(1 - valid.mean()), 6)), strict=True):
                tiles[name].append(value)

    for number, part in enumerate(parts):
        if min(part.height, part.width) < size:
            skipped['too small'] += 1
            continue
        try:
            add(number, part)
        except CubeReadError as error:
            failed[part.name] = str(error)  # the tiles before the damage are complete and kept
        if len(parts) > 1:
            part.close()
    return {
        'bytes': writer.finish(),
        'shape': [len(writer.checksums), *writer.shape],
        'dtype': writer.dtype.str,
        'tiles': tiles,
        'checksums': writer.checksums,
        'moments': {'count': moments.count.tolist(), 'mean': moments.mean.tolist(), 'm2': moments.m2.tolist()},
        'skipped': dict(skipped),
        'failed': failed,
    }


def _empty_record(failed: dict) -> dict:
    return {
        'bytes': 0,
        'shape': [0, 0, 0, 0],
        'dtype': '',
        'bands': [],
        'source_bands': 0,
        'wavelengths': None,
        'nodata': None,
        'sources': [],
        'tiles': {'source': [], 'row': [], 'col': [], 'nodata': []},
        'checksums': [],
        'moments': {'count': [], 'mean': [], 'm2': []},
        'skipped': {},
        'failed': failed,
    }


def _source_files(scene: SceneFiles, root: str | Path, before: Mapping | None = None) -> dict[str, dict]:
    """Identity of all files that a scene is read from, by their names below the source folder."""
    files = dict.fromkeys(file for path in scene.paths for file in data_files(Path(root, path)) or [Path(root, path)])
    return identify(files, before, root)


def _make_shard(scene: SceneFiles, root: str | Path, out: str | Path, settings: ShardSettings) -> dict:
    parts, failed = open_parts(scene, root, settings)
    kept = _kept_bands(scene.name, parts, failed, settings) if parts else ()
    if not parts:
        return _empty_record(failed)
    if not len(kept):
        return _empty_record(
            {**failed, scene.paths[0]: f'{parts[0].name}: no band is left, all are listed as bad or constant'}
        )
    wavelengths = parts[0].wavelengths
    if wavelengths is None:
        wavelengths = settings.stated_wavelengths(scene.name, parts[0].bands)
    with whole_file(shard_path(out, scene.name)) as stream:
        record = _write_tiles(stream, parts, kept, settings, failed)
    for part in parts:
        part.close()
    return {
        **record,
        'bands': kept.tolist(),
        'source_bands': parts[0].bands,
        'wavelengths': None if wavelengths is None else wavelengths[kept].tolist(),
        'nodata': parts[0].nodata,
        'sources': [{'path': part.name, 'crs': part.crs, 'transform': part.transform} for part in parts],
    }


def convert_scene(scene: SceneFiles, root: str | Path, out: str | Path, settings: ShardSettings) -> dict:
    """Write the shard and the record of a scene.

    Args:
        scene (SceneFiles): The scene.
        root (str | Path): The source folder.
        out (str | Path): The folder of shards.
        settings (ShardSettings): The settings.

    Returns:
        dict: From the record, 'shape' (of the shard), 'skipped' (number of tiles left out, by reason) and 'failed'
        (error message by source file); 'scene', its name, and 'look', which lets :func:`finished_record` skip reading
        the source and the shard again.

    Raises:
        OSError: If the shard cannot be written, e.g. because the disk is full.
    """
    sources = _source_files(scene, root)
    head = {'format': FORMAT, 'scene': scene.name, 'source_files': told(sources), 'settings': settings.as_dict()}
    try:
        record = _make_shard(scene, root, out, settings)
        write_json(record_path(out, scene.name), {**head, **record})
        if not record['bytes']:
            shard_path(out, scene.name).unlink(missing_ok=True)  # of a source that was readable before
    except OSError as error:
        raise OSError(
            f'{shard_path(out, scene.name)}: the shard cannot be written: {error.strerror or error}; '
            'finished scenes are kept; run the same command again once the cause is fixed'
        ) from None
    return {
        **{name: record[name] for name in ('shape', 'skipped', 'failed')},
        'scene': scene.name,
        'look': {'sources': sources, 'shard': _shard_look(out, scene.name)},
    }


def _shard_look(out: str | Path, scene: str) -> list | None:
    """Evidence that a shard has not been touched since; None if there is none."""
    try:
        status = os.stat(shard_path(out, scene))
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino] if os.name == 'posix' else None


def finished_record(
    scene: SceneFiles, root: str | Path, out: str | Path, settings: ShardSettings, look: dict | None = None
) -> dict | None:
    """The record of a scene if it need not be converted again.

    A scene is converted again if it has no record, the content of its sources has changed, some of them could not be
    read, or the checksums of the tiles in its shard do not match.

    Args:
        scene, root, out, settings: See :func:`convert_scene`.
        look (dict, optional): The result of an earlier check of the scene, which is updated: files that have not been
            touched since are not read again.

    Raises:
        ValueError: If it was converted with other settings.
    """
    look = {} if look is None else look
    path = record_path(out, scene.name)
    try:
        record = read_json(path)
    except (FileNotFoundError, ValueError):
        return None
    name = settings.difference(record['settings'])
    if name is not None:
        raise ValueError(
            f'{path}: the scene was converted with {name}={record["settings"].get(name)!r}, now it is '
            f'{getattr(settings, name)!r}; choose another folder or the same settings'
        )
    if record['failed']:
        return None
    if 'source_files' in record:
        sources = _source_files(scene, root, look.get('sources'))
        if changes(record['source_files'], sources):
            return None
        look['sources'] = sources
    elif record.get('source_bytes') != {
        name: entry['bytes'] for name, entry in _source_files(scene, root).items() if name in scene.paths
    }:  # of an earlier version
        return None
    shard = _shard_look(out, scene.name)
    if record['bytes'] and (shard is None or shard != look.get('shard')):
        if verify_shard(out, scene.name)[0]:
            return None
        look['shard'] = shard
    return record


def _look_at(
    scene: SceneFiles, root: str | Path, out: str | Path, settings: ShardSettings, look: dict
) -> tuple[str, dict | None, dict]:
    """Name of a scene, the counts of its record if it is finished, and the result of the check."""
    record = finished_record(scene, root, out, settings, look)
    return scene.name, record and {name: record[name] for name in ('shape', 'skipped', 'failed')}, look


def convert(
    root: str | Path,
    out: str | Path,
    settings: ShardSettings,
    part: tuple[int, int] = (1, 1),
    workers: int = 1,
    report: Callable[[str], None] = write_line,
    read_again: bool = False,
) -> dict:
    """Convert the scenes of a folder, or of a part of it, that are not converted yet or whose source or shard has
    changed.

    Several parts may be converted at the same time.

    Args:
        root (str | Path): The source folder, searched recursively.
        out (str | Path): The folder of shards; created if missing.
        settings (ShardSettings): The settings.
        part (tuple[int, int]): (I, N): convert the I-th of N parts. Defaults to everything.
        workers (int): Number of processes. Defaults to 1.
        report (Callable): Called with a message for each source that cannot be read.
        read_again (bool): Whether sources and shards of finished scenes are read even if they have not been touched
            since. Defaults to False.

    Returns:
        dict: Of this part, the numbers of 'scenes', of scenes 'converted' now, of 'tiles', of 'failed' files, and
        'skipped', the numbers of tiles left out by reason.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If the folder holds no scene, or ``out`` contains shards with other settings, or another conversion
            is writing them.
        OSError: If a shard cannot be written.
        RuntimeError: If the system killed a worker.
    """
    scenes = find_scenes(root, settings)
    with _held(out, settings):
        return _convert(scenes, root, out, settings, part, workers, report, read_again)


@contextmanager
def _held(out: str | Path, settings: ShardSettings) -> Iterator[None]:
    """Lock a folder of shards, shared with other conversions with the same settings."""
    try:
        FolderLock(out, 'a conversion').release()
        alone = True
    except FolderBusyError:
        alone = False
    with FolderLock(out, 'a conversion', shared=True, wait=_SECONDS_TO_WAIT):
        plan = Path(out, PLAN)
        others = read_json(plan).get('settings') if not alone and plan.is_file() else None
        name = None if others is None else settings.difference(others)
        if name is not None:
            raise ValueError(
                f'{out}: another conversion is writing this folder with {name}={others.get(name)!r}, here '
                f'it is {getattr(settings, name)!r}; choose another folder or the same settings'
            )
        yield


def _convert(
    scenes: list[SceneFiles],
    root: str | Path,
    out: str | Path,
    settings: ShardSettings,
    part: tuple[int, int],
    workers: int,
    report: Callable[[str], None],
    read_again: bool,
) -> dict:
    mine = part_of(scenes, part)
    totals, skipped = Counter(), Counter()
    looks = Looks(f'{os.path.abspath(out)} {part}')

    def count(result: dict) -> None:
        totals.update(tiles=result['shape'][0], failed=len(result['failed']))
        skipped.update(result['skipped'])

    with progress_bar(what='converting', unit='scenes', total=len(mine)) as progress:
        waiting = {scene.name: scene for scene in mine}
        known = {} if read_again else looks.entries
        for name, record, look in run_parallel(
            _look_at, [(scene, root, out, settings, known.get(scene.name, {})) for scene in mine], workers
        ):
            looks.entries[name] = look
            if record is not None:
                del waiting[name]
                count(record)
                progress.update()
        jobs = [(scene, root, out, settings) for scene in waiting.values()]
        looks.save()
        write_json(
            Path(out, PLAN),
            {'format': FORMAT, 'scenes': [scene.name for scene in scenes], 'settings': settings.as_dict()},
        )
        saved = time.monotonic()
        for result in run_parallel(convert_scene, jobs, workers):
            count(result)
            looks.entries[result['scene']] = result['look']
            if time.monotonic() - saved > _SECONDS_TO_SAVE:
                looks.save()
                saved = time.monotonic()
            for sentence in result['failed'].values():
                report(f'not converted: {sentence}')
            progress.set_postfix(tiles=totals['tiles'], refresh=False)
            progress.update()
    looks.save()
    return {
        'scenes': len(mine),
        'converted': len(jobs),
        'tiles': totals['tiles'],
        'failed': totals['failed'],
        'skipped': dict(sorted(skipped.items())),
    }
