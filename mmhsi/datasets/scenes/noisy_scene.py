"""Noise on a scene that a network has been trained on, for its test."""

import numpy as np

from mmhsi.datasets.scenes.cube_view import CubeView
from mmhsi.datasets.scenes.scene import Scene
from mmhsi.datasets.transforms.noise import Noise


def add_noise(scene: Scene, noise: Noise) -> None:
    """Add noise to the values of a scene before its preprocessing, whose fitted state is unchanged.

    The whole cube is read, and brought to [0, 1] from its smallest to its largest valid value for the noise, so that
    stripes and dead lines run through all windows. Labels, split and validity stay.

    Args:
        scene (Scene): The scene, which is changed.
        noise (Noise): One of :mod:`mmhsi.datasets.transforms`, with a seed for the same noise in every run.

    Raises:
        TypeError: If it is another scene than one cube with labels.
        ValueError: If the preprocessing is not fitted, or selects bands.
    """
    if type(scene) is not Scene:
        raise TypeError(f'noise can be added to a Scene, found a {type(scene).__name__}')
    view = scene.view
    view.require_fitted()
    if view.used_bands is not None:
        raise ValueError(f'{view.info.path}: noise is added to all bands, but SelectBands leaves some out')
    valid = view.valid
    raw = view.raw_pixels(np.arange(valid.size)).reshape(*valid.shape, -1).astype(np.float32)
    low, high = raw[valid].min(), raw[valid].max()
    raw[~valid] = low
    noisy = low + (high - low) * noise(dict(img=(raw - low) / (high - low or 1)))['img']
    noisy[~valid] = np.nan
    scene.view = CubeView(noisy.astype(np.float32), preprocessing=view.transforms, cache=True, name=view.name)
