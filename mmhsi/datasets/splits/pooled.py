"""One split over the labelled pixels of several scenes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mmhsi.datasets.class_info import IGNORE_INDEX
from mmhsi.datasets.splits.areas import AreaSplit
from mmhsi.datasets.splits.split import SUBSETS, BaseSplitter, Split
from mmhsi.registry import TASK_UTILS


def draw_pooled(
    splitter: Callable[..., Split], maps: Sequence[np.ndarray], classes: Sequence[str], names: Sequence[str]
) -> list[Split]:
    """Draw the splits of several scenes at once.

    A splitter that draws from labels sees one label map, in which the scenes lie below each other, apart by the width
    of its guard: ten pixels of each class are ten in all scenes together. One by places (``AreaSplit``)
    is asked for each scene.

    Args:
        splitter (Callable): A splitter.
        maps (Sequence[np.ndarray]): Labels (H, W) of each scene, classes 0 to K - 1, 255 unlabelled.
        classes (Sequence[str]): Names of the K classes.
        names (Sequence[str]): Names of the scenes.

    Returns:
        list[Split]: The split of each scene.
    """
    if isinstance(splitter, SceneSplit):
        return splitter.draw_scenes(maps, names)
    if isinstance(splitter, AreaSplit):
        return [splitter.of_scene(name)(labels) for name, labels in zip(names, maps, strict=True)]
    if not isinstance(splitter, BaseSplitter):
        return [splitter(labels, classes) for labels in maps]
    gap = max(getattr(splitter, 'guard', 0), getattr(getattr(splitter, 'split', None), 'guard', 0))
    width = max(labels.shape[1] for labels in maps)
    tops = np.cumsum([0, *(labels.shape[0] + gap for labels in maps)])
    together = np.full((tops[-1], width), IGNORE_INDEX, maps[0].dtype)
    for top, labels in zip(tops, maps, strict=False):
        together[top : top + labels.shape[0], : labels.shape[1]] = labels
    whole = splitter(together, classes)
    return [
        Split(*(_part(getattr(whole, name), width, int(top), labels.shape) for name in SUBSETS), labels.shape)
        for top, labels in zip(tops, maps, strict=False)
    ]


def _part(pixels: np.ndarray, width: int, top: int, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = np.divmod(pixels, width)
    rows -= top
    inside = (rows >= 0) & (rows < shape[0]) & (columns < shape[1])
    return rows[inside] * shape[1] + columns[inside]


@TASK_UTILS.register_module()
class SceneSplit(BaseSplitter):
    """Whole scenes for validation and for the test, the others for training: ground that the network has never seen.

    Args:
        test (Sequence[str]): Names of the scenes whose labelled pixels are for the test.
        val (Sequence[str]): Names of those for validation. Defaults to none.

    Raises:
        ValueError: When the split is drawn, if there is a single scene, a name is that of no scene or in both lists, or
            no scene is left for training.
    """

    def __init__(self, test: Sequence[str], val: Sequence[str] = ()):
        self.roles = {**dict.fromkeys(val, 'val'), **dict.fromkeys(test, 'test')}
        twice = set(val) & set(test)
        if twice:
            raise ValueError(f'scene {min(twice)!r} cannot be both for validation and for the test')

    def draw(self, labels: np.ndarray, classes: Sequence[str]) -> Split:
        raise ValueError('SceneSplit divides several scenes, but the config is of a single one')

    def draw_scenes(self, maps: Sequence[np.ndarray], names: Sequence[str]) -> list[Split]:
        """Draw the splits of scenes by their names; see :func:`draw_pooled`."""
        unknown = [name for name in self.roles if name not in names]
        if unknown:
            raise ValueError(f'SceneSplit: there is no scene {unknown[0]!r}; the scenes are {", ".join(names)}')
        if all(name in self.roles for name in names):
            raise ValueError('SceneSplit: no scene is left for training')
        splits = []
        for name, labels in zip(names, maps, strict=True):
            nothing = np.array([], np.int64)
            parts = dict.fromkeys(SUBSETS, nothing)
            parts[self.roles.get(name, 'train')] = np.flatnonzero(labels != IGNORE_INDEX)
            splits.append(Split(**parts, shape=labels.shape))
        return splits
