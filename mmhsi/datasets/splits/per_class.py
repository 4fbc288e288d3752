"""Random pixels of each class: a number, a share, or a few from another split."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np
from mmengine.logging import print_log
from scipy import ndimage

from mmhsi.datasets.splits.split import BaseSplitter, Split
from mmhsi.registry import TASK_UTILS


def shuffled_class_pixels(labels: np.ndarray, num_classes: int, rng: np.random.RandomState) -> Iterator[np.ndarray]:
    """Flat pixel indices of one class after the other, each in raster order and then shuffled.

    Args:
        labels (np.ndarray): Labels of any shape, classes 0 to K - 1.
        num_classes (int): Number of classes K.
        rng (np.random.RandomState): NumPy's legacy generator, so that a seed gives the same pixels as in published
            code.

    Yields:
        np.ndarray: int64 indices of the next class.
    """
    flat = labels.ravel()
    for label in range(num_classes):
        indices = np.flatnonzero(flat == label)
        rng.shuffle(indices)
        yield indices


def keep_one_for_test(count: int, train: int, val: int) -> tuple[int, int]:
    """Training and validation pixels of a class with ``count`` pixels.

    At least one pixel is kept for testing and at least one for training: min(train, max(1, count - 1)) pixels train, at
    most count - train - 1 validate.
    """
    train = min(train, max(1, count - 1), count)
    return train, max(0, min(val, count - train - 1))


class _PerClassSplitter(BaseSplitter):
    """Draws a number of pixels of each class."""

    def __init__(self, seed: int, small_class: str):
        if small_class not in ('shrink', 'error', 'reference'):
            raise ValueError(f'small_class must be "shrink", "error" or "reference", not {small_class!r}')
        self.seed = seed
        self.small_class = small_class

    def wanted(self, counts: Sequence[int]) -> list[tuple[int, int]]:
        """Requested training and validation pixels of each class, given its number of pixels."""
        raise NotImplementedError

    def per_class(self, labels: np.ndarray, classes: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Train, val and test indices of each class in the order in which they were drawn."""
        pixels = list(shuffled_class_pixels(labels, len(classes), np.random.RandomState(self.seed)))
        parts = []
        for name, indices, (train, val) in zip(classes, pixels, self.wanted([len(p) for p in pixels]), strict=True):
            if self.small_class != 'reference':
                train, val = self._fit_to_class(name, len(indices), train, val)
            parts.append(tuple(np.split(indices, [min(train, len(indices)), min(train + val, len(indices))])))
        return parts

    def _fit_to_class(self, name: str, count: int, train: int, val: int) -> tuple[int, int]:
        fitted = keep_one_for_test(count, train, val)
        if fitted != (train, val) and count:
            message = (
                f'class {name!r}: {train} training and {val} validation pixels are asked for and one is kept '
                f'for testing, but only {count} are labelled'
            )
            if self.small_class == 'error':
                raise ValueError(message)
            print_log(
                f'{message}; {fitted[0]} train, {fitted[1]} validate, {count - sum(fitted)} test',
                'current',
                logging.WARNING,
            )
        return fitted

    def draw(self, labels: np.ndarray, classes: Sequence[str]) -> Split:
        return Split(
            *(np.concatenate(part) for part in zip(*self.per_class(labels, classes), strict=True)), labels.shape
        )


@TASK_UTILS.register_module()
class NumberSplit(_PerClassSplitter):
    """A fixed number of random training and validation pixels of each class; all others are for testing.

    Args:
        train (int | Sequence[int]): Training pixels of each class. Defaults to 10.
        val (int | Sequence[int]): Validation pixels of each class. Defaults to 5.
        seed (int): Seed of NumPy's legacy generator. Defaults to 0.
        small_class (str): Treatment of classes with fewer than train + val + 1 pixels. 'shrink' takes min(train, max(1,
            count - 1)) training pixels, then as many validation pixels as leave one for testing, and logs it; 'error'
            refuses; 'reference' follows the published HyperSIGMA code: 10 training pixels if the number used for the
            previous class exceeds count + 1, with nothing kept for testing.
    """

    def __init__(
        self, train: int | Sequence[int] = 10, val: int | Sequence[int] = 5, seed: int = 0, small_class: str = 'shrink'
    ):
        super().__init__(seed, small_class)
        if np.min(train) < 1 or np.min(val) < 0:
            raise ValueError(f'each class needs at least 1 training and 0 validation pixels, not {train} and {val}')
        if small_class == 'reference' and np.ndim(train):
            raise ValueError('small_class="reference" takes one number of training pixels for all classes')
        self.train = train
        self.val = val

    def wanted(self, counts: Sequence[int]) -> list[tuple[int, int]]:
        for name, number in (('train', self.train), ('val', self.val)):
            if np.ndim(number) and len(number) != len(counts):
                raise ValueError(f'{name} gives {len(number)} numbers of pixels, but there are {len(counts)} classes')
        train = np.broadcast_to(self.train, len(counts)).tolist()
        if self.small_class == 'reference':
            previous = self.train
            for index, count in enumerate(counts):
                train[index] = previous = 10 if previous > count + 1 else self.train
        return list(zip(train, np.broadcast_to(self.val, len(counts)).tolist(), strict=True))


