"""Subsets of a tile for pre-training: bands, consecutive or not, and smaller squares of pixels."""

from __future__ import annotations

import zlib

import numpy as np
from mmcv.transforms import BaseTransform

from mmhsi.registry import TRANSFORMS


def _check_bands(num_bands: int, too_few: str) -> None:
    if num_bands < 1:
        raise ValueError(f'num_bands must be positive, not {num_bands}')
    if too_few not in ('error', 'skip'):
        raise ValueError(f"too_few must be 'error' or 'skip', not {too_few!r}")


def _has_too_few(transform: BaseTransform, found: int, results: dict) -> bool:
    """Whether an image is to be skipped because it has too few bands."""
    if found >= transform.num_bands or transform.too_few == 'skip':
        return found < transform.num_bands
    raise ValueError(
        f'{type(transform).__name__} takes {transform.num_bands} bands, but {_name(results)} has '
        f"{found}; too_few='skip' leaves such tiles out"
    )


def _name(results: dict) -> str:
    origin = results.get('origin')
    return 'the image' if origin is None else 'the tile at row {row}, column {col} of {scene}'.format(**origin)


def _file_share(results: dict, seed: int) -> float:
    """A number in [0, 1) that depends only on the tile, not on order, worker, rank or epoch."""
    origin = results.get('origin')
    if origin is None:
        raise ValueError(
            "a window that is fixed for each file needs the 'origin' of the sample, which the "
            'datasets of unlabelled tiles provide'
        )
    place = '\n'.join(str(origin[key]) for key in sorted(origin))
    return np.random.default_rng((seed, zlib.crc32(place.encode()))).random()


@TRANSFORMS.register_module()
class RandomBandWindow(BaseTransform):
    r"""Takes ``num_bands`` consecutive bands at a random position and converts the image to float32.

    By default each sample gets its own position, drawn uniformly from all positions. With ``per_sample=False`` every
    tile keeps its window over all epochs, as in the published pre-training of HyperSIGMA: the start is
    :math:`(C - n) r` rounded half to even, with one uniform number r for each tile; so the outermost positions are half
    as likely as the others. (There, r also depends on the rank that reads a file; here it depends on the tile only.)

    'bands' and 'wavelengths' of the sample are cut in the same way; 'band_start' is added. Of a memory map, only the
    bands of the window are loaded.

    Args:
        num_bands (int): Number of bands n. Defaults to 100.
        per_sample (bool): Whether each sample gets its own window. Defaults to True.
        seed (int): Seed of the windows with ``per_sample=False``. Otherwise they follow the seed of the run, see
            :func:`mmhsi.datasets.sample_seeds.seed_sample`. Defaults to 0.
        too_few (str): Handling of images with fewer bands: 'error', or 'skip', with which the dataset takes another
            image and counts the skipped one. Defaults to 'error'.

    Raises:
        ValueError: If an image has too few bands, with ``too_few='error'``.
    """

    def __init__(self, num_bands: int = 100, per_sample: bool = True, seed: int = 0, too_few: str = 'error'):
        _check_bands(num_bands, too_few)
        self.num_bands = num_bands
        self.per_sample = per_sample
        self.seed = seed
        self.too_few = too_few

    def transform(self, results: dict) -> dict | None:
        """Cut out the window; None for an image with too few bands that is to be skipped."""
        image = results['img']
        if _has_too_few(self, image.shape[-1], results):
            return None
        start = self._start(image.shape[-1] - self.num_bands, results)
        window = slice(start, start + self.num_bands)
        # order 'K' keeps the memory layout of the axes, so that the bands are read and later packed without reordering
        results['img'] = image[..., window].astype(np.float32, order='K')
        for key in ('bands', 'wavelengths'):
            if key in results:
                results[key] = results[key][window]
        results['band_start'] = start
        return results

    def _start(self, spare: int, results: dict) -> int:
        if self.per_sample:
            return int(np.random.randint(spare + 1))
        return int(np.rint(spare * _file_share(results, self.seed)))

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(num_bands={self.num_bands}, per_sample={self.per_sample}, seed={self.seed}, '
            f'too_few={self.too_few!r})'
        )


@TRANSFORMS.register_module()
class RandomBands(BaseTransform):
    """Takes a few distinct random bands, the longest wavelength first, and converts the image to float32.

    With three bands, this is the alternative in the published pre-training code of HyperSIGMA for making images of one
    size from any sensor. 'bands' and 'wavelengths' of the sample are taken in the same way.

    Args:
        num_bands (int): Number of bands. Defaults to 3.
        too_few (str): 'error' or 'skip', see :class:`RandomBandWindow`. Defaults to 'error'.

    Raises:
        ValueError: If an image has too few bands, with ``too_few='error'``.
    """

    def __init__(self, num_bands: int = 3, too_few: str = 'error'):
        _check_bands(num_bands, too_few)
        self.num_bands = num_bands
        self.too_few = too_few

    def transform(self, results: dict) -> dict | None:
        """Take the bands of 'img' (h, w, C); None for an image with too few bands that is to be skipped."""
        image = results['img']
        if _has_too_few(self, image.shape[-1], results):
            return None
        drawn = np.sort(np.random.choice(image.shape[-1], self.num_bands, replace=False))[::-1]
        # band by band: nothing else of a memory map is loaded
        results['img'] = np.stack([image[..., band].astype(np.float32) for band in drawn], axis=-1)
        for key in ('bands', 'wavelengths'):
            if key in results:
                results[key] = np.asarray(results[key])[drawn]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(num_bands={self.num_bands}, too_few={self.too_few!r})'


@TRANSFORMS.register_module()
class RandomTileCrop(BaseTransform):
    """Takes a random square of 'img'; 'img_shape' is updated, and 'crop' (top, left, height, width) is added.

    Best placed before the band window: then only the pixels of the square are loaded from a memory map. 'origin'
    remains that of the tile.

    Args:
        size (int): Side of the square in pixels.

    Raises:
        ValueError: If an image is smaller.
    """

    def __init__(self, size: int):
        if size < 1:
            raise ValueError(f'size must be positive, not {size}')
        self.size = size

    def transform(self, results: dict) -> dict:
        """Cut the square from 'img' (h, w, C)."""
        height, width = results['img'].shape[:2]
        if min(height, width) < self.size:
            raise ValueError(
                f'RandomTileCrop takes {self.size} x {self.size} pixels, but {_name(results)} has {height} x {width}'
            )
        top = int(np.random.randint(height - self.size + 1))
        left = int(np.random.randint(width - self.size + 1))
        results['img'] = results['img'][top : top + self.size, left : left + self.size]
        results['img_shape'] = (self.size, self.size)
        results['crop'] = (top, left, self.size, self.size)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size})'
