import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mmhsi.datasets.transforms import SmoothWindow


def test_is_a_gaussian_filter_where_the_window_holds_all_of_it():
    image = np.random.RandomState(0).rand(35, 37, 4).astype(np.float32)
    results = SmoothWindow(sigmas=(1, 2), size=3).transform({'img': image})
    expected = [gaussian_filter(image, (sigma, sigma, 0), truncate=7)[16:19, 17:20] for sigma in (1, 2)]
    np.testing.assert_allclose(results['img'], np.concatenate(expected, axis=-1), rtol=1e-4)
    assert results['img_shape'] == (3, 3) and results['img'].dtype == np.float32


def test_the_end_of_the_window_does_not_darken():
    results = SmoothWindow(sigmas=(8, ), size=5).transform({'img': np.full((7, 9, 2), 3, dtype=np.float32)})
    np.testing.assert_allclose(results['img'], 3, rtol=1e-6)


def test_commutes_with_flips():
    image = np.random.RandomState(1).rand(9, 9, 3).astype(np.float32)
    smooth = SmoothWindow(sigmas=(1.5, ), size=5)
    turned = smooth.transform({'img': np.ascontiguousarray(image[::-1])})['img']
    np.testing.assert_allclose(turned, smooth.transform({'img': image})['img'][::-1], rtol=1e-5)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match='sigmas must be positive'):
        SmoothWindow(sigmas=(1, 0), size=3)
    with pytest.raises(ValueError, match='to give 5 x 5 pixels, but the window has 3 x 7'):
        SmoothWindow(sigmas=(1, ), size=5).transform({'img': np.zeros((3, 7, 1), np.float32)})
