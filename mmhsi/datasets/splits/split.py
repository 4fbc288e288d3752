"""Splits of a scene, and the base of all splitters."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
from mmengine.logging import print_log

from mmhsi.datasets.class_info import IGNORE_INDEX
from mmhsi.datasets.io.errors import CubeReadError
from mmhsi.datasets.io.memory import check_packing

SUBSETS = ('train', 'val', 'test')


@dataclass(frozen=True, eq=False)
class Split:
    """Disjoint training, validation and test pixels of one scene.

    Args:
        train (np.ndarray): Flat indices ``row * W + col`` of the training pixels; kept as sorted int64.
        val (np.ndarray): Flat indices of the validation pixels.
        test (np.ndarray): Flat indices of the test pixels.
        shape (tuple[int, int]): Height H and width W of the scene.

    Raises:
        ValueError: If an index lies outside the scene, occurs twice, or belongs to two sets.
    """

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    shape: tuple[int, int]

    def __post_init__(self):
        object.__setattr__(self, 'shape', tuple(int(size) for size in self.shape))
        for name in SUBSETS:
            indices = np.sort(np.asarray(getattr(self, name), dtype=np.int64).ravel())
            object.__setattr__(self, name, indices)
            if len(indices) and not (indices[0] >= 0 and indices[-1] < self.shape[0] * self.shape[1]):
                raise ValueError(
                    f'the {name} pixels of the split run from {indices[0]} to {indices[-1]}, but the '
                    f'scene of {self.shape[0]} x {self.shape[1]} has the pixels 0 to '
                    f'{self.shape[0] * self.shape[1] - 1}'
                )
        together, times = np.unique(np.concatenate([getattr(self, name) for name in SUBSETS]), return_counts=True)
        if (times > 1).any():
            raise ValueError(
                f'{np.count_nonzero(times > 1)} pixels occur more than once in the split, the first is '
                f'{together[times > 1][0]}; train, val and test must be disjoint'
            )

    def counts(self, labels: np.ndarray, num_classes: int) -> np.ndarray:
        """Number of pixels by set and class.

        Args:
            labels (np.ndarray): Labels of shape (H, W), classes 0 to K - 1, 255 unlabelled.
            num_classes (int): Number of classes K.

        Returns:
            np.ndarray: int64 array of shape (3, K); rows are train, val and test.
        """
        flat = labels.ravel()
        return np.stack([class_counts(flat[getattr(self, name)], num_classes) for name in SUBSETS])

    def save(self, path: str | Path) -> None:
        """Write the split to an .npz file with the arrays 'train', 'val', 'test' and 'shape'."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open('wb') as file:
            np.savez_compressed(file, train=self.train, val=self.val, test=self.test, shape=np.array(self.shape))

    @classmethod
    def load(cls, path: str | Path) -> Split:
        """Read a split written by :meth:`save`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is not a split.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f'{path}: no such split file')
        expected = (*SUBSETS, 'shape')
        try:
            with ZipFile(path) as archive:
                unpacked = sum(member.file_size for member in archive.infolist())
            check_packing(str(path), 'the split', path.stat().st_size, unpacked)
            with path.open('rb') as file:
                arrays = dict(np.load(file, allow_pickle=False))
        except CubeReadError:
            raise
        # of which RuntimeError is an encrypted member, and MemoryError a header that claims too much
        except (ValueError, OSError, TypeError, EOFError, RuntimeError, MemoryError, zlib.error, BadZipFile) as error:
            raise ValueError(f'{path}: not a split file, which is an .npz with the arrays {expected}') from error
        if set(expected) - set(arrays):
            raise ValueError(f'{path}: a split file holds the arrays {expected}, this one holds {tuple(arrays)}')
        for name in expected:
            array = arrays[name]
            whole = isinstance(array, np.ndarray) and (
                array.dtype.kind in 'iu' or array.dtype.kind == 'f' and np.array_equal(array, np.floor(array))
            )
            if not whole or array.ndim != 1 or name == 'shape' and (array.shape != (2,) or array.min() < 1):
                found = f'{array.dtype} of the shape {array.shape}' if isinstance(array, np.ndarray) else 'no array'
                kind = 'two sizes' if name == 'shape' else 'a list of whole numbers'
                raise ValueError(f'{path}: expected {kind} as {name!r} of a split file, found {found}')
        try:
            return cls(arrays['train'], arrays['val'], arrays['test'], tuple(arrays['shape']))
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from None


def class_counts(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Number of pixels of each of the classes 0 to K - 1, without the unlabelled ones."""
    return np.bincount(labels[labels != IGNORE_INDEX], minlength=num_classes)[:num_classes].astype(np.int64)


class BaseSplitter:
    """Base of the splitters: calling one with a label map draws a :class:`Split`."""

    def __call__(self, labels: np.ndarray, classes: Sequence[str] | None = None) -> Split:
        """Draw the split of a label map.

        Args:
            labels (np.ndarray): Labels of shape (H, W), classes 0 to K - 1, 255 unlabelled.
            classes (Sequence[str], optional): Names of the K classes. By default they are numbered and K comes from
                the labels.

        Returns:
            Split: The pixels of the three sets.
        """
        labels = np.asarray(labels)
        if labels.ndim != 2:
            raise ValueError(f'a split is drawn from a label map of shape (H, W), not {labels.shape}')
        labelled = labels[labels != IGNORE_INDEX]
        if not labelled.size:
            raise ValueError('a split cannot be drawn: the label map has no labelled pixel')
        if classes is None:
            classes = [str(label + 1) for label in range(int(labelled.max()) + 1)]
        split = self.draw(labels, classes)
        counts = split.counts(labels, len(classes))
        for name, train, total in zip(classes, counts[0], class_counts(labels, len(classes)), strict=True):
            if not total:
                print_log(f'class {name!r} has no labelled pixel in the scene', 'current', logging.WARNING)
            elif not train:
                print_log(f'class {name!r} has no training pixel, of {total} labelled', 'current', logging.WARNING)
        return split

    def draw(self, labels: np.ndarray, classes: Sequence[str]) -> Split:
        """Draw the split; implemented by subclasses."""
        raise NotImplementedError
