"""Splitters: training, validation and test pixels drawn by seed or by blocks, or read from files."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import print_log
from scipy import ndimage

from mmhsi.datasets.class_info import IGNORE_INDEX
from mmhsi.datasets.io import read_labels
from mmhsi.datasets.splits.split import SUBSETS, BaseSplitter, Split, class_counts
from mmhsi.registry import TASK_UTILS


def shuffled_class_pixels(labels: np.ndarray, num_classes: int, rng: np.random.RandomState) -> Iterator[np.ndarray]:
    """Flat pixel indices of one class after the other, each in raster order and then shuffled.

    Args:
        labels (np.ndarray): Labels of any shape, classes 0 to K - 1.
        num_classes (int): Number of classes K.
        rng (np.random.RandomState): NumPy's legacy generator, so that a seed draws what it draws in published code.

    Yields:
        np.ndarray: int64 indices of the next class.
    """
    flat = labels.ravel()
    for label in range(num_classes):
        indices = np.flatnonzero(flat == label)
        rng.shuffle(indices)
        yield indices


def keep_one_for_test(count: int, train: int, val: int) -> tuple[int, int]:
    """Training and validation pixels of a class that has ``count`` pixels.

    At least one pixel stays for testing and at least one for training: min(train, max(1, count - 1)) pixels train, at
    most count - train - 1 validate.
    """
    train = min(train, max(1, count - 1), count)
    return train, max(0, min(val, count - train - 1))


class _PerClassSplitter(BaseSplitter):
    """Draws so many pixels of each class."""

    def __init__(self, seed: int, small_class: str):
        if small_class not in ('shrink', 'error', 'reference'):
            raise ValueError(f'small_class must be "shrink", "error" or "reference", not {small_class!r}')
        self.seed = seed
        self.small_class = small_class

    def wanted(self, counts: Sequence[int]) -> list[tuple[int, int]]:
        """Training and validation pixels asked for in each class, given the number of its pixels."""
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
            message = (f'class {name!r}: {train} training and {val} validation pixels are asked for and one is kept '
                       f'for testing, but only {count} are labelled')
            if self.small_class == 'error':
                raise ValueError(message)
            print_log(f'{message}; {fitted[0]} train, {fitted[1]} validate, {count - sum(fitted)} test', 'current',
                      logging.WARNING)
        return fitted

    def draw(self, labels: np.ndarray, classes: Sequence[str]) -> Split:
        return Split(*(np.concatenate(part) for part in zip(*self.per_class(labels, classes), strict=True)),
                     labels.shape)


@TASK_UTILS.register_module()
class NumberSplit(_PerClassSplitter):
    """A fixed number of random training and validation pixels of each class; all others are for testing.

    Args:
        train (int | Sequence[int]): Training pixels of each class. Defaults to 10.
        val (int | Sequence[int]): Validation pixels of each class. Defaults to 5.
        seed (int): Seed of NumPy's legacy generator. Defaults to 0.
        small_class (str): What happens to a class with fewer than train + val + 1 pixels. 'shrink' takes
            min(train, max(1, count - 1)) training pixels, then as many validation pixels as leave one for testing, and
            logs it; 'error' refuses; 'reference' does what the published HyperSIGMA code does: 10 training pixels as
            soon as the number used for the class before exceeds count + 1, nothing kept for testing.
    """

    def __init__(self,
                 train: int | Sequence[int] = 10,
                 val: int | Sequence[int] = 5,
                 seed: int = 0,
                 small_class: str = 'shrink'):
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
            shares although none may be left for testing.
    """

    def __init__(self, train: float = 0.1, val: float = 0.1, seed: int = 0, small_class: str = 'shrink'):
        super().__init__(seed, small_class)
        _check_ratios(train, val)
        self.train = train
        self.val = val

    def wanted(self, counts: Sequence[int]) -> list[tuple[int, int]]:
        return [(int(np.ceil(count * self.train)), int(np.ceil(count * self.val))) for count in counts]


