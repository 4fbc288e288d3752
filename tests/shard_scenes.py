"""Small raw scenes and their shards, for the tests of the conversion and of the datasets for pre-training."""

import numpy as np

from mmhsi.datasets.io import write_raster
from mmhsi.datasets.tile_shards import ShardSettings, convert, merge

BANDS, SIDE = 12, 8
WAVELENGTHS = np.linspace(400, 1500, BANDS)


def smooth_cube(height, width, bands=BANDS, seed=0, dtype=np.uint16):
    """A cube without stripes, with large contrast and no value 0."""
    rng = np.random.default_rng(seed)
    cube = rng.integers(1, 4000, (height, width, bands)) + 40 * np.arange(bands)
    return cube.astype(dtype)


def write_scene(path, cube, **kwargs):
    """Write a GeoTIFF with wavelengths."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if cube.shape[-1] == BANDS:
        kwargs.setdefault('wavelengths', WAVELENGTHS)
    write_raster(path, cube, **kwargs)


def settings(**changes):
    """Settings for tiles of 8 x 8 pixels; the noise of such small tiles is no stripes."""
    return ShardSettings(**{'tile_size': SIDE, 'stripe_contrast': 0.9, **changes})


def make_shards(root, scenes, **changes):
    """Convert scenes, given as {name: cube}, and write the index; returns the folder of the shards."""
    for name, cube in scenes.items():
        write_scene(root / 'raw' / f'{name}.tif', cube)
    convert(root / 'raw', root / 'shards', settings(**changes))
    merge(root / 'shards')
    return root / 'shards'
