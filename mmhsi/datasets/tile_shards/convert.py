"""Converting scenes to shards: one scene, and all scenes of a part in parallel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmhsi.datasets.io import CubeReadError
from mmhsi.datasets.tile_shards.index import FORMAT, PLAN, read_json, record_path, shard_path
from mmhsi.datasets.tile_shards.moments import BandMoments
from mmhsi.datasets.tile_shards.parallel import run_parallel
from mmhsi.datasets.tile_shards.quality import judge_tile, varying_bands
from mmhsi.datasets.tile_shards.settings import ShardSettings
from mmhsi.datasets.tile_shards.sources import SceneFiles, ScenePart, find_scenes, open_parts, scenes_of_part
from mmhsi.datasets.tile_shards.writer import ShardWriter, whole_file, write_json
from mmhsi.utils.tiling import TileGrid


def _stored_dtype(dtype: np.dtype) -> np.dtype:
    """Values are stored as they are, but for double precision, which no sensor has."""
    return np.dtype(np.float32) if dtype.kind == 'f' else dtype


def _kept_bands(scene: str, parts: list[ScenePart], failed: dict, settings: ShardSettings) -> np.ndarray:
    kept = settings.kept_bands(scene, parts[0].bands)
    kept = kept[~parts[0].bad_bands[kept]]  # what the files mark as bad
    if not settings.drop_constant_bands:
        return kept
    # tile files share a sensor but not a reference value, so a band is constant if it is so in each of them
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
            yield top, left, strip[:, left:left + size, kept]


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
            failed[part.name] = str(error)  # the tiles before the damage are whole and stay
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
    return {'bytes': 0, 'shape': [0, 0, 0, 0], 'dtype': '', 'bands': [], 'source_bands': 0, 'wavelengths': None,
            'nodata': None, 'sources': [], 'tiles': {'source': [], 'row': [], 'col': [], 'nodata': []}, 'checksums': [],
            'moments': {'count': [], 'mean': [], 'm2': []}, 'skipped': {}, 'failed': failed}


def _source_sizes(scene: SceneFiles, root: str | Path) -> dict[str, int]:
    paths = {path: Path(root, path) for path in scene.paths}
    return {path: file.stat().st_size if file.is_file() else -1 for path, file in paths.items()}


def _make_shard(scene: SceneFiles, root: str | Path, out: str | Path, settings: ShardSettings) -> dict:
    parts, failed = open_parts(scene, root, settings)
    kept = _kept_bands(scene.name, parts, failed, settings) if parts else ()
    if not parts:
        return _empty_record(failed)
    if not len(kept):
        return _empty_record({**failed, scene.paths[0]: f'{parts[0].name}: no band is left, all are listed as bad or '
                                                        'constant'})
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
        dict: Of the record, 'shape' (of the shard), 'skipped' (number of tiles left out, by reason) and 'failed'
        (sentence by source file that could not be read).

    Raises:
        OSError: If the shard cannot be written, e.g. because the disk is full.
    """
    head = {'format': FORMAT, 'scene': scene.name, 'source_bytes': _source_sizes(scene, root),
            'settings': settings.as_dict()}
    try:
        record = _make_shard(scene, root, out, settings)
        write_json(record_path(out, scene.name), {**head, **record})
        if not record['bytes']:
            shard_path(out, scene.name).unlink(missing_ok=True)  # of a source that could be read before
    except OSError as error:
        raise OSError(f'{shard_path(out, scene.name)}: the shard cannot be written: {error.strerror or error}; '
                      'finished scenes are kept, run the same command again when the cause is gone') from None
    return {name: record[name] for name in ('shape', 'skipped', 'failed')}


def finished_record(scene: SceneFiles, root: str | Path, out: str | Path, settings: ShardSettings) -> dict | None:
    """The record of a scene that need not be converted again.

    A scene is converted again if it has no record, its shard is not of the recorded size, its sources have changed in
    size, or some of them could not be read.

    Raises:
        ValueError: If it was converted with other settings.
    """
    path = record_path(out, scene.name)
    try:
        record = read_json(path)
    except (FileNotFoundError, ValueError):
        return None
    name = settings.difference(record['settings'])
    if name is not None:
        raise ValueError(f'{path}: the scene was converted with {name}={record["settings"].get(name)!r}, now it is '
                         f'{getattr(settings, name)!r}; choose another folder or the same settings')
    shard = shard_path(out, scene.name)
    whole = not record['bytes'] or (shard.is_file() and shard.stat().st_size == record['bytes'])
    if not whole or record['failed'] or record['source_bytes'] != _source_sizes(scene, root):
        return None
    return record


def convert(root: str | Path, out: str | Path, settings: ShardSettings, part: tuple[int, int] = (1, 1),
            workers: int = 1, report: Callable[[str], None] = tqdm.write) -> dict:
    """Convert the scenes of a folder, or of a part of it, that are not converted yet.

    Args:
        root (str | Path): The source folder, searched with all folders below.
        out (str | Path): The folder of shards; made if absent.
        settings (ShardSettings): The settings.
        part (tuple[int, int]): (I, N): convert the I-th of N parts. Defaults to everything.
        workers (int): Number of processes. Defaults to 1.
        report (Callable): Called with a sentence for each source that cannot be read.

    Returns:
        dict: Of this part, the numbers of 'scenes', of scenes 'converted' now, of 'tiles', of 'failed' files, and
        'skipped', the numbers of tiles left out by reason.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If the folder holds no scene, or ``out`` holds shards of other settings.
        OSError: If a shard cannot be written.
        RuntimeError: If the system killed a worker.
    """
    scenes = find_scenes(root, settings)
    mine = scenes_of_part(scenes, part)
    totals, skipped = Counter(), Counter()

    def count(result: dict) -> None:
        totals.update(tiles=result['shape'][0], failed=len(result['failed']))
        skipped.update(result['skipped'])

    with tqdm(total=len(mine), unit=' scenes', desc='converting', dynamic_ncols=True) as progress:
        jobs = []
        for scene in mine:
            record = finished_record(scene, root, out, settings)
            if record is None:
                jobs.append((scene, root, out, settings))
            else:
                count(record)
                progress.update()
        write_json(Path(out, PLAN), {'format': FORMAT, 'scenes': [scene.name for scene in scenes]})
        for result in run_parallel(convert_scene, jobs, workers):
            count(result)
            for sentence in result['failed'].values():
                report(f'not converted: {sentence}')
            progress.set_postfix(tiles=totals['tiles'], refresh=False)
            progress.update()
    return {'scenes': len(mine), 'converted': len(jobs), 'tiles': totals['tiles'], 'failed': totals['failed'],
            'skipped': dict(sorted(skipped.items()))}
