"""Options of the super-resolution head, networks that learn what the bicubic image lacks, and tiles of any image."""

import pytest
import torch
from torch import nn

from mmhsi.models import BicubicResidual, SuperResolutionHead
from mmhsi.models.restorers import restore_by_tiles
from mmhsi.registry import MODELS
from mmhsi.utils.imresize import imresize

BANDS = 5


@MODELS.register_module()
class SmallEnlarger(nn.Sequential):
    """Two convolutions and a shuffle; a pixel of the result sees two pixels of the image to each side."""

    def __init__(self, scale, out_channels=BANDS):
        super().__init__(
            nn.Conv2d(BANDS, 8, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, out_channels * scale**2, 3, padding=1),
            nn.PixelShuffle(scale),
        )

    def init_weights(self):
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def head(**options):
    return SuperResolutionHead(num_bands=BANDS, in_channels=6, **{'scale': 4, **options})


def inputs(*size):
    size = size or (6, 7)
    return torch.rand(2, 6, *size), torch.rand(2, BANDS, *size)


@pytest.mark.parametrize('skip', ['add', 'concat'])
def test_a_residual_head_starts_at_the_bicubic_image_and_adds_to_it(skip):
    features, image = inputs()
    network = head(skip=skip, residual=True, width=12)
    torch.testing.assert_close(network(features, image), imresize(image, 4), rtol=0, atol=0)
    nn.init.normal_(network.tail.weight)
    plain = head(skip=skip, width=12)
    plain.load_state_dict(network.state_dict())
    torch.testing.assert_close(network(features, image), plain(features, image) + imresize(image, 4))


def test_the_width_replaces_the_bands_between_fusion_and_tail():
    network = head(width=12, skip='concat')
    assert {name: tuple(value.shape[:2]) for name, value in network.state_dict().items() if value.ndim == 4} == {
        'fusion.weight': (12, BANDS + 6),
        'upsample.0.weight': (48, 12),
        'upsample.2.weight': (48, 12),
        'skip.weight': (12, BANDS),
        'tail.weight': (BANDS, 24),
    }
    features, image = inputs()
    assert network(features, image).shape == (2, BANDS, 24, 28)
    assert head().upsample[0].in_channels == BANDS  # the reference's way is the default


def test_the_enlarged_image_must_fit():
    features, image = inputs()
    with pytest.raises(ValueError, match=r'must have the shape \(2, 5, 24, 28\), found \(2, 4, 24, 28\)'):
        head(width=12)(features, image, torch.rand(2, 4, 24, 28))


@pytest.mark.parametrize('scale', [2, 4])
def test_any_network_on_top_of_the_bicubic_image(scale):
    network = BicubicResidual(dict(type='SmallEnlarger', scale=scale), scale, last_layer='2')
    network.init_weights()
    image = inputs()[1]
    torch.testing.assert_close(network(image), imresize(image, scale), rtol=0, atol=0)
    assert network.network[0].weight.std() > 0.5  # but all other layers are initialised
    nn.init.normal_(network.network[2].weight)
    torch.testing.assert_close(network(image), network.network(image) + imresize(image, scale))
    torch.testing.assert_close(network(image, torch.zeros_like(imresize(image, scale))), network.network(image))


def test_a_network_that_does_not_fit_is_named():
    with pytest.raises(ValueError, match="SmallEnlarger has no convolution 'last'; its last one is '2'"):
        BicubicResidual(dict(type='SmallEnlarger', scale=2), 2, last_layer='last')
    with pytest.raises(ValueError, match=r'outputs \(2, 5, 12, 14\) for \(2, 5, 6, 7\), expected \(2, 5, 24, 28\)'):
        BicubicResidual(dict(type='SmallEnlarger', scale=2), 4)(inputs()[1])


@pytest.mark.parametrize('size', [(16, 16), (31, 24), (40, 33)])
def test_overlapping_tiles_leave_no_seam(size):
    """Two pixels at the border of a tile see its padding; where tiles overlap they count little."""
    network = BicubicResidual(dict(type='SmallEnlarger', scale=2), 2)
    image = inputs(*size)[1]
    whole = network(image)
    errors = {}
    for overlap in (0, 8):
        found = restore_by_tiles(network, image, (16, 16), overlap=overlap)
        assert found.shape == whole.shape
        errors[overlap] = (found - whole).square().mean().sqrt()
    if size == (16, 16):
        assert max(errors.values()) < 1e-6
    else:
        assert errors[8] < 0.5 * errors[0]


@pytest.mark.parametrize('size', [(3, 5), (1, 2), (7, 30)])
def test_an_image_smaller_than_a_tile(size):
    """It is mirrored to the size of a tile; its bicubic image is that of itself, up to the border."""
    network = BicubicResidual(dict(type='SmallEnlarger', scale=4), 4, last_layer='2')
    image = inputs(*size)[1]
    found = restore_by_tiles(network, image, (8, 8), overlap=2)
    torch.testing.assert_close(found, imresize(image, 4), rtol=0, atol=1e-5)
