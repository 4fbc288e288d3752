import numpy as np
import pytest

from mmhsi.datasets.transforms.percentile import PercentileScale


@pytest.fixture
def pixels():
    rng = np.random.default_rng(0)
    return (rng.uniform(0, [[10, 200, 3000]], (1001, 3))).astype(np.float32)


def test_bands_are_clipped_and_scaled_by_their_own_percentiles(pixels):
    scale = PercentileScale(5, 90, eps=0.5)
    scale.fit(pixels)
    for band in range(3):
        ordered = np.sort(pixels[:, band])
        low, high = ordered[50], ordered[900]  # of 1001 values these are the percentiles themselves
        wanted = (np.clip(pixels[:, band], low, high) - low) / (high - low + 0.5)
        np.testing.assert_allclose(scale(pixels)[:, band], wanted, rtol=1e-5, atol=1e-6)


def test_a_few_extreme_pixels_change_nothing(pixels):
    first, second = PercentileScale(), PercentileScale()
    first.fit(pixels)
    spoiled = pixels.copy()
    spoiled[np.argsort(pixels[:, 0])[-5:]] = 1e9
    spoiled[:, 1:] = pixels[:, 1:]
    second.fit(spoiled)
    np.testing.assert_array_equal(second(pixels), first(pixels))
    assert second(spoiled).max() <= 1


def test_a_constant_band_becomes_zero():
    scale = PercentileScale()
    scale.fit(np.full((20, 1), 7.0))
    np.testing.assert_array_equal(scale(np.array([[7.0], [9.0]])), 0)


def test_the_state_is_saved_and_restored(pixels):
    fitted, restored = PercentileScale(), PercentileScale()
    fitted.fit(pixels)
    restored.load_state_dict(fitted.state_dict())
    np.testing.assert_array_equal(restored(pixels), fitted(pixels))
    with pytest.raises(ValueError, match='was fitted on 3 bands, but is applied to 2'):
        restored(pixels[:, :2])


def test_bad_options_and_pixels_are_refused(pixels):
    for options, message in (
        (dict(low=50, high=50), 'low < high'),
        (dict(high=101), 'high <= 100'),
        (dict(eps=0), 'eps must be positive'),
    ):
        with pytest.raises(ValueError, match=message):
            PercentileScale(**options)
    pixels[3, 1] = np.nan
    with pytest.raises(ValueError, match='NaN or infinity'):
        PercentileScale().fit(pixels)
