"""The records of the shards in a folder, and the index that lists them all.

A folder of shards holds::

    scenes.json            the names of all scenes of the source, and the settings
    shards/<scene>.npy     the tiles of a scene, (N, C, t, t)
    shards/<scene>.json    its record: sources, bands, wavelengths, georeference, positions and checksums of the tiles,
                           counts of what was left out, mean and variance of the bands
    index.json             the part of all records that a dataset needs

A record is written after its tiles, so a scene with a record is finished. The format is plain .npy because a window of
a memory map is read without a copy and without a library, a file for each scene can be written by any number of
processes at once and be replaced separately, and tiles stored as (bands, rows, columns) make consecutive bands one
contiguous range of the file. zarr would add a dependency, and a file for each chunk or a codec for each read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mmhsi.datasets.tile_shards.writer import write_json
from mmhsi.utils.files import PART_SUFFIX, parse_json
from mmhsi.utils.folder_lock import FolderBusyError, FolderLock
from mmhsi.utils.text import listed

FORMAT = 'mmhsi tile shards 1'
INDEX, PLAN, SHARDS = 'index.json', 'scenes.json', 'shards'
# what is raised by a record whose values are of other kinds than those that a conversion writes
NO_RECORD = (AttributeError, IndexError, KeyError, MemoryError, OverflowError, TypeError, ValueError)
_RECORD_ONLY = ('moments', 'checksums', 'settings', 'source_bytes', 'source_files')


def shard_path(out: str | Path, scene: str) -> Path:
    """File of the tiles of a scene.

    Raises:
        ValueError: If the name, which may come from a file, points outside the folder.
    """
    if not isinstance(scene, str) or {'', '.', '..'} & set(scene.split('/')) or '\0' in scene:
        raise ValueError(f'{out}: {scene!r} is not a valid scene name')
    return Path(out, SHARDS, *scene.split('/')).with_name(scene.rsplit('/', 1)[-1] + '.npy')


def record_path(out: str | Path, scene: str) -> Path:
    """File of the record of a scene."""
    return shard_path(out, scene).with_suffix('.json')


def read_json(path: Path) -> dict:
    """Read a file of this format.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it is damaged or has another format.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file')
    try:
        content = parse_json(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'{path}: the file is damaged: {error}') from None
    if not isinstance(content, dict) or content.get('format') != FORMAT:
        raise ValueError(f'{path}: the file does not have the format {FORMAT!r}')
    return content


def planned_scenes(out: str | Path) -> list[str]:
    """Names of all scenes that belong to a folder of shards."""
    return read_json(Path(out, PLAN))['scenes']


def records(out: str | Path) -> Iterator[dict]:
    """The records of all scenes, in the order of their names.

    Raises:
        ValueError: If a scene is not converted yet.
    """
    scenes = planned_scenes(out)
    missing = [scene for scene in scenes if not record_path(out, scene).is_file()]
    if missing:
        raise ValueError(
            f'{out}: {len(missing)} of {len(scenes)} scenes are not converted yet: {listed(missing)}; run '
            'the conversion again, finished scenes are not repeated'
        )
    for scene in scenes:
        yield read_json(record_path(out, scene))


def merge(out: str | Path) -> dict:
    """Write the index of a finished conversion.

    Temporary files of interrupted processes are removed, unless a conversion is running.

    Args:
        out (str | Path): The folder of shards.

    Returns:
        dict: The index: 'shards' (records without checksums and moments, of scenes with at least one tile), 'tiles'
        (their number), 'skipped' (number of tiles left out, by reason) and 'failed' (error message by source file).

    Raises:
        ValueError: If a scene is not converted yet, or scenes were converted with different settings.
    """
    shards, skipped, failed, settings = [], Counter(), {}, None
    for record in records(out):
        skipped.update(record['skipped'])
        failed.update(record['failed'])
        if settings is None:
            settings = record['settings']
        if record['settings'] != settings:
            raise ValueError(
                f'{record_path(out, record["scene"])}: the scene was converted with other settings than '
                'the first one; run the conversion again'
            )
        if record['tiles']['row']:
            shards.append({name: value for name, value in record.items() if name not in _RECORD_ONLY})
    index = {
        'format': FORMAT,
        'settings': settings,
        'tiles': sum(len(shard['tiles']['row']) for shard in shards),
        'skipped': dict(sorted(skipped.items())),
        'failed': failed,
        'shards': shards,
    }
    write_json(Path(out, INDEX), index)
    with suppress(FolderBusyError), FolderLock(out, 'the merge of a conversion'):
        for left_over in Path(out).rglob('.*' + PART_SUFFIX):
            left_over.unlink(missing_ok=True)
    return index
