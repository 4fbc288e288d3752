"""Prediction a row of tiles at a time against the test of a network, which has the whole image."""

import numpy as np
import pytest
import torch
from torch import nn

from mmhsi.inference.tiled import count_parts, predict_tiles
from mmhsi.utils.tensor_tiles import run_by_tiles
from mmhsi.utils.tiling import BLENDS, TileGrid
from mmhsi.utils.windows import crop_window


class Scene:
    """A cube in memory."""

    def __init__(self, cube: np.ndarray, valid: np.ndarray | None = None):
        self.cube, (self.height, self.width) = cube, cube.shape[:2]
        self.valid = np.ones(cube.shape[:2], bool) if valid is None else valid

    def read(self, area) -> np.ndarray:
        return crop_window(self.cube, *area, pad_mode='reflect')

    def validity(self, *area) -> np.ndarray:
        return crop_window(self.valid, *area, pad_value=False)


def predicted(scene, network, grid, widest, start=0) -> np.ndarray:
    """The whole map, put together from the parts from ``start`` on; NaN elsewhere."""
    result, count = None, 0
    for area, values, _ in predict_tiles(scene, scene.read, lambda tiles, _: network(tiles), grid, 3, widest, start):
        top, left, height, width = area
        count += 1
        if values is None:
            continue
        scale = values.shape[1] // height
        if result is None:
            result = np.full((len(values), scale * scene.height, scale * scene.width), np.nan, np.float32)
        result[:, scale * top : scale * (top + height), scale * left : scale * (left + width)] = values
    assert count == count_parts(scene, grid, widest) - start
    return result


@pytest.fixture(scope='module')
def networks():
    """A network that sees a tile's border, and one that enlarges besides."""
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 5, padding=2), nn.Tanh(), nn.Conv2d(4, 2, 5, padding=2)
    return {
        1: nn.Sequential(*layers).requires_grad_(False),
        2: nn.Sequential(*layers, nn.Upsample(scale_factor=2, mode='bicubic')).requires_grad_(False),
    }


@pytest.mark.parametrize('layout, scale', [('even', 1), ('even', 2), ('repeated', 1), ('overhanging', 1)])
@pytest.mark.parametrize('blend', BLENDS)
def test_parts_are_those_of_the_test(networks, blend, layout, scale):
    cube = np.random.default_rng(0).normal(size=(23, 41, 3)).astype(np.float32)
    grid, scene = TileGrid((12, 10), (5, 4), blend, layout), Scene(cube)
    image = torch.from_numpy(cube).permute(2, 0, 1)[None]
    wanted = run_by_tiles(lambda tiles, _: networks[scale](tiles), image, grid)[0].numpy()
    for widest in (10, 100):
        found = predicted(scene, networks[scale], grid, widest)
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    resumed = predicted(scene, networks[scale], grid, 25, start=5)
    begun = ~np.isnan(resumed)
    assert not begun.all() and begun.any()
    np.testing.assert_array_equal(resumed[begun], predicted(scene, networks[scale], grid, 25)[begun])


def test_tiles_without_data_do_not_change_the_others(networks):
    cube = np.random.default_rng(0).normal(size=(31, 57, 3)).astype(np.float32)
    valid = np.zeros((31, 57), bool)
    valid[3:9, 2:5] = valid[20:, 40:] = True
    grid = TileGrid((12, 10), (5, 4), 'smooth')
    found, every = (predicted(Scene(cube, mask), networks[1], grid, 100) for mask in (valid, None))
    np.testing.assert_array_equal(found[:, valid], every[:, valid])
