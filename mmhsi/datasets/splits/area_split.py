"""A split of a scene by rectangles, for tasks without labels such as denoising and super-resolution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmhsi.datasets.splits.split import Split
from mmhsi.registry import TASK_UTILS

Area = tuple[int, int, int, int]


def check_areas(areas: Sequence[Area], height: int, width: int, where: str) -> list[Area]:
    """Areas as tuples of plain integers.

    Args:
        areas (Sequence[Area]): Rectangles (top, left, height, width) in pixels.
        height (int): Rows of the scene.
        width (int): Columns of the scene.
        where (str): Name of the scene in messages.

    Raises:
        ValueError: If one is no rectangle, or does not lie inside the scene.
    """
    checked = []
    for area in areas:
        if np.ndim(area) != 1 or len(area) != 4 or any(int(value) != value for value in area):
            raise ValueError(f'{where}: an area is (top, left, height, width) in whole pixels, not {area!r}')
        top, left, rows, cols = (int(value) for value in area)
        if min(top, left) < 0 or min(rows, cols) < 1 or top + rows > height or left + cols > width:
            raise ValueError(f'{where}: the area (top {top}, left {left}, height {rows}, width {cols}) does not lie '
                             f'inside the scene of {height} x {width} pixels')
        checked.append((top, left, rows, cols))
    return checked


@TASK_UTILS.register_module()
class AreaSplit:
    """Training, validation and test pixels by rectangles, which may leave some pixels out.

    With ``fit_on='train'`` a scene fits its preprocessing to the training areas alone.

    Args:
        train (Sequence[Area]): Rectangles (top, left, height, width) in pixels.
        val (Sequence[Area]): Rectangles for validation. Defaults to none.
        test (Sequence[Area]): Rectangles for the test. Defaults to none.

    Raises:
        ValueError: When a split is drawn, if a rectangle does not lie inside the scene, or two sets overlap.
    """

    def __init__(self, train: Sequence[Area], val: Sequence[Area] = (), test: Sequence[Area] = ()):
        self.areas = dict(train=train, val=val, test=test)

    def __call__(self, labels: np.ndarray, classes: Sequence[str] | None = None) -> Split:
        """Draw the split.

        Args:
            labels (np.ndarray): Labels (H, W), of which only the shape counts.
            classes (Sequence[str], optional): Not used.

        Returns:
            Split: The pixels of the three sets.
        """
        pixels = {}
        for name, areas in self.areas.items():
            mask = np.zeros(labels.shape, dtype=bool)
            for top, left, rows, cols in check_areas(areas, *labels.shape, f'the {name} areas of the split'):
                mask[top:top + rows, left:left + cols] = True
            pixels[name] = np.flatnonzero(mask)
        return Split(**pixels, shape=labels.shape)
