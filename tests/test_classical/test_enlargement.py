"""Interpolation baselines against the formula, other libraries, and what every interpolation keeps."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from mmhsi.classical import ENLARGEMENTS
from mmhsi.utils.imresize import imresize


@pytest.mark.parametrize('scale', [2, 3, 4])
@pytest.mark.parametrize('name', ENLARGEMENTS)
def test_pixels_stay_where_they_are(name, scale):
    """Constant bands stay constant, and a slope has the values of the centres of the new pixels."""
    flat = np.full((6, 7, 3), 0.3, np.float32) * np.float32([1, 2, -1])
    found = ENLARGEMENTS[name](flat, scale)
    assert found.shape == (6 * scale, 7 * scale, 3) and found.dtype == np.float32
    np.testing.assert_allclose(found, np.broadcast_to(flat[0, 0], found.shape), atol=1e-6)
    slope = np.broadcast_to((np.arange(20) + 0.5)[None, :, None], (20, 20, 2)).astype(np.float32)
    inside = ENLARGEMENTS[name](slope, scale)[4 * scale : -4 * scale, 4 * scale : -4 * scale]
    wanted = (np.arange(20 * scale) + 0.5) / scale
    tolerance = dict(nearest=0.5, lanczos=0.02, spline=0.01).get(name, 1e-5)
    np.testing.assert_allclose(
        inside[..., 0], np.broadcast_to(wanted[4 * scale : -4 * scale], inside.shape[:2]), atol=tolerance
    )
    np.testing.assert_array_equal(inside[..., 0], inside[..., 1])


def test_the_methods_by_their_definition():
    image = np.random.default_rng(0).random((9, 16, 2))
    np.testing.assert_array_equal(ENLARGEMENTS['bicubic'](image, 2), imresize(image, 2))
    np.testing.assert_array_equal(ENLARGEMENTS['nearest'](image, 3)[7, 10], image[2, 3])
    # a row of a periodic image, so that no border matters: the spline through its pixels
    row = np.concatenate([image[0, :, 0], image[0, ::-1, 0]])
    tall = np.tile(row[None, :, None], (4, 1, 1))
    centres = (np.arange(96) + 0.5) / 3 - 0.5
    periodic = CubicSpline(np.arange(-32, 64 + 1), np.r_[np.tile(row, 3), row[0]], bc_type='periodic')
    np.testing.assert_allclose(ENLARGEMENTS['spline'](tall, 3)[5, :, 0], periodic(centres), atol=1e-6)
