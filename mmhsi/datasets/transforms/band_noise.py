"""Synthetic noise of single bands, with the conventions of :mod:`mmhsi.datasets.transforms.noise`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmhsi.datasets.transforms.noise import Noise, build_noises, check_amounts, check_share
from mmhsi.registry import TRANSFORMS


class BandNoise(Noise):
    """Base class for noise in a fraction of the bands."""

    def __init__(self, fraction: float = 1 / 3, seed: int | None = None):
        super().__init__(seed)
        check_share('fraction', fraction)
        self.fraction = fraction

    def num_bands(self, bands: int) -> int:
        """Number of bands out of ``bands`` that are corrupted, rounded down."""
        number = int(self.fraction * bands + 1e-9)  # 0.29 * 100 is a little less than 29
        if self.fraction and not number:
            raise ValueError(
                f'{type(self).__name__} is to corrupt {self.fraction:.3g} of {bands} bands, which rounds to none'
            )
        return number

    def corrupt_bands(self, cube: np.ndarray, bands: np.ndarray, rng) -> None:
        """Change the given bands of the cube (H, W, C) in place; implemented by subclasses."""
        raise NotImplementedError

    def corrupt(self, cube: np.ndarray, rng) -> np.ndarray:
        bands = cube.shape[-1]
        self.corrupt_bands(cube, rng.permutation(bands)[: self.num_bands(bands)], rng)
        return cube


@TRANSFORMS.register_module()
class ImpulseNoise(BandNoise):
    """Replaces pixels of some bands by 0 or 1 with equal probability ("salt and pepper").

    Args:
        amounts (Sequence[float]): Fractions of the pixels of a band to replace; each band draws one with equal
            probability. Defaults to (0.1, 0.3, 0.5, 0.7).
        fraction (float): Fraction of the bands, chosen at random. Defaults to 1/3.
        seed (int, optional): Fixes the noise, see :class:`Noise`.
    """

    def __init__(
        self, amounts: Sequence[float] = (0.1, 0.3, 0.5, 0.7), fraction: float = 1 / 3, seed: int | None = None
    ):
        super().__init__(fraction, seed)
        for amount in amounts:
            check_share('an amount of impulses', amount)
        if not len(amounts):
            raise ValueError('no amount of impulses is given')
        self.amounts = tuple(amounts)

    def corrupt_bands(self, cube: np.ndarray, bands: np.ndarray, rng) -> None:
        amounts = np.asarray(self.amounts)[rng.randint(0, len(self.amounts), len(bands))]
        for band, amount in zip(bands, amounts, strict=True):
            replaced = rng.random_sample(cube.shape[:2]) < amount
            salt = rng.random_sample(cube.shape[:2]) < 0.5
            cube[replaced, band] = salt[replaced]


class _ColumnNoise(BandNoise):
    def __init__(self, min_amount: float, max_amount: float, fraction: float, seed: int | None):
        super().__init__(fraction, seed)
        check_amounts(min_amount, max_amount)
        self.min_amount = min_amount
        self.max_amount = max_amount

    def draw_numbers(self, low: int, high: int, width: int, bands: int, rng) -> np.ndarray:
        if low >= high:
            raise ValueError(
                f'{type(self).__name__} is to change {self.min_amount:g} to {self.max_amount:g} of '
                f'{width} columns, a range that holds no whole number; use wider cubes or amounts'
            )
        return rng.randint(low, high, bands)


@TRANSFORMS.register_module()
class StripeNoise(_ColumnNoise):
    r"""Shifts single columns of some bands by a constant each.

    Of W columns each band draws :math:`n \in [\lfloor a W \rfloor, \lfloor b W \rfloor)` distinct ones, and each of
    these a constant from the range ±``strength``.

    Args:
        min_amount (float): Smallest fraction a of the columns. Defaults to 0.05.
        max_amount (float): Largest fraction b of the columns. Defaults to 0.15.
        strength (float): Largest shift. Defaults to 0.25.
        fraction (float): Fraction of the bands, chosen at random. Defaults to 1/3.
        seed (int, optional): Fixes the noise, see :class:`Noise`.
    """

    def __init__(
        self,
        min_amount: float = 0.05,
        max_amount: float = 0.15,
        strength: float = 0.25,
        fraction: float = 1 / 3,
        seed: int | None = None,
    ):
        super().__init__(min_amount, max_amount, fraction, seed)
        check_share('strength', strength)
        self.strength = strength

    def corrupt_bands(self, cube: np.ndarray, bands: np.ndarray, rng) -> None:
        width = cube.shape[1]
        low, high = int(np.floor(self.min_amount * width)), int(np.floor(self.max_amount * width))
        for band, number in zip(bands, self.draw_numbers(low, high, width, len(bands), rng), strict=True):
            columns = rng.permutation(width)[:number]
            cube[:, columns, band] -= rng.uniform(-self.strength, self.strength, number)


@TRANSFORMS.register_module()
class DeadlineNoise(_ColumnNoise):
    r"""Sets single columns of some bands to 0, as dead detector elements do.

    Of W columns each band draws :math:`n \in [\lceil a W \rceil, \lceil b W \rceil)` distinct ones.

    Args:
        min_amount (float): Smallest fraction a of the columns. Defaults to 0.05.
        max_amount (float): Largest fraction b of the columns. Defaults to 0.15.
        fraction (float): Fraction of the bands, chosen at random. Defaults to 1/3.
        seed (int, optional): Fixes the noise, see :class:`Noise`.
    """

    def __init__(
        self, min_amount: float = 0.05, max_amount: float = 0.15, fraction: float = 1 / 3, seed: int | None = None
    ):
        super().__init__(min_amount, max_amount, fraction, seed)

    def corrupt_bands(self, cube: np.ndarray, bands: np.ndarray, rng) -> None:
        width = cube.shape[1]
        low, high = int(np.ceil(self.min_amount * width)), int(np.ceil(self.max_amount * width))
        for band, number in zip(bands, self.draw_numbers(low, high, width, len(bands), rng), strict=True):
            cube[:, rng.permutation(width)[:number], band] = 0


@TRANSFORMS.register_module()
class MissingBands(BandNoise):
    """Sets some bands to 0, as a detector that has failed does.

    Args:
        fraction (float): Fraction of the bands, chosen at random. Defaults to 1/3.
        seed (int, optional): Fixes the noise, see :class:`Noise`.
    """

    def corrupt_bands(self, cube: np.ndarray, bands: np.ndarray, rng) -> None:
        cube[..., bands] = 0


@TRANSFORMS.register_module()
class MixedNoise(Noise):
    """Adds different kinds of noise to disjoint, randomly chosen subsets of the bands.

    Args:
        noises (Sequence[dict]): ``ImpulseNoise``, ``StripeNoise`` and ``DeadlineNoise`` as configs, in order of
            application, each with its ``fraction`` of the bands; the fractions must not exceed 1 in total. Their own
            seeds are not used.
        seed (int, optional): Fixes the noise, see :class:`Noise`.

    Raises:
        ValueError: If one of them is not a noise of single bands, or the fractions exceed 1 in total.
    """

    def __init__(self, noises: Sequence[dict], seed: int | None = None):
        super().__init__(seed)
        self.noises = build_noises(noises)
        for noise in self.noises:
            if not isinstance(noise, BandNoise):
                raise ValueError(f'MixedNoise mixes noise of single bands, which {type(noise).__name__} is not')
        total = sum(noise.fraction for noise in self.noises)
        if total > 1 + 1e-9:
            raise ValueError(f'the noises of MixedNoise take {total:.3g} of the bands in total, more than all of them')

    def corrupt(self, cube: np.ndarray, rng) -> np.ndarray:
        order = rng.permutation(cube.shape[-1])
        start = 0
        for noise in self.noises:
            stop = start + noise.num_bands(cube.shape[-1])
            noise.corrupt_bands(cube, order[start:stop], rng)
            start = stop
        return cube
