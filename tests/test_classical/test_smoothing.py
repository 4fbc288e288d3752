import numpy as np
import pytest

from mmhsi.classical import smoothed_cube


def test_is_the_weighted_mean_of_the_valid_pixels():
    rng = np.random.default_rng(0)
    cube, valid = rng.normal(size=(9, 8, 3)), rng.random((9, 8)) < 0.8
    cube[~valid] = np.nan
    smoothed = smoothed_cube(cube, valid, 1.0)
    rows, cols = np.indices(valid.shape)
    for row, col in np.argwhere(valid)[::7]:
        squared = (rows - row) ** 2, (cols - col) ** 2
        weight = np.exp(-(squared[0] + squared[1]) / 2) * (squared[0] <= 16) * (squared[1] <= 16) * valid
        expected = (weight[..., None] * np.nan_to_num(cube)).sum((0, 1)) / weight.sum()
        np.testing.assert_allclose(smoothed[row, col], expected, atol=1e-5)
    assert smoothed.dtype == np.float32 and not smoothed[~valid].any()


def test_constant_stays_and_zero_leaves_alone():
    valid = np.ones((6, 7), bool)
    np.testing.assert_allclose(smoothed_cube(np.full((6, 7, 2), 3.0), valid, 2.0), 3.0, rtol=1e-6)
    cube = np.random.default_rng(0).normal(size=(6, 7, 2)).astype(np.float32)
    np.testing.assert_array_equal(smoothed_cube(cube, valid, 0), cube)
    with pytest.raises(ValueError, match='found -1'):
        smoothed_cube(cube, valid, -1)
