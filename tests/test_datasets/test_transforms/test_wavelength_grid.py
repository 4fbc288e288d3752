"""Bands of different sensors on one grid of wavelengths."""

import numpy as np
import pytest

from mmhsi.datasets import Scene
from mmhsi.datasets.transforms import WavelengthGrid

GRID = [450.0, 500.0, 550.0, 600.0, 700.0]


def bound(wavelengths):
    grid = WavelengthGrid(GRID)
    assert grid.bind(len(wavelengths), np.asarray(wavelengths, float)) == (5, pytest.approx(np.array(GRID)))
    return grid


def test_two_sensors_see_the_same_spectrum():
    """Fine bands have the values of a linear spectrum at the grid, coarse ones, in any order, those near it."""
    fine, coarse = np.arange(400.0, 801.0, 5.0), np.array([420.0, 760.0, 610.0, 480.0])
    found = bound(fine)((3 * fine - 100)[None].astype(np.float32))
    np.testing.assert_allclose(found[0], 3 * np.array(GRID) - 100, rtol=1e-5)
    # the mean of 420 and 480 nm, 480 nm, between 480 and 610 nm, 610 nm, and 4/5 of 760 and 1/5 of 610 nm
    found = bound(coarse)((3 * coarse - 100)[None].astype(np.float32))
    np.testing.assert_allclose(found[0], 3 * np.array([450, 480, 550, 610, 730.0]) - 100, rtol=1e-5)


def test_fine_bands_are_averaged():
    """Weights fall linearly with the distance: 1/4, 2/4, 1/4 for bands at half the step."""
    found = bound([525.0, 550.0, 575.0])(np.eye(3, dtype=np.float32))
    np.testing.assert_allclose(found[:, 2], [0.25, 0.5, 0.25])


def test_points_beyond_the_bands_are_zero():
    grid = bound(np.arange(480.0, 611.0, 10.0))
    assert grid.covered.tolist() == [False, True, True, True, False]
    found = grid(np.full((2, 3, 14), 7, np.float32))
    np.testing.assert_allclose(found, np.broadcast_to([0, 7, 7, 7, 0], (2, 3, 5)), rtol=1e-6)


def test_scene_needs_wavelengths(tmp_path):
    path = str(tmp_path / 'cube.npy')
    cube = np.random.RandomState(0).rand(6, 7, 4).astype(np.float32)
    np.save(path, cube)
    chain = [dict(type='WavelengthGrid', wavelengths=GRID), dict(type='Standardize')]
    with pytest.raises(ValueError, match='wavelengths, which are not known'):
        Scene(cube, preprocessing=chain)
    with pytest.raises(ValueError, match='450 to 700 nm lies outside the bands from 900 to 1200 nm'):
        Scene(dict(path=path, wavelengths=(900, 1200)), preprocessing=chain)
    scene = Scene(dict(path=path, wavelengths=(490, 620)), preprocessing=chain)
    values = scene.pixels(np.arange(42))
    assert values.shape == (42, 5) and not values[:, [0, 4]].any()
    np.testing.assert_allclose(values[:, 1:4].std(axis=0), 1, rtol=1e-4)
