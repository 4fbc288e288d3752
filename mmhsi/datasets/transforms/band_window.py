"""Parts of a tile for pre-training: some of its bands, consecutive or not, and a smaller square of pixels."""

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
    """Whether an image is to be skipped for its number of bands."""
    if found >= transform.num_bands or transform.too_few == 'skip':
        return found < transform.num_bands
    raise ValueError(
        f'{type(transform).__name__} takes {transform.num_bands} bands, but {_name(results)} has '
        f"{found}; too_few='skip' leaves such tiles out"
    )


class _BandWindow(BaseTransform):
    """Takes consecutive bands of 'img' (h, w, C), 'bands' (C,) and 'wavelengths' (C,).

    Only these bands are loaded if 'img' is a memory map. Adds the key 'band_start'.
    """

    def __init__(self, num_bands: int = 100, too_few: str = 'error'):
        _check_bands(num_bands, too_few)
        self.num_bands = num_bands
        self.too_few = too_few

    def start(self, spare: int, results: dict) -> int:
        """First band of the window, from 0 to ``spare``; to be written by the subclass."""
        raise NotImplementedError

    def transform(self, results: dict) -> dict | None:
        """Cut the window out; None for an image of too few bands that is to be skipped."""
        image = results['img']
        if _has_too_few(self, image.shape[-1], results):
            return None
        start = self.start(image.shape[-1] - self.num_bands, results)
        window = slice(start, start + self.num_bands)
        # order 'K' keeps the order of the axes in memory, so that the bands are read and later packed as they lie
        results['img'] = image[..., window].astype(np.float32, order='K')
        for key in ('bands', 'wavelengths'):
            if key in results:
                results[key] = results[key][window]
        results['band_start'] = start
        return results


def _name(results: dict) -> str:
    origin = results.get('origin')
    return 'the image' if origin is None else 'the tile at row {row}, column {col} of {scene}'.format(**origin)


def _file_share(results: dict, seed: int) -> float:
    """A number in [0, 1) that belongs to the tile, whatever the order of tiles, the worker, the rank and the epoch."""
    origin = results.get('origin')
    if origin is None:
        raise ValueError(
            "a window that is fixed for each file needs the 'origin' of the sample, as the datasets of "
            'unlabelled tiles give it'
        )
    place = '\n'.join(str(origin[key]) for key in sorted(origin))
    return np.random.default_rng((seed, zlib.crc32(place.encode()))).random()


@TRANSFORMS.register_module()
class RandomBandWindow(_BandWindow):
    r"""Takes ``num_bands`` consecutive bands at a random place and makes the image float32.

    By default each sample gets a place of its own, drawn from all places with equal chance. With ``per_sample=False``
    every tile keeps its window over all epochs, as in the published pre-training of HyperSIGMA: the start is
    :math:`(C - n) r` rounded half to even, with one uniform number r for each tile; so the outermost places are half as
    likely as the others. (There r also changes with the rank that a file falls to; here it depends on the tile alone.)

    'bands' and 'wavelengths' of the sample are cut likewise; 'band_start' is added.

    Args:
        num_bands (int): Number of bands n. Defaults to 100.
        per_sample (bool): Whether each sample gets a window of its own. Defaults to True.
        seed (int): Seed of the windows with ``per_sample=False``. Otherwise they follow the seed of the run, see
            :func:`mmhsi.datasets.sample_seeds.seed_sample`. Defaults to 0.
        too_few (str): What happens to an image of fewer bands: 'error', or 'skip', which makes the dataset take another
            one and count it. Defaults to 'error'.

    Raises:
        ValueError: If an image has too few bands, with ``too_few='error'``.
    """

    def __init__(self, num_bands: int = 100, per_sample: bool = True, seed: int = 0, too_few: str = 'error'):
        super().__init__(num_bands, too_few)
        self.per_sample = per_sample
        self.seed = seed

    def start(self, spare: int, results: dict) -> int:
        if self.per_sample:
            return int(np.random.randint(spare + 1))
        return int(np.rint(spare * _file_share(results, self.seed)))

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(num_bands={self.num_bands}, per_sample={self.per_sample}, seed={self.seed}, '
            f'too_few={self.too_few!r})'
        )


@TRANSFORMS.register_module()
class CenterBandWindow(_BandWindow):
    """Takes the ``num_bands`` consecutive bands in the middle and makes the image float32, e.g. for validation.

    Args:
        num_bands (int): Number of bands. Defaults to 100.
        too_few (str): 'error' or 'skip', see :class:`RandomBandWindow`. Defaults to 'error'.
    """

    def start(self, spare: int, results: dict) -> int:
        return spare // 2

    def __repr__(self) -> str:
        return f'{type(self).__name__}(num_bands={self.num_bands}, too_few={self.too_few!r})'


@TRANSFORMS.register_module()
class RandomBands(BaseTransform):
    """Takes a few distinct bands drawn at random, the one of the longest wavelength first, and makes the image float32.

    With three bands this is the other way of the published pre-training code of HyperSIGMA to make images of one size
    out of any sensor. 'bands' and 'wavelengths' of the sample are taken likewise.

    Args:
        num_bands (int): Number of bands. Defaults to 3.
        descending (bool): From the last of the drawn bands to the first, as there. Defaults to True.
        too_few (str): 'error' or 'skip', see :class:`RandomBandWindow`. Defaults to 'error'.

    Raises:
        ValueError: If an image has too few bands, with ``too_few='error'``.
    """

    def __init__(self, num_bands: int = 3, descending: bool = True, too_few: str = 'error'):
        _check_bands(num_bands, too_few)
        self.num_bands = num_bands
        self.descending = descending
        self.too_few = too_few

    def transform(self, results: dict) -> dict | None:
        """Take the bands of 'img' (h, w, C); None for an image of too few bands that is to be skipped."""
        image = results['img']
        if _has_too_few(self, image.shape[-1], results):
            return None
        drawn = np.sort(np.random.choice(image.shape[-1], self.num_bands, replace=False))
        if self.descending:
            drawn = drawn[::-1]
        # one band after the other: of a memory map nothing else is loaded
        results['img'] = np.stack([image[..., band].astype(np.float32) for band in drawn], axis=-1)
        for key in ('bands', 'wavelengths'):
            if key in results:
                results[key] = np.asarray(results[key])[drawn]
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(num_bands={self.num_bands}, descending={self.descending}, too_few={self.too_few!r})'
        )


@TRANSFORMS.register_module()
class RandomTileCrop(BaseTransform):
    """Takes a square of 'img' at a random place; 'img_shape' follows, and 'crop' (top, left, height, width) is added.

    Best put before the band window: of a memory map only the pixels of the square are loaded then. 'origin' stays that
    of the tile.

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
        """Cut the square out of 'img' (h, w, C)."""
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
