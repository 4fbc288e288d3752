"""Synthetic noise of hyperspectral cubes, for denoising.

All transforms change 'img' of shape (H, W, C), of a float type that they keep, with values in [0, 1], and do not modify
the given array. Standard deviations are given on the scale of 8-bit images, as is common: 25 means 25 / 255. Nothing is
clipped afterwards.

By default they draw from NumPy's global generator, which MMEngine seeds in each worker. With a ``seed`` the noise is
fixed: it depends only on the seed and on the 'sample_idx' of the sample, so that all methods are tested on the same
noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmhsi.registry import TRANSFORMS

# Larger values cannot be a cube in [0, 1], not even a noisy one.
_LARGEST = 10.0


def check_share(name: str, share: float) -> None:
    """Raise a ValueError unless ``share`` lies in [0, 1]."""
    if not 0 <= share <= 1:
        raise ValueError(f'{name} must lie in [0, 1], not {share}')


def _check_sigmas(sigmas: Sequence[float]) -> None:
    for sigma in sigmas:
        if not 0 <= sigma <= 255:
            raise ValueError(f'a standard deviation of noise must lie in [0, 255], not {sigma}')
    if not len(sigmas):
        raise ValueError('no standard deviation is given')


def check_amounts(min_amount: float, max_amount: float) -> None:
    """Raise a ValueError unless the fractions of the columns are a range within [0, 1]."""
    if not 0 <= min_amount < max_amount <= 1:
        raise ValueError(
            f'the amounts of columns must be 0 <= min_amount < max_amount <= 1, not {min_amount} and {max_amount}'
        )


class Noise(BaseTransform):
    """Base class for noise: ``corrupt`` gets a copy of the cube and a generator with the methods of ``numpy.random``.

    Args:
        seed (int, optional): Fixes the noise, see the module.
    """

    def __init__(self, seed: int | None = None):
        if seed is not None and seed < 0:
            raise ValueError(f'seed must not be negative, found {seed}')
        self.seed = seed

    def corrupt(self, cube: np.ndarray, rng) -> np.ndarray:
        """Return the cube (H, W, C) with noise, which may be the changed cube itself; implemented by subclasses."""
        raise NotImplementedError

    def transform(self, results: dict) -> dict:
        """Corrupt 'img' of shape (H, W, C)."""
        name = type(self).__name__
        cube = results['img']
        if cube.ndim != 3 or cube.dtype.kind != 'f':
            raise ValueError(
                f'{name} takes a cube (H, W, C) of a float type with values in [0, 1], not '
                f'{cube.dtype} of shape {cube.shape}'
            )
        if not np.abs(cube).max() <= _LARGEST:
            raise ValueError(
                f'{name} takes values in [0, 1], but the cube reaches {np.abs(cube).max():g}; scale it first'
            )
        rng = np.random if self.seed is None else np.random.RandomState([self.seed, results.get('sample_idx', 0)])
        results['img'] = self.corrupt(cube.copy(), rng)
        return results

    def __repr__(self) -> str:
        options = ', '.join(f'{name}={value!r}' for name, value in vars(self).items())
        return f'{type(self).__name__}({options})'


def _normal(cube: np.ndarray, rng) -> np.ndarray:
    # band by band, in the order of the published generators, so that seeds reproduce them
    height, width, bands = cube.shape
    return np.moveaxis(rng.standard_normal((bands, height, width)), 0, -1)


@TRANSFORMS.register_module()
class GaussianNoise(Noise):
    """Adds independent Gaussian noise of the same strength to all values.

    Args:
        sigma (float | tuple[float, float]): Standard deviation on the scale of 8-bit images. For a pair, each sample
            draws one from this range ("blind" noise). Defaults to (10, 70).
        seed (int, optional): Fixes the noise, see the module.
    """

    def __init__(self, sigma: float | tuple[float, float] = (10.0, 70.0), seed: int | None = None):
        super().__init__(seed)
        if np.ndim(sigma) and (len(sigma) != 2 or sigma[0] > sigma[1]):
            raise ValueError(f'sigma must be a number or a range (low, high), not {sigma}')
        _check_sigmas(np.atleast_1d(sigma))
        self.sigma = sigma

    def corrupt(self, cube: np.ndarray, rng) -> np.ndarray:
        sigma = rng.uniform(*self.sigma) if np.ndim(self.sigma) else self.sigma
        return (cube + _normal(cube, rng) * (sigma / 255)).astype(cube.dtype)


@TRANSFORMS.register_module()
class NonIIDGaussianNoise(Noise):
    """Adds Gaussian noise; each band draws its strength from a list with equal probability.

    Args:
        sigmas (Sequence[float]): Standard deviations on the scale of 8-bit images. Defaults to (10, 30, 50, 70).
        seed (int, optional): Fixes the noise, see the module.
    """

    def __init__(self, sigmas: Sequence[float] = (10.0, 30.0, 50.0, 70.0), seed: int | None = None):
        super().__init__(seed)
        _check_sigmas(sigmas)
        self.sigmas = tuple(sigmas)

    def corrupt(self, cube: np.ndarray, rng) -> np.ndarray:
        sigmas = np.asarray(self.sigmas)[rng.randint(0, len(self.sigmas), cube.shape[-1])] / 255
        return (cube + _normal(cube, rng) * sigmas).astype(cube.dtype)


@TRANSFORMS.register_module()
class MissingStrips(Noise):
    r"""Sets vertical strips to 0 in all bands, for inpainting.

    Each strip has a width of 0 to :math:`\lceil b W \rceil - 1` columns; strips may overlap.

    Args:
        number (int): Number of strips. Defaults to 4.
        max_amount (float): Bound b of the fraction of the columns in a strip. Defaults to 0.1.
        seed (int, optional): Fixes the strips, see the module.
    """

    def __init__(self, number: int = 4, max_amount: float = 0.1, seed: int | None = None):
        super().__init__(seed)
        if number < 1:
            raise ValueError(f'number must be positive, not {number}')
        check_amounts(0, max_amount)
        self.number = number
        self.max_amount = max_amount

    def corrupt(self, cube: np.ndarray, rng) -> np.ndarray:
        width = cube.shape[1]
        bound = int(np.ceil(self.max_amount * width))
        widths = rng.randint(0, bound, self.number)
        for start, columns in zip(rng.randint(0, width - widths + 1), widths, strict=True):
            cube[:, start : start + columns] = 0
        return cube


def build_noises(noises: Sequence[dict]) -> list[Noise]:
    """Build noises from configs.

    Raises:
        ValueError: If one of them is not a noise transform.
    """
    noises = [TRANSFORMS.build(noise) if isinstance(noise, Mapping) else noise for noise in noises]
    for noise in noises:
        if not isinstance(noise, Noise):
            raise ValueError(f'{type(noise).__name__} is not a noise transform of this package')
    return noises


_GAUSSIAN = dict(type='mmhsi.NonIIDGaussianNoise', sigmas=(30, 50, 70, 90))
_IMPULSE, _STRIPE, _DEADLINE = (dict(type=f'mmhsi.{kind}Noise') for kind in ('Impulse', 'Stripe', 'Deadline'))


def _mixture(*noises: dict) -> tuple[dict, dict]:
    return _GAUSSIAN, dict(type='mmhsi.MixedNoise', noises=noises)


# The common test cases of hyperspectral denoising; the level of the first is not certain.
NOISE_CASES = {
    'case1': (dict(type='mmhsi.GaussianNoise', sigma=70),),
    'case2': _mixture(_IMPULSE),
    'case3': _mixture(_DEADLINE, _IMPULSE),
    'case4': _mixture(_STRIPE, _IMPULSE),
    'case5': _mixture(_STRIPE, _DEADLINE, _IMPULSE),
}


@TRANSFORMS.register_module()
class NoiseChain(Noise):
    """Several kinds of noise in sequence, with one generator.

    Args:
        noises (str | Sequence[dict]): Configs of noises, or the name of a test case in :data:`NOISE_CASES`: 'case1' is
            Gaussian noise of 70; the others draw 30, 50, 70 or 90 for each band and add, each on a third of the bands,
            impulses ('case2'), dead lines and impulses ('case3'), stripes and impulses ('case4'), or all three
            ('case5'). The seeds of the noises are not used.
        seed (int, optional): Fixes the noise, see the module.

    Raises:
        ValueError: If the name is unknown, or one of them is not a noise transform.
    """

    def __init__(self, noises: str | Sequence[dict], seed: int | None = None):
        super().__init__(seed)
        if isinstance(noises, str):
            if noises not in NOISE_CASES:
                raise ValueError(f'the noise cases are {", ".join(NOISE_CASES)}, there is no {noises!r}')
            noises = NOISE_CASES[noises]
        self.noises = build_noises(noises)

    def corrupt(self, cube: np.ndarray, rng) -> np.ndarray:
        for noise in self.noises:
            cube = noise.corrupt(cube, rng)
        return cube


@TRANSFORMS.register_module()
class NoiseChoice(Noise):
    """One of several kinds of noise for each sample, drawn with equal probability.

    Args:
        noises (Sequence[dict | None]): Configs of noises, None for none; a kind is drawn more often if it is listed
            several times. The seeds of the noises are not used.
        rotate (bool): Whether each worker takes them in turn instead, as in the published training of HyperSIGMA. A
            fixed ``seed`` has no effect on the order. Defaults to False.
        seed (int, optional): Fixes the noise, see the module.

    Raises:
        ValueError: If none is given, or one of them is not a noise transform.
    """

    def __init__(self, noises: Sequence[dict | None], rotate: bool = False, seed: int | None = None):
        super().__init__(seed)
        if not noises:
            raise ValueError('no noise is given')
        self.noises = [None if noise is None else build_noises([noise])[0] for noise in noises]
        self.rotate = rotate
        self._turn = 0

    def corrupt(self, cube: np.ndarray, rng) -> np.ndarray:
        if self.rotate:
            chosen, self._turn = self._turn, (self._turn + 1) % len(self.noises)
        else:
            chosen = int(rng.randint(len(self.noises)))
        noise = self.noises[chosen]
        return cube if noise is None else noise.corrupt(cube, rng)
