import numpy as np
import pytest

from mmhsi.datasets.window_grid import grid_positions, multiscale_windows, random_centres


def test_grid_positions_leave_the_rest_out():
    np.testing.assert_array_equal(grid_positions(7, 9, 4, (3, 2)),
                                  [[0, 0], [0, 2], [0, 4], [3, 0], [3, 2], [3, 4]])
    np.testing.assert_array_equal(grid_positions(4, 4, 4, 5), [[0, 0]])


def test_windows_of_all_scales():
    rows, cols = np.mgrid[:600., :307.]
    found = multiscale_windows((rows + 1000 * cols)[..., None])
    # of the training parts of Washington DC Mall, by (600 - 64) // 16 + 1 = 34 rows of 16 windows, and so on
    assert found.shape == (34 * 16 + 30 * 12 + 11 * 2, 64, 64, 1)
    np.testing.assert_array_equal(found[17, :, :, 0], rows[16:80, 16:80] + 1000 * cols[16:80, 16:80])
    # a plane stays a plane, from the first to the last pixel
    step = 599 / 299
    np.testing.assert_allclose(np.diff(found[544 + 100, :, 10, 0]), step, rtol=.02)


def test_bands_are_not_mixed_by_the_scales():
    cube = np.random.default_rng(0).uniform(size=(16, 16, 3))
    together = multiscale_windows(cube, 8, [.5], [8])
    alone = [multiscale_windows(cube[..., band:band + 1], 8, [.5], [8])[..., 0] for band in range(3)]
    np.testing.assert_allclose(together, np.stack(alone, axis=-1), rtol=1e-12)


def test_random_centres_are_distinct_pixels_in_order():
    found = random_centres(20, 30, 400, seed=1)
    numbers = found @ [30, 1]
    assert (np.diff(numbers) > 0).all()
    assert found.min() == 0 and found[:, 0].max() == 19 and found[:, 1].max() == 29
    np.testing.assert_array_equal(random_centres(20, 30, 400, seed=1), found)
    assert (random_centres(20, 30, 400, seed=2) != found).any()


def test_what_cannot_be_cut_is_refused():
    cube = np.ones((16, 16, 2))
    for call, message in (
        (lambda: grid_positions(3, 9, 4, 1), '3 x 9 pixels is smaller than a window of 4 x 4'),
        (lambda: grid_positions(9, 9, 4, 0), 'size and stride must be positive'),
        (lambda: multiscale_windows(cube, 8, [1], [8, 4]), '1 scales and 2 strides'),
        (lambda: multiscale_windows(cube, 8, [0], [8]), 'a scale must be positive'),
        (lambda: multiscale_windows(cube.astype(int), 8), 'of a float type'),
        (lambda: random_centres(3, 3, 10), '10 distinct pixels are to be drawn from a scene of 3 x 3'),
    ):
        with pytest.raises(ValueError, match=message):
            call()
