"""Running a network by tiles; see also the tests of restorers and segmentors."""

import numpy as np
import pytest
import torch

from mmhsi.utils.tensor_tiles import pad_at_least, run_by_tiles
from mmhsi.utils.tiling import BLENDS, TileGrid


@pytest.mark.parametrize('size', [(7, 9), (3, 20), (16, 2)])
def test_padding_equals_numpy(size):
    images = torch.rand(2, 3, 4, 5)
    missing = [max(wanted - side, 0) for wanted, side in zip(size, (4, 5), strict=True)]
    for padding, mode in (('reflect', 'reflect'), ('symmetric', 'symmetric'), ('zeros', 'constant')):
        wanted = np.pad(images.numpy(), [(0, 0), (0, 0), *((0, extra) for extra in missing)], mode=mode)
        np.testing.assert_array_equal(pad_at_least(images, size, padding), wanted)


def test_a_large_image_is_left_alone():
    images = torch.rand(1, 2, 6, 7)
    assert pad_at_least(images, (6, 3)) is images


def test_an_unknown_padding_is_named():
    with pytest.raises(ValueError, match="not 'edge'"):
        pad_at_least(torch.rand(1, 1, 2, 2), (3, 3), 'edge')


@pytest.mark.parametrize('layout', ['even', 'stepped', 'repeated', 'overhanging'])
@pytest.mark.parametrize('blend', BLENDS)
@pytest.mark.parametrize('size', [(13, 21), (4, 30), (3, 2)])
def test_tiles_of_a_pixelwise_network_give_the_whole(size, blend, layout):
    images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    weight = torch.tensor([[1.0, -2, 0], [0.5, 1, 3]])
    network = lambda x, _=None: torch.einsum('kc,bchw->bkhw', weight, x).square()  # noqa: E731
    found = run_by_tiles(network, images, TileGrid((4, 6), (3, 2), blend, layout), tile_batch=5)
    torch.testing.assert_close(found, network(images))
    # of a constant image every pixel is the same, to the last bit
    constant = run_by_tiles(network, torch.full((1, 3, *size), 1 / 3), TileGrid((4, 6), (3, 2), blend, layout))
    assert torch.equal(constant, constant[..., :1, :1].expand_as(constant))


def test_networks_get_the_positions_of_the_padded_image():
    seen = []

    def network(tiles, places):
        seen.extend(places)
        return torch.cat([torch.full((2, 1, 4, 4), float(top * 100 + left)) for top, left in places])

    found = run_by_tiles(network, torch.zeros(2, 1, 3, 8), TileGrid(4), tile_batch=2)
    assert seen == [(0, 0), (0, 4)] and found.shape == (2, 1, 3, 8)
    assert found[1, 0, 2].tolist() == [0] * 4 + [4] * 4
