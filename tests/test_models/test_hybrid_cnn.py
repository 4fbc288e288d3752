import pytest
import torch
import torch.nn.functional as F

from mmhsi.models import HybridCNN


def test_defaults_are_hybridsn():
    """The sizes in Table I of Roy et al. (2020), for 30 components and windows of 25 pixels."""
    model = HybridCNN()
    convolutions = [layer for layer in model.modules() if hasattr(layer, 'kernel_size')]
    assert [sum(p.numel() for p in layer.parameters()) for layer in convolutions] == [512, 5776, 13856, 331840]
    assert model.out_channels == 18496
    layers = (18496 + 1) * 256 + (256 + 1) * 128 + (128 + 1) * 16  # of the head, for 16 classes
    assert sum(p.numel() for p in model.parameters()) + layers == 5_122_176


def test_3d_cnn_of_li_is_two_3d_convolutions():
    model = HybridCNN(20, 5, (2, 4), (7, 3), ()).eval()
    x = torch.randn(3, 20, 5, 5, generator=torch.Generator().manual_seed(0))
    (feature,) = model(x)
    first, second = model.spectral_spatial[0], model.spectral_spatial[2]
    assert (first.weight.shape, second.weight.shape) == ((2, 1, 7, 3, 3), (4, 2, 3, 3, 3))
    # the first one by hand: every band window as a 2-D convolution over the bands it spans
    maps = torch.stack([F.conv2d(x[:, band : band + 7], first.weight[:, 0], first.bias) for band in range(14)], 2)
    expected = F.relu(F.conv3d(F.relu(maps), second.weight, second.bias))
    assert model.out_channels == 4 * 12
    torch.testing.assert_close(feature, expected.reshape(3, 48))


def test_hybrid_puts_2d_convolutions_on_bands_as_channels():
    model = HybridCNN(12, 9, (2, 3), (5, 3), (4,)).eval()
    x = torch.randn(2, 12, 9, 9, generator=torch.Generator().manual_seed(0))
    maps = model.spectral_spatial(x[:, None])
    assert maps.shape == (2, 3, 6, 5, 5)
    layer = model.spatial[0]
    expected = F.relu(F.conv2d(maps.reshape(2, 18, 5, 5), layer.weight, layer.bias))
    torch.testing.assert_close(model(x)[0], expected.reshape(2, -1))


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(channels_3d=(8, 16)), '2 3-D convolutions need as many spectral_kernels'),
        (dict(img_size=8), 'leave nothing of windows of 8 x 8 pixels and 30 bands'),
        (dict(in_channels=12), 'leave nothing of windows of 25 x 25 pixels and 12 bands'),
    ],
)
def test_impossible_sizes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        HybridCNN(**options)


def test_another_window_is_refused():
    with pytest.raises(ValueError, match='built for windows of 5 x 5 pixels and 20 bands, the input is 7 x 7'):
        HybridCNN(20, 5, (2, 4), (7, 3), ())(torch.zeros(1, 20, 7, 7))
