"""Splits from files: saved ones, and label maps of training and test."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from mmhsi.datasets.class_info import IGNORE_INDEX
from mmhsi.datasets.io import read_labels
from mmhsi.datasets.splits.per_class import shuffled_class_pixels
from mmhsi.datasets.splits.split import SUBSETS, BaseSplitter, Split
from mmhsi.registry import TASK_UTILS


@TASK_UTILS.register_module()
class FileSplit(BaseSplitter):
    """A split written by :meth:`Split.save`.

    Args:
        path (str): The .npz file.
    """

    def __init__(self, path: str):
        self.path = path

    def draw(self, labels: np.ndarray, classes: Sequence[str]) -> Split:
        split = Split.load(self.path)
        if split.shape != labels.shape:
            raise ValueError(
                f'{self.path}: the split is of a scene of {split.shape[0]} x {split.shape[1]} pixels, but '
                f'this scene has {labels.shape[0]} x {labels.shape[1]}'
            )
        unlabelled = sum(int((labels.ravel()[getattr(split, name)] == IGNORE_INDEX).sum()) for name in SUBSETS)
        if unlabelled:
            raise ValueError(
                f'{self.path}: {unlabelled} pixels of the split are unlabelled in this scene; the file '
                'belongs to another label map'
            )
        return split


@TASK_UTILS.register_module()
class MapSplit(BaseSplitter):
    """The split of published training and test maps.

    Args:
        train (str | dict): Label map of the training pixels: a path or dict(path, key), 0 elsewhere.
        test (str | dict, optional): Label map of the test pixels. By default all other labelled pixels are for testing.
        val (str | dict, optional): Label map of the validation pixels.
        val_number (int): Without ``val``: validation pixels of each class, drawn from the training map.
        val_ratio (float): Without ``val`` and ``val_number``: share of the training map for validation, rounded up.
        seed (int): Seed of NumPy's legacy generator. Defaults to 0.

    Raises:
        ValueError: If a map has another size than the scene or contradicts the labels of the scene.
    """

    def __init__(
        self,
        train: str | dict,
        test: str | dict | None = None,
        val: str | dict | None = None,
        val_number: int = 0,
        val_ratio: float = 0,
        seed: int = 0,
    ):
        if sum(bool(option) for option in (val, val_number, val_ratio)) > 1:
            raise ValueError('give at most one of val, val_number and val_ratio')
        if val_number < 0 or not 0 <= val_ratio < 1:
            raise ValueError(
                f'val_number must not be negative and val_ratio lie in [0, 1), not {val_number} and {val_ratio}'
            )
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
            taken.append(train[indices[: max(0, min(number, len(indices) - 1))]])
        return np.concatenate(taken)

    @staticmethod
    def _pixels(source: str | dict, labels: np.ndarray) -> np.ndarray:
        source = {'path': source} if isinstance(source, (str, Path)) else dict(source)
        stored = read_labels(**source, shape=labels.shape).ravel()
        pixels = np.flatnonzero(stored > 0)
        known = labels.ravel()[pixels]
        contradicting = (known != IGNORE_INDEX) & (known != stored[pixels] - 1)
        if contradicting.any():
            raise ValueError(
                f'{source["path"]}: {np.count_nonzero(contradicting)} of {len(pixels)} pixels have '
                'another class than in the label map of the scene'
            )
        unlabelled = known == IGNORE_INDEX
        if unlabelled.any():
            print_log(
                f'{source["path"]}: {np.count_nonzero(unlabelled)} of {len(pixels)} pixels are unlabelled or '
                'masked in the scene and left out',
                'current',
                logging.WARNING,
            )
        return pixels[~unlabelled]
