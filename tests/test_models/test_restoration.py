"""Restoration networks and tiling, which need no mmagic."""

from pathlib import Path

import pytest
import torch
from narrow_low_level import BANDS, RESTORATION, SIZES, narrow_low_level
from narrow_models import build
from torch import nn

from mmhsi.models import RefinementTransformer, RestorationDataPreprocessor, RestorationHead, SuperResolutionHead
from mmhsi.models.restorers import restore_by_tiles
from mmhsi.utils.imresize import imresize

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures('quiet')


def images(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def network(name, **head):
    torch.manual_seed(0)
    cfg = narrow_low_level(name).generator
    cfg.head.update(head)
    return build(cfg)


@pytest.mark.parametrize('batch', [1, 2])
@pytest.mark.parametrize('name', RESTORATION)
def test_networks_train(name, batch):
    """A backward pass reaches every parameter; a small step along the gradient lowers the loss."""
    model = network(name).train()
    size = SIZES[name.split('_')[1]]
    x = images(batch, BANDS, size, size)
    target = images(batch, BANDS, size * model.scale, size * model.scale)

    def loss():
        torch.manual_seed(0)  # the same blocks are dropped each time
        return (model(x) - target).square().mean()

    first = loss()
    first.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    torch.optim.SGD(model.parameters(), lr=1e-3).step()
    assert loss() < first


@pytest.mark.parametrize('name', ['hypersigma-base_hsr', 'spatsigma-base_hsr'])
@pytest.mark.parametrize('scale', [2, 3, 4, 8])
def test_super_resolution_enlarges_by_every_scale(name, scale):
    model = network(name, scale=scale).eval()
    x = images(1, BANDS, 6, 6)
    with torch.no_grad():
        restored = model(x)
        torch.testing.assert_close(restored, model(x, imresize(x, scale)), rtol=0, atol=0)
        torch.testing.assert_close(model.enlarge(x), imresize(x, scale), rtol=0, atol=0)
        assert not torch.allclose(restored, model(x, imresize(x, scale) + 1), atol=1e-3)
    assert restored.shape == (1, BANDS, 6 * scale, 6 * scale) and model.scale == scale


def test_denoising_has_no_enlarged_image():
    model = network('spatsigma-base_hid')
    assert model.scale == 1 and model.enlarge(images(1, BANDS, 8, 8)) is None


@pytest.mark.parametrize('scale', [0, 1, 5, 6])
def test_other_scales_are_refused(scale):
    with pytest.raises(ValueError, match=f'power of two or 3, found {scale}'):
        SuperResolutionHead(BANDS, scale)


def test_head_fuses_the_image_first():
    """With kernels that pass values on, the result is a known sum."""
    head = RestorationHead(2, in_channels=3)
    for conv in (head.fusion, head.tail):
        nn.init.zeros_(conv.weight)
        nn.init.zeros_(conv.bias)
    head.fusion.weight.data[:, :, 1, 1] = torch.tensor([[1.0, 0, 10, 0, 0], [0, 1, 0, 0, 100]])
    head.tail.weight.data[:, :, 1, 1] = torch.eye(2)
    image, features = images(1, 2, 4, 4), images(1, 3, 4, 4)
    wanted = image + torch.stack([10 * features[:, 0], 100 * features[:, 2]], dim=1)
    torch.testing.assert_close(head(features, image), wanted)


@pytest.mark.parametrize('skip, wanted', [('add', 7.0), ('concat', 5 + 20.0)])
def test_skips_of_super_resolution(skip, wanted):
    """What is enlarged counts 5, what is skipped 2; the last convolution weighs the latter ten times when it can."""
    head = SuperResolutionHead(1, 2, skip)
    for conv in (head.fusion, head.upsample[0], head.skip, head.tail):
        nn.init.zeros_(conv.weight)
        nn.init.zeros_(conv.bias)
    nn.init.constant_(head.upsample[0].bias, 5.0)
    head.skip.weight.data[0, 0, 1, 1] = 1
    head.tail.weight.data[0, :, 1, 1] = torch.tensor([1.0, 10.0])[: head.tail.in_channels]
    restored = head(torch.zeros(1, 1, 3, 3), torch.full((1, 1, 3, 3), 2.0))
    torch.testing.assert_close(restored, torch.full((1, 1, 6, 6), wanted))


def test_bad_input_of_the_heads_is_named():
    head = SuperResolutionHead(2, 2)
    with pytest.raises(ValueError, match='built for 2 bands, the image has 3'):
        head(images(1, 2, 4, 4), images(1, 3, 4, 4))
    with pytest.raises(ValueError, match='features of 2x2 do not fit an image of 5x4 pixels'):
        head(images(1, 2, 2, 2), images(1, 2, 5, 4))
    with pytest.raises(ValueError, match=r'must have the shape \(1, 2, 8, 8\), found \(1, 2, 4, 4\)'):
        head(images(1, 2, 4, 4), images(1, 2, 4, 4), images(1, 2, 4, 4))
    with pytest.raises(ValueError, match="'add' or 'concat', found 'none'"):
        SuperResolutionHead(2, 2, skip='none')


def test_positions_of_a_refinement_are_interpolated_for_another_size():
    torch.manual_seed(0)
    layer = RefinementTransformer(8, in_channels=3, img_size=(4, 4), num_layers=1, num_heads=2).eval()
    layer.init_weights()
    nn.init.constant_(layer.pos_embed, 0.5)
    without = RefinementTransformer(8, in_channels=3, num_layers=1, num_heads=2).eval()
    without.load_state_dict({name: value for name, value in layer.state_dict().items() if name != 'pos_embed'})
    without.patch_embed.bias.data += 0.5  # a constant table is the same at any size
    x = images(1, 3, 5, 7)
    torch.testing.assert_close(layer(x), without(x))


class Pointwise(nn.Module):
    """A network without neighbourhood: tiles and the whole give the same."""

    def __init__(self, scale):
        super().__init__()
        self.grow = nn.Upsample(scale_factor=scale, mode='nearest')

    def forward(self, x):
        return self.grow(x.square() + x.flip(1))


@pytest.mark.parametrize('scale', [1, 3])
@pytest.mark.parametrize('size, overlap', [((8, 12), 0), ((13, 21), 0), ((13, 21), 3), ((4, 30), 1), ((5, 3), 2)])
@pytest.mark.parametrize('tile_batch', [1, 8])
def test_tiles_of_a_pointwise_network_give_the_whole(scale, size, overlap, tile_batch):
    network, x = Pointwise(scale), images(2, 3, *size)
    restored = restore_by_tiles(network, x, (4, 6), overlap, tile_batch)
    torch.testing.assert_close(restored, network(x))


class Numbered(nn.Module):
    """Gives every tile its number."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def forward(self, x):
        self.count += 1
        return torch.full_like(x, self.count)


def test_overlapping_tiles_are_blended_by_hand():
    """Tiles of 4 at 0 and 2 with ramps over 2 pixels: weights 1/3, 2/3, 2/3, 1/3."""
    restored = restore_by_tiles(Numbered(), torch.zeros(1, 1, 4, 6), (4, 4), overlap=2, tile_batch=1)
    columns = torch.tensor([1.0, 1, (2 * 1 + 1 * 2) / 3, (1 * 1 + 2 * 2) / 3, 2, 2])
    torch.testing.assert_close(restored[0, 0], columns.expand(4, 6))


def test_tiles_without_overlap_are_put_side_by_side_row_by_row():
    restored = restore_by_tiles(Numbered(), torch.zeros(1, 1, 4, 6), (2, 3), tile_batch=1)
    wanted = torch.tensor([[1.0, 2], [3, 4]]).repeat_interleave(2, 0).repeat_interleave(3, 1)
    assert torch.equal(restored[0, 0], wanted)


class Skipping(nn.Module):
    """Gives back the enlarged image that it gets."""

    def enlarge(self, x):
        return imresize(x, 2)

    def forward(self, x, lms):
        return lms


def test_the_enlarged_image_has_no_seams():
    x = images(2, 3, 9, 10)
    torch.testing.assert_close(restore_by_tiles(Skipping(), x, (4, 4)), imresize(x, 2))
    tile_by_tile = restore_by_tiles(nn.Upsample(scale_factor=2, mode='bicubic'), x, (4, 4))
    assert not torch.allclose(tile_by_tile, nn.Upsample(scale_factor=2, mode='bicubic')(x), atol=1e-3)


def test_impossible_tiles_are_named():
    with pytest.raises(ValueError, match='overlap must be at least 0 and smaller than the tile of 4 pixels, not 4'):
        restore_by_tiles(Pointwise(1), images(1, 2, 9, 9), (4, 4), overlap=4)
    with pytest.raises(ValueError, match='whole multiple of 4x4 pixels, found 2x2'):
        restore_by_tiles(nn.AvgPool2d(2), images(1, 2, 9, 9), (4, 4))


def test_standardised_images_come_back_unclipped():
    preprocessor = RestorationDataPreprocessor(num_bands=2, mean=[1.0, -2.0], std=[0.5, 4.0])
    x = [300 * images(2, 3, 3)]
    inputs = preprocessor(dict(inputs=x))['inputs']
    torch.testing.assert_close(inputs[0, 1], (x[0][1] + 2) / 4)
    torch.testing.assert_close(preprocessor.destruct(inputs), torch.stack(x))
    assert torch.equal(RestorationDataPreprocessor().destruct(-inputs), -inputs)
