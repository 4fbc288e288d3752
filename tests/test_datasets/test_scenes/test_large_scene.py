"""A scene that is larger than the memory it may take: tiled, predicted in part, and written back."""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window
from sparse_scene import predict_part, resident, write_sparse_scene

SIDE, BANDS = 2048, 100  # 800 MiB
PART = (1024, 512, 128, 192)


@pytest.fixture(scope='module')
def scene(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('scene') / 'scene.tif'
    write_sparse_scene(path, SIDE, BANDS, PART)
    assert path.stat().st_blocks * 512 < 2**24
    return path


def test_a_part_is_predicted_and_written_in_little_memory(scene, tmp_path):
    before = resident()
    tiles, peak = predict_part(scene, tmp_path / 'map.tif', PART)
    assert tiles >= PART[2] * PART[3] / 64**2
    assert peak - before < 200 * 2**20 < SIDE * SIDE * BANDS * 2
    top, left, height, width = PART
    with rasterio.open(tmp_path / 'map.tif') as result, rasterio.open(scene) as source:
        assert (result.shape, result.transform, result.crs) == (source.shape, source.transform, source.crs)
        labels = result.read(1, window=Window(left, top, width, height))
        assert set(np.unique(labels)) <= {1, 2, 3} and len(np.unique(labels)) > 1
        assert not result.read(1, window=Window(0, 0, 256, 256)).any()  # nothing was predicted there
    assert os.path.getsize(tmp_path / 'map.tif') < SIDE * SIDE
