"""Mean and standard deviation of the bands of each sensor, over all tiles of a folder of shards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mmhsi.datasets.tile_shards.index import FORMAT, NO_RECORD, records
from mmhsi.datasets.tile_shards.writer import whole_file
from mmhsi.utils.moments import BandMoments

STATISTICS = 'statistics.json'


def write_statistics(out: str | Path) -> list[dict]:
    """Merge the statistics of each scene that the conversion stored, and write them to ``statistics.json``.

    They were computed while the tiles were written, from the stored pixels with data, so no tile is read again. Scenes
    with the same number of bands in the source count as one sensor; a band that was left out in some scenes has the
    statistics of the others.

    Args:
        out (str | Path): The folder of shards.

    Returns:
        list[dict]: For each sensor 'source_bands', 'tiles', and by band 'count' (pixels), 'mean' and 'std'. Bands
        without any tile have count 0 and mean and std None.

    Raises:
        ValueError: If a scene is not converted yet, or there is no tile.
    """
    sensors, tiles = {}, {}
    for record in records(out):
        try:
            bands = record['source_bands']
            if not record['shape'][0]:
                continue
            moments = sensors.setdefault(bands, BandMoments(bands))
            moments.merge(
                **{name: np.asarray(values) for name, values in record['moments'].items()},
                bands=np.asarray(record['bands']),
            )
            tiles[bands] = tiles.get(bands, 0) + record['shape'][0]
        except NO_RECORD as error:
            raise ValueError(
                f'{out}: the record of the scene {record.get("scene")!r} is damaged: {type(error).__name__}: {error}'
            ) from error
    if not sensors:
        raise ValueError(f'{out}: there are no tiles to compute statistics from')

    def known(values: np.ndarray, count: np.ndarray) -> list[float | None]:
        return [float(value) if number else None for value, number in zip(values, count, strict=True)]

    statistics = [
        {
            'source_bands': bands,
            'tiles': tiles[bands],
            'count': moments.count.tolist(),
            'mean': known(moments.mean, moments.count),
            'std': known(moments.std, moments.count),
        }
        for bands, moments in sorted(sensors.items())
    ]
    with whole_file(Path(out, STATISTICS)) as stream:
        stream.write(json.dumps({'format': FORMAT, 'sensors': statistics}, indent=1).encode())
    return statistics