@TASK_UTILS.register_module()
class RatioSplit(_PerClassSplitter):
    """A fixed share of random training and validation pixels of each class, rounded up; all others are for testing.

    Args:
        train (float): Share of training pixels, 0 to 1. Defaults to 0.1.
        val (float): Share of validation pixels. Defaults to 0.1.
        seed (int): Seed of NumPy's legacy generator. Defaults to 0.
        small_class (str): 'shrink', 'error' or 'reference', as in :class:`NumberSplit`; 'reference' takes the rounded
            shares even if none is left for testing.
    """

    def __init__(self, train: float = 0.1, val: float = 0.1, seed: int = 0, small_class: str = 'shrink'):
        super().__init__(seed, small_class)
        check_ratios(train, val)
        self.train = train
        self.val = val

    def wanted(self, counts: Sequence[int]) -> list[tuple[int, int]]:
        return [(int(np.ceil(count * self.train)), int(np.ceil(count * self.val))) for count in counts]


def check_ratios(train: float, val: float) -> None:
    if not (train > 0 and val >= 0 and train + val < 1):
        raise ValueError(
            f'the shares of training and validation pixels must be positive and sum up to less than 1, '
            f'not {train} and {val}'
        )


@TASK_UTILS.register_module()
class LimitedSplit(BaseSplitter):
    """A limited number of random training and validation pixels of each class from another split.

    Its other training and validation pixels are in no set. With a block split this gives the usual few labels per
    class, but apart from the test pixels.

    Args:
        split (dict): Config of the splitter to draw from, e.g. ``BlockSplit``.
        train (int): Training pixels of each class at most. Defaults to 10.
        val (int): Validation pixels of each class at most. Defaults to 5.
        guard (int): A test pixel lies more than ``guard`` rows or columns away from every drawn training pixel, and so
            does a drawn validation pixel; pixels in between are in no set. With ``guard = window // 2`` no window
            around a test pixel holds a training pixel, with ``guard = window - 1`` it shares no pixel with a training
            window. Defaults to 0.
        seed (int): Seed of the choice. The other split has its own. Defaults to 0.

    Raises:
        ValueError: If a number is out of range, or the guard leaves no test pixel when it is drawn.
    """

    def __init__(self, split: dict, train: int = 10, val: int = 5, guard: int = 0, seed: int = 0):
        if train < 1 or min(val, guard) < 0:
            raise ValueError(
                f'train must be at least 1, val and guard must not be negative, found {train}, {val} and {guard}'
            )
        self.split = TASK_UTILS.build(split)
        self.limits = (train, val)
        self.guard = guard
        self.seed = seed

    def draw(self, labels: np.ndarray, classes: Sequence[str]) -> Split:
        whole = self.split.draw(labels, classes)
        rng = np.random.RandomState(self.seed)
        train = self._take(whole.train, labels, len(classes), self.limits[0], rng)
        near = self._near(train, labels.shape)
        val = self._take(whole.val[~near[whole.val]], labels, len(classes), self.limits[1], rng)
        test = whole.test[~near[whole.test]]
        if not len(test):
            raise ValueError(
                f'a guard of {self.guard} pixels around {len(train)} training pixels leaves none of '
                f'{len(whole.test)} test pixels'
            )
        return Split(train, val, test, labels.shape)

    @staticmethod
    def _take(
        pixels: np.ndarray, labels: np.ndarray, num_classes: int, limit: int, rng: np.random.RandomState
    ) -> np.ndarray:
        drawn = shuffled_class_pixels(labels.ravel()[pixels], num_classes, rng)
        return np.concatenate([pixels[indices[:limit]] for indices in drawn])

    def _near(self, train: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Whether a pixel lies within the guard of a training pixel; flat."""
        mask = np.zeros(shape, dtype=bool)
        mask.ravel()[train] = True
        if self.guard:
            mask = ndimage.maximum_filter(mask, 2 * self.guard + 1, mode='constant')
        return mask.ravel()
