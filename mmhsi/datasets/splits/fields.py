"""Folds of connected fields, for tests on fields without training pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from mmhsi.datasets.splits.split import BaseSplitter, Split
from mmhsi.registry import TASK_UTILS


@TASK_UTILS.register_module()
class FieldSplit(BaseSplitter):
    """Training and test pixels in different fields, of which a field is a connected area of one class.

    The fields of each class are assigned to the folds, the largest one first, each to the fold with the fewest pixels
    of the class; folds with equally many are drawn by the seed. The test pixels are those of one fold, in classes of at
    least two fields. Training and validation pixels are drawn from the other fields, those of a class of a single field
    from that. So every class of two or more fields is tested, in as many folds as it has fields, and the mean of
    recalls is over a fixed list of classes: with two folds over the same classes in both. Windows may reach from one
    field into another.

    Args:
        train (int): Training pixels of each class, fewer where its fields have fewer. Defaults to 10.
        val (int): Validation pixels of each class. Defaults to 5.
        folds (int): Number of folds, at least 2. Defaults to 2.
        fold (int): The fold that is tested, from 0. Defaults to 0.
        seed (int): Seed of NumPy's legacy generator, for folds and pixels. Defaults to 0.
    """

    def __init__(self, train: int = 10, val: int = 5, folds: int = 2, fold: int = 0, seed: int = 0):
        if train < 1 or val < 0:
            raise ValueError(f'each class needs at least 1 training and 0 validation pixels, not {train} and {val}')
        if folds < 2 or not 0 <= fold < folds:
            raise ValueError(f'at least two folds, and one of them for testing, are needed, not fold {fold} of {folds}')
        self.train, self.val = train, val
        self.folds, self.fold = folds, fold
        self.seed = seed

    def draw(self, labels: np.ndarray, classes: Sequence[str]) -> Split:
        dealing = np.random.RandomState(self.seed)  # the same in all folds, in which different numbers are drawn
        rng = np.random.RandomState(self.seed)
        parts: dict[str, list[np.ndarray]] = dict(train=[], val=[], test=[])
        for label in range(len(classes)):
            fields, count = ndimage.label(labels == label, np.ones((3, 3)))
            if not count:
                continue
            inside = np.flatnonzero(fields)
            fold_of = self._deal(np.bincount(fields.ravel())[1:], dealing)[fields.ravel()[inside] - 1]
            tested = fold_of == self.fold
            if count == 1:
                tested[:] = False
            parts['test'].append(inside[tested])
            drawn = rng.permutation(inside[~tested])
            train = min(self.train, max(len(drawn) - self.val, 1))
            parts['train'].append(drawn[:train])
            parts['val'].append(drawn[train : train + self.val])
        return Split(*(np.concatenate(parts[name]) for name in ('train', 'val', 'test')), labels.shape)

    def _deal(self, sizes: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        """Fold of each field from their sizes."""
        fold_of, held = np.empty(len(sizes), np.int64), np.zeros(self.folds)
        for field in np.argsort(-sizes, kind='stable'):
            fold_of[field] = rng.choice(np.flatnonzero(held == held.min()))
            held[fold_of[field]] += sizes[field]
        return fold_of
