"""Spatial splits: rectangles, blocks of labelled pixels, and windows around random pixels."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
from mmengine.logging import print_log
from scipy import ndimage

from mmhsi.datasets.class_info import IGNORE_INDEX
from mmhsi.datasets.splits.per_class import check_ratios
from mmhsi.datasets.splits.split import BaseSplitter, Split, class_counts
from mmhsi.registry import TASK_UTILS

Area = tuple[int, int, int, int]
Areas = Sequence[Area] | Mapping[str, Sequence[Area]]


def check_areas(areas: Sequence[Area], height: int, width: int, where: str) -> list[Area]:
    """Areas as tuples of plain integers.

    Args:
        areas (Sequence[Area]): Rectangles (top, left, height, width) in pixels.
        height (int): Rows of the scene.
        width (int): Columns of the scene.
        where (str): Name of the scene in messages.

    Raises:
        ValueError: If one is not a rectangle, or does not lie inside the scene.
    """
    checked = []
    for area in areas:
        if np.ndim(area) != 1 or len(area) != 4 or any(int(value) != value for value in area):
            raise ValueError(f'{where}: an area is (top, left, height, width) in whole pixels, not {area!r}')
        top, left, rows, cols = (int(value) for value in area)
        if min(top, left) < 0 or min(rows, cols) < 1 or top + rows > height or left + cols > width:
            raise ValueError(
                f'{where}: the area (top {top}, left {left}, height {rows}, width {cols}) does not lie '
                f'inside the scene of {height} x {width} pixels'
            )
        checked.append((top, left, rows, cols))
    return checked


@TASK_UTILS.register_module()
class AreaSplit:
    """Training, validation and test pixels by rectangles, which may leave some pixels out.

    With ``fit_on='train'`` a scene fits its preprocessing to the training areas only.

    Args:
        train (Sequence[Area] | Mapping[str, Sequence[Area]]): Rectangles (top, left, height, width) in pixels; of
            several scenes the same in each, or by the name of the scene.
        val (Sequence[Area]): Rectangles for validation. Defaults to none.
        test (Sequence[Area]): Rectangles for the test. Defaults to none.

    Raises:
        ValueError: If a rectangle does not lie inside the scene, or two sets overlap, when a split is drawn.
    """

    def __init__(self, train: Areas, val: Areas = (), test: Areas = ()):
        self.areas = dict(train=train, val=val, test=test)

    def of_scene(self, name: str) -> AreaSplit:
        """The rectangles of one of several scenes; none if it is not named."""
        return AreaSplit(
            **{part: given.get(name, ()) if isinstance(given, Mapping) else given for part, given in self.areas.items()}
        )

    def __call__(self, labels: np.ndarray, classes: Sequence[str] | None = None) -> Split:
        """Draw the split.

        Args:
            labels (np.ndarray): Labels (H, W), of which only the shape is used.
            classes (Sequence[str], optional): Not used.

        Returns:
            Split: The pixels of the three sets.
        """
        pixels = {}
        for name, areas in self.areas.items():
            mask = np.zeros(labels.shape, dtype=bool)
            for top, left, rows, cols in check_areas(areas, *labels.shape, f'the {name} areas of the split'):
                mask[top : top + rows, left : left + cols] = True
            pixels[name] = np.flatnonzero(mask)
        return Split(**pixels, shape=labels.shape)


@TASK_UTILS.register_module()
class BlockSplit(BaseSplitter):
    """A spatially disjoint split: whole square blocks of the scene are for training, validation or testing.

    Windows around random training and test pixels overlap, so a random split overrates a model compared with unseen
    ground. Here blocks are drawn until every class has its share; the rarest classes choose first, and the last free
    block of a class is for testing, unless it has only one, which is for training.

    Args:
        train (float): Smallest share of the pixels of each class in the training blocks. Defaults to 0.1.
        val (float): Share of the pixels of each class for validation. Defaults to 0.1.
        block_size (int): Side of a block in pixels. Defaults to 16.
        guard (int): Width of the strip in pixels that separates the sets: a test pixel lies more than ``guard`` rows or
            columns away from every training and validation pixel, a validation pixel from every training pixel. With
            ``guard = window - 1`` no two windows of different sets share a pixel. Pixels in between are in no set.
            Defaults to 0.
        seed (int): Seed of NumPy's legacy generator. Defaults to 0.
    """

    def __init__(self, train: float = 0.1, val: float = 0.1, block_size: int = 16, guard: int = 0, seed: int = 0):
        check_ratios(train, val)
        if block_size < 1 or guard < 0:
            raise ValueError(f'block_size must be at least 1 and guard at least 0, not {block_size} and {guard}')
        self.ratios = (train, val)
        self.block_size = block_size
        self.guard = guard
        self.seed = seed

    def draw(self, labels: np.ndarray, classes: Sequence[str]) -> Split:
        height, width = labels.shape
        blocks_wide = -(-width // self.block_size)
        block_of = np.arange(height)[:, None] // self.block_size * blocks_wide + np.arange(width) // self.block_size
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
                print_log(
                    f'class {name!r} has no test pixel in the block split; smaller blocks or a narrower guard may help',
                    'current',
                    logging.WARNING,
                )
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
class CentreSplit(BaseSplitter):
    """Distinct random training pixels, whatever their labels; there are neither validation nor test pixels.

    It is for tasks that learn from the scene itself, such as unmixing. The same seed gives the training windows of the
    published unmixing of HyperSIGMA.

    Args:
        train (int): Number of pixels. Defaults to 400.
        seed (int): Seed of the choice. Defaults to 0.

    Raises:
        ValueError: If the scene has fewer pixels, when it is called.
    """

    def __init__(self, train: int = 400, seed: int = 0):
        self.train = train
        self.seed = seed

    def __call__(self, labels: np.ndarray, classes: Sequence[str] | None = None) -> Split:
        """Draw the pixels of a scene with the size of this label map, which may be empty."""
        if not 1 <= self.train <= labels.size:
            raise ValueError(
                f'{self.train} distinct pixels are to be drawn from a scene of {labels.shape[0]} x {labels.shape[1]}'
            )
        chosen = np.random.RandomState(self.seed).choice(labels.size, self.train, replace=False)
        nothing = np.array([], dtype=np.int64)
        return Split(np.sort(chosen).astype(np.int64), nothing, nothing, labels.shape)
