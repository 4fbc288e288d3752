"""Pictures that compare a denoised scene with its input."""

import numpy as np

from mmhsi.datasets.scenes.cube_view import CubeView
from mmhsi.tasks.product import Product
from mmhsi.tasks.restoration_pictures import beside_the_scene


def product(view, restored, zoom=1):
    layers = {'restored': np.moveaxis(restored, -1, 0)}
    return Product('scene', 'denoising', view.info, layers, {'restored': np.nan}, (), np.zeros((0, 3), np.uint8), zoom)


def texts(figure):
    return ' '.join(text.get_text() for text in figure.texts)


def test_the_bands_that_changed_most_and_their_noise_are_shown():
    rng = np.random.default_rng(0)
    clean = np.add.outer(np.linspace(0, 1, 64), np.linspace(0, 1, 48))[..., None] * np.linspace(1, 2, 9)
    sigmas = np.full(9, 0.002)
    sigmas[[1, 4, 7]] = 0.4, 0.3, 0.2
    noisy = clean + rng.normal(size=clean.shape) * sigmas
    view = CubeView(noisy.astype(np.float32), [dict(type='ScaleValues', factor=10.0)])
    figures = beside_the_scene(product(view, clean.astype(np.float32)), view)
    shown = texts(figures['changed_bands'])
    for band in range(9):
        assert (f'band {band + 1}, before' in shown) == (band in (1, 4, 7))
    (axes, *_) = figures['noise'].axes
    before, after = (line.get_ydata() for line in axes.get_lines()[:2])
    assert np.allclose(before, sigmas, rtol=0.1)  # in the units of the file
    assert after.max() < 1e-3


def test_nothing_is_compared_that_cannot_be():
    cube = np.random.default_rng(0).normal(size=(20, 20, 4)).astype(np.float32)
    view = CubeView(cube)
    assert beside_the_scene(product(view, cube), view)
    assert not beside_the_scene(product(view, np.repeat(np.repeat(cube, 2, 0), 2, 1), 2), view)
    holes = cube.copy()
    holes[10, 10] = np.nan
    assert not beside_the_scene(product(CubeView(holes), cube), CubeView(holes))
