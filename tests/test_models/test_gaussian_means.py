import pytest
import torch
from scipy.ndimage import gaussian_filter

from mmhsi.models.data_preprocessors import HSIDataPreprocessor
from mmhsi.models.layers import GaussianMeans


def test_is_a_gaussian_filter_where_the_image_holds_all_of_it():
    images = torch.rand(2, 4, 35, 37, generator=torch.Generator().manual_seed(0))
    found = GaussianMeans(sigmas=(1, 2), size=3)(images)
    expected = [
        gaussian_filter(images.numpy(), (0, 0, sigma, sigma), truncate=7)[..., 16:19, 17:20] for sigma in (1, 2)
    ]
    torch.testing.assert_close(found, torch.cat([torch.from_numpy(part) for part in expected], dim=1))


def test_the_end_of_the_image_does_not_darken():
    torch.testing.assert_close(
        GaussianMeans(sigmas=(8,), size=5)(torch.full((1, 2, 7, 9), 3.0)), torch.full((1, 2, 5, 5), 3.0)
    )


def test_without_width_each_pixel_stands_alone():
    images = torch.rand(2, 4, 7, 9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(GaussianMeans(sigmas=(0,), size=3)(images), images[..., 2:5, 3:6])


def test_each_width_has_its_scale():
    images = torch.rand(2, 4, 7, 9, generator=torch.Generator().manual_seed(0))
    plain, scaled = (GaussianMeans((1, 2), 3, scales)(images) for scales in (None, (2.0, 0.5)))
    torch.testing.assert_close(scaled[:, :4], plain[:, :4] / 2)
    torch.testing.assert_close(scaled[:, 4:], plain[:, 4:] * 2)
    for scales in ((1.0,), (1.0, 0.0)):
        with pytest.raises(ValueError, match='one for each of 2 sigmas'):
            GaussianMeans((1, 2), 3, scales)


def test_bad_input_is_named():
    for sigmas in ((1, -1), ()):
        with pytest.raises(ValueError, match='at least one and not negative'):
            GaussianMeans(sigmas=sigmas, size=3)
    with pytest.raises(ValueError, match='means of 5 x 5 pixels cannot be computed from images of 3 x 7'):
        GaussianMeans(sigmas=(1,), size=5)(torch.zeros(1, 1, 3, 7))


def test_data_preprocessor_smooths_standardised_images():
    preprocessor = HSIDataPreprocessor(num_bands=2, mean=[1, 2], std=[2, 4], smoothing=dict(sigmas=(1, 3), size=1))
    inputs = preprocessor(dict(inputs=[torch.full((2, 9, 9), 5.0)]))['inputs']
    torch.testing.assert_close(inputs.flatten(), torch.tensor([2, 0.75, 2, 0.75]))


@pytest.mark.parametrize('sigmas, size, scales', [((2.0, 5.0), 3, None), ((0, 1.5), 2, (1.0, 0.5)), ((1.0,), 1, None)])
@pytest.mark.parametrize('window', [7, 8])
def test_filtering_a_block_once_gives_what_each_window_gives(sigmas, size, scales, window):
    preprocessor = HSIDataPreprocessor(
        num_bands=4, mean=[1, 2, 3, 4], std=[2, 3, 1, 0.5], smoothing=dict(sigmas=sigmas, size=size, scales=scales)
    )
    block = torch.rand(4, 11, 19, generator=torch.Generator().manual_seed(0))
    found = preprocessor.of_windows(block, window)
    windows = block.unfold(1, window, 1).unfold(2, window, 1).permute(1, 2, 0, 3, 4)
    expected = preprocessor(dict(inputs=windows.flatten(0, 1)))['inputs'].unflatten(0, windows.shape[:2])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_without_smoothing_windows_are_cut_from_the_standardised_block():
    preprocessor = HSIDataPreprocessor(num_bands=2, mean=[1, 2], std=[2, 4])
    block = torch.rand(2, 9, 8, generator=torch.Generator().manual_seed(0))
    found = preprocessor.of_windows(block, 3)
    assert found.shape == (7, 6, 2, 3, 3)
    torch.testing.assert_close(found[4, 2], preprocessor(dict(inputs=[block[:, 4:7, 2:5]]))['inputs'][0])