def _check_ratios(train: float, val: float) -> None:
    if not (train > 0 and val >= 0 and train + val < 1):
        raise ValueError(f'the shares of training and validation pixels must be positive and sum up to less than 1, '
                         f'not {train} and {val}')


@TASK_UTILS.register_module()
class BlockSplit(BaseSplitter):
    """A spatially disjoint split: whole square blocks of the scene are for training, validation or testing.

    Windows around random training and test pixels overlap, so that a random split rates a model better than it is on
    unseen ground. Here blocks are drawn until every class has its share; the rarest classes choose first, and a class
    gives its last free block to testing unless it has only one, which is for training.

    Args:
        train (float): Share of the pixels of each class that the training blocks hold at least. Defaults to 0.1.
        val (float): Share of the pixels of each class for validation. Defaults to 0.1.
        block_size (int): Side of a block in pixels. Defaults to 16.
        guard (int): Width of the strip in pixels that separates the sets: a test pixel lies more than ``guard`` rows
            or columns away from every training and validation pixel, a validation pixel from every training pixel. With
            ``guard = window - 1`` no two windows of different sets share a pixel. What lies nearer is in no set.
            Defaults to 0.
        seed (int): Seed of NumPy's legacy generator. Defaults to 0.
    """

    def __init__(self, train: float = 0.1, val: float = 0.1, block_size: int = 16, guard: int = 0, seed: int = 0):
        _check_ratios(train, val)
        if block_size < 1 or guard < 0:
            raise ValueError(f'block_size must be at least 1 and guard at least 0, not {block_size} and {guard}')
        self.ratios = (train, val)
        self.block_size = block_size
        self.guard = guard
        self.seed = seed

    def draw(self, labels: np.ndarray, classes: Sequence[str]) -> Split:
        height, width = labels.shape
        blocks_wide = -(-width // self.block_size)
        block_of = (np.arange(height)[:, None] // self.block_size * blocks_wide + np.arange(width) // self.block_size)
        labelled = labels != IGNORE_INDEX
        pixels = np.zeros((int(block_of.max()) + 1, len(classes)), dtype=np.int64)
        np.add.at(pixels, (block_of[labelled], labels[labelled]), 1)

        owner = self._assign(pixels)
        owner_of = owner[block_of]
        train, val, test = ((owner_of == role) & labelled for role in range(3))
        if self.guard:
            val &= ~self._grow(train)
            test &= ~self._grow(train | val)
        for name, found, total in zip(classes, class_counts(labels[test], len(classes)), pixels.sum(0), strict=True):
            if total and not found:
                print_log(f'class {name!r} has no test pixel in the block split; smaller blocks or a narrower guard '
                          f'may help', 'current', logging.WARNING)
        return Split(*(np.flatnonzero(part) for part in (train, val, test)), labels.shape)

    def _grow(self, mask: np.ndarray) -> np.ndarray:
        return ndimage.maximum_filter(mask, size=2 * self.guard + 1, mode='constant', cval=False)

    def _assign(self, pixels: np.ndarray) -> np.ndarray:
        """Set of each block (0 train, 1 val, 2 test) from the pixels of shape (blocks, classes)."""
        rng = np.random.RandomState(self.seed)
        owner = np.full(len(pixels), 2)
        for role, ratio in enumerate(self.ratios):
            for label in np.argsort((pixels > 0).sum(0), kind='stable'):
                missing = ratio * pixels[:, label].sum() - pixels[owner == role, label].sum()
                for block in rng.permutation(np.flatnonzero((owner == 2) & (pixels[:, label] > 0))):
                    if missing <= 0:
                        break
                    last_block_of = (pixels[block] > 0) & ((pixels[owner == 2] > 0).sum(0) == 1)
                    untrained = role == 0 and not pixels[owner == 0, label].any()
                    # The last free block of a class is kept for testing, unless the class has no training pixel yet.
                    if last_block_of.any() and not (untrained and last_block_of[label]):
                        continue
                    owner[block] = role
                    missing -= pixels[block, label]
        return owner


@TASK_UTILS.register_module()
class FileSplit(BaseSplitter):
    """A split that :meth:`Split.save` wrote.

    Args:
        path (str): The .npz file.
    """

    def __init__(self, path: str):
        self.path = path

    def draw(self, labels: np.ndarray, classes: Sequence[str]) -> Split:
        split = Split.load(self.path)
        if split.shape != labels.shape:
            raise ValueError(f'{self.path}: the split is of a scene of {split.shape[0]} x {split.shape[1]} pixels, but '
                             f'this scene has {labels.shape[0]} x {labels.shape[1]}')
        unlabelled = sum(int((labels.ravel()[getattr(split, name)] == IGNORE_INDEX).sum()) for name in SUBSETS)
        if unlabelled:
            raise ValueError(f'{self.path}: {unlabelled} pixels of the split are unlabelled in this scene; the file '
                             'belongs to another label map')
        return split


@TASK_UTILS.register_module()
class MapSplit(BaseSplitter):
    """The split that published training and test maps give.

    Args:
        train (str | dict): Label map of the training pixels: a path or dict(path, key), 0 elsewhere.
        test (str | dict, optional): Label map of the test pixels. By default all other labelled pixels are for testing.
        val (str | dict, optional): Label map of the validation pixels.
        val_number (int): Without ``val``: validation pixels of each class, drawn out of the training map.
        val_ratio (float): Without ``val`` and ``val_number``: share of the training map for validation, rounded up.
        seed (int): Seed of NumPy's legacy generator. Defaults to 0.

    Raises:
        ValueError: If a map has another size than the scene or contradicts the labels of the scene.
    """

    def __init__(self,
                 train: str | dict,
                 test: str | dict | None = None,
                 val: str | dict | None = None,
                 val_number: int = 0,
                 val_ratio: float = 0,
                 seed: int = 0):
        if sum(bool(option) for option in (val, val_number, val_ratio)) > 1:
            raise ValueError('give at most one of val, val_number and val_ratio')
        if val_number < 0 or not 0 <= val_ratio < 1:
            raise ValueError(f'val_number must not be negative and val_ratio lie in [0, 1), not {val_number} and '
                             f'{val_ratio}')
        self.train = train
        self.test = test
        self.val = val
        self.val_number = val_number
        self.val_ratio = val_ratio
        self.seed = seed

    def draw(self, labels: np.ndarray, classes: Sequence[str]) -> Split:
        train = self._pixels(self.train, labels)
        if self.val is not None:
            val = self._pixels(self.val, labels)
        else:
            val = self._take_val(train, labels, len(classes))
            train = np.setdiff1d(train, val)
        if self.test is not None:
            test = self._pixels(self.test, labels)
        else:
            test = np.setdiff1d(np.flatnonzero(labels != IGNORE_INDEX), np.concatenate([train, val]))
        return Split(train, val, test, labels.shape)

    def _take_val(self, train: np.ndarray, labels: np.ndarray, num_classes: int) -> np.ndarray:
        taken = []
        for indices in shuffled_class_pixels(labels.ravel()[train], num_classes, np.random.RandomState(self.seed)):
            number = self.val_number or int(np.ceil(len(indices) * self.val_ratio))
            taken.append(train[indices[:max(0, min(number, len(indices) - 1))]])
        return np.concatenate(taken)

    @staticmethod
    def _pixels(source: str | dict, labels: np.ndarray) -> np.ndarray:
        source = {'path': source} if isinstance(source, (str, Path)) else dict(source)
        stored = read_labels(**source, shape=labels.shape).ravel()
        pixels = np.flatnonzero(stored > 0)
        known = labels.ravel()[pixels]
        contradicting = (known != IGNORE_INDEX) & (known != stored[pixels] - 1)
        if contradicting.any():
            raise ValueError(f'{source["path"]}: {np.count_nonzero(contradicting)} of {len(pixels)} pixels have '
                             'another class than in the label map of the scene')
        unlabelled = known == IGNORE_INDEX
        if unlabelled.any():
            print_log(f'{source["path"]}: {np.count_nonzero(unlabelled)} of {len(pixels)} pixels are unlabelled or '
                      'masked in the scene and left out', 'current', logging.WARNING)
        return pixels[~unlabelled]
