import numpy as np
import pytest

from mmhsi.datasets import PairScene, Scene
from mmhsi.datasets.scenes.noisy_scene import add_noise
from mmhsi.datasets.transforms import DeadlineNoise, GaussianNoise, MissingBands


@pytest.fixture
def cube():
    return np.random.default_rng(0).normal(300, 40, (12, 20, 6)).astype(np.float32)


def test_noise_lies_in_front_of_the_preprocessing_whose_state_stays(cube):
    scene = Scene(cube, labels=np.ones((12, 20), int), preprocessing=[dict(type='Standardize')])
    scene.prepare()
    clean = scene.window(0, 0, 12, 20)
    span = cube.max() - cube.min()
    add_noise(scene, GaussianNoise(25.5, seed=3))
    found = (scene.window(0, 0, 12, 20) - clean) * cube.std((0, 1))  # back to the units of the cube
    assert found.std() == pytest.approx(0.1 * span, rel=0.05)
    np.testing.assert_allclose(scene.window(3, 4, 5, 6), scene.window(0, 0, 12, 20)[3:8, 4:10])
    again = Scene(cube, preprocessing=[dict(type='Standardize')])
    again.prepare()
    add_noise(again, GaussianNoise(25.5, seed=3))
    np.testing.assert_array_equal(again.window(0, 0, 12, 20), scene.window(0, 0, 12, 20))


def test_dead_lines_run_through_all_windows_and_invalid_pixels_stay(cube):
    cube[2, 3] = np.nan
    scene = Scene(cube)
    scene.prepare()
    low = np.nanmin(cube)
    add_noise(scene, DeadlineNoise(fraction=1, seed=0))
    values = scene.window(0, 0, 12, 20)
    dead = (np.delete(values, 2, axis=0) == low).all(axis=0)
    assert dead.any(axis=0).all() and 6 <= dead.sum() <= 6 * 3
    assert not scene.valid[2, 3] and scene.valid.sum() == 239


def test_missing_bands(cube):
    cube = cube / cube.max()
    noisy = MissingBands(fraction=0.5, seed=1)(dict(img=cube.copy()))['img']
    assert ((noisy == 0).all((0, 1))).sum() == 3
    assert (noisy == cube).all((0, 1)).sum() == 3


def test_what_noise_cannot_be_added_to(cube):
    with pytest.raises(TypeError, match='found a PairScene'):
        add_noise(PairScene((cube, cube)), GaussianNoise(1))
    scene = Scene(cube, preprocessing=[dict(type='Standardize')])
    with pytest.raises(ValueError, match='Standardize'):
        add_noise(scene, GaussianNoise(1))
    scene = Scene(cube, preprocessing=[dict(type='SelectBands', bands=[0, 1])])
    with pytest.raises(ValueError, match='SelectBands leaves some out'):
        add_noise(scene, GaussianNoise(1))
