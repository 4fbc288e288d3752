"""The meaning of stored values: scale, offset, nodata and marked bands."""

import numpy as np
import pytest

from mmhsi.datasets.io import CubeInfo, read_cube


def info(dtype='int16', **fields):
    return CubeInfo('scene', 'raster', 2, 3, 4, np.dtype(dtype), **fields)


def test_physical_values_are_scaled_per_band_and_rounded_once():
    stored = np.arange(24, dtype=np.int16).reshape(2, 3, 4) * 321
    scale, offset = np.array([1e-4, 2e-4, 1, 0.1]), np.array([0, -0.1, 5, 0])
    described = info(scale=scale, offset=offset)
    expected = (stored.astype(np.float64) * scale + offset).astype(np.float32)
    np.testing.assert_array_equal(described.physical(stored), expected)
    np.testing.assert_array_equal(described.physical(stored[..., [3, 1]], [3, 1]), expected[..., [3, 1]])
    np.testing.assert_array_equal(info(scale=scale).physical(stored), (stored * scale).astype(np.float32))
    plain = info().physical(stored)
    assert plain.dtype == np.float32 and not info().scaled
    np.testing.assert_array_equal(plain, stored)


def test_nodata_of_each_band():
    stored = np.array([[[0, -1, 7, 0]]], np.int16)
    assert info(nodata=0).no_data(stored).tolist() == [[[True, False, False, True]]]
    per_band = info(nodata=np.array([0, -1, np.nan, 9]))
    assert per_band.no_data(stored).tolist() == [[[True, True, False, False]]]
    assert per_band.no_data(stored[..., [3, 1]], [3, 1]).tolist() == [[[False, True]]]
    assert per_band.no_data(stored, nodata=7).tolist() == [[[False, False, True, False]]]
    values = np.array([[[np.nan, np.inf, -9999, 1]]], np.float32)
    assert info('float32', nodata=-9999).no_data(values).tolist() == [[[True, True, True, False]]]


def test_good_bands():
    assert info().good_bands.tolist() == [0, 1, 2, 3]
    assert info(bad_bands=np.array([True, False, False, True])).good_bands.tolist() == [1, 2]


@pytest.mark.parametrize(('layout', 'axes'), (('hwc', (0, 1, 2)), ('chw', (2, 0, 1)), ('bil', (0, 2, 1))))
def test_layouts_of_an_array(tmp_path, layout, axes):
    cube = np.random.default_rng(0).integers(0, 99, (4, 5, 6))
    np.save(tmp_path / 'cube.npy', cube.transpose(axes))
    values, described = read_cube(tmp_path / 'cube.npy', layout=layout)
    np.testing.assert_array_equal(values, cube)
    assert described.shape == (4, 5, 6)
