"""A few pixels of each class out of another split, apart from the pixels that are evaluated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from mmhsi.datasets.splits.split import BaseSplitter, Split
from mmhsi.datasets.splits.splits import shuffled_class_pixels
from mmhsi.registry import TASK_UTILS


@TASK_UTILS.register_module()
class LimitedSplit(BaseSplitter):
    """At most so many random training and validation pixels of each class, out of those of another split.

    Its other training and validation pixels are in no set. With a split by blocks this gives the usual few labels per
    class, but away from the test pixels.

    Args:
        split (dict): Config of the splitter to draw from, e.g. ``BlockSplit``.
        train (int): Training pixels of each class at most. Defaults to 10.
        val (int): Validation pixels of each class at most. Defaults to 5.
        guard (int): A test pixel lies more than ``guard`` rows or columns away from every drawn training pixel, and a
            drawn validation pixel too; what lies nearer is in no set. With ``guard = window // 2`` no window around a
            test pixel holds a training pixel, with ``guard = window - 1`` it shares no pixel with a training window.
            Defaults to 0.
        seed (int): Seed of the choice. The other split has its own. Defaults to 0.

    Raises:
        ValueError: If a number is out of range; when it is drawn, if the guard leaves no test pixel.
    """

    def __init__(self, split: dict, train: int = 10, val: int = 5, guard: int = 0, seed: int = 0):
        if train < 1 or min(val, guard) < 0:
            raise ValueError(f'train must be at least 1, val and guard must not be negative, found {train}, {val} and '
                             f'{guard}')
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
            raise ValueError(f'a guard of {self.guard} pixels around {len(train)} training pixels leaves none of '
                             f'{len(whole.test)} test pixels')
        return Split(train, val, test, labels.shape)

    @staticmethod
    def _take(pixels: np.ndarray, labels: np.ndarray, num_classes: int, limit: int,
              rng: np.random.RandomState) -> np.ndarray:
        drawn = shuffled_class_pixels(labels.ravel()[pixels], num_classes, rng)
        return np.concatenate([pixels[indices[:limit]] for indices in drawn])

    def _near(self, train: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Whether a pixel lies within the guard of a training pixel; flat."""
        mask = np.zeros(shape, dtype=bool)
        mask.ravel()[train] = True
        if self.guard:
            mask = ndimage.maximum_filter(mask, 2 * self.guard + 1, mode='constant')
        return mask.ravel()
