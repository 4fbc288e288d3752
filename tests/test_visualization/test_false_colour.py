import numpy as np
import pytest

from mmhsi.visualization import false_colour, false_colour_figure, select_rgb_bands, stretch


def test_bands_nearest_to_red_green_and_blue_are_chosen():
    wavelengths = np.arange(400.0, 1000.0, 10.0)
    assert select_rgb_bands(60, wavelengths) == (25, 15, 5)
    assert select_rgb_bands(60, wavelengths[::-1]) == (34, 44, 54)


def test_without_visible_wavelengths_fixed_parts_of_the_axis_are_chosen():
    infrared = np.linspace(1000, 2500, 201)
    assert select_rgb_bands(201) == select_rgb_bands(201, infrared) == (50, 24, 10)


@pytest.mark.parametrize('count', range(1, 12))
def test_cubes_of_few_bands_are_shown(count):
    bands = select_rgb_bands(count)
    assert all(0 <= band < count for band in bands)
    assert len(set(bands)) == min(count, 3)


def test_wavelengths_must_fit_the_bands():
    with pytest.raises(ValueError, match='4 bands need as many wavelengths'):
        select_rgb_bands(4, [450.0, 550.0, 650.0])


def test_stretch_by_hand():
    # 0 .. 100 in 101 pixels: the 2nd and 98th percentiles are 2 and 98, 50 lies in the middle
    ramp = np.arange(101.0).reshape(1, 101, 1)
    image = stretch(np.concatenate([ramp, 3 * ramp + 7, np.full_like(ramp, 5)], axis=-1))
    assert image.dtype == np.uint8
    assert image[0, [0, 2, 26, 50, 98, 100], 0].tolist() == [0, 0, 64, 128, 255, 255]
    np.testing.assert_array_equal(image[..., 1], image[..., 0])
    assert (image[..., 2] == 0).all()  # a constant channel


def test_masked_pixels_are_black_and_have_no_influence():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(20, 20, 3))
    wanted = stretch(image[:15])
    image[15:] = 1e9
    image[17] = np.nan
    valid = np.zeros((20, 20), bool)
    valid[:15] = True
    found = stretch(image, valid)
    np.testing.assert_array_equal(found[:15], wanted)
    assert (found[15:] == 0).all()
    assert (stretch(np.full((2, 2, 3), np.nan)) == 0).all()


def test_cube_is_shown_by_its_bands():
    cube = np.random.default_rng(0).integers(0, 4000, (12, 10, 60), np.uint16)
    wavelengths = np.arange(400.0, 1000.0, 10.0)
    np.testing.assert_array_equal(false_colour(cube, wavelengths), stretch(cube[..., [25, 15, 5]]))
    np.testing.assert_array_equal(false_colour(cube, bands=(0, 1, 2)), stretch(cube[..., :3]))


def test_figure_tells_its_bands():
    image = np.zeros((10, 10, 3), np.uint8)
    wavelengths = np.arange(400.0, 1000.0, 10.0)
    shown = [text.get_text() for text in false_colour_figure(image, 'Scene', (25, 15, 5), wavelengths).texts]
    assert shown == ['Scene', 'R: band 26 (650 nm), G: band 16 (550 nm), B: band 6 (450 nm)']
    shown = [text.get_text() for text in false_colour_figure(image, 'Scene', (25, 15, 5)).texts]
    assert shown[1] == 'R: band 26, G: band 16, B: band 6'
