"""The scenes of one set stacked to a single scene, for choices on the labelled pixels of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mmhsi.datasets.class_info import IGNORE_INDEX
from mmhsi.datasets.scenes.base_scene import BaseScene
from mmhsi.datasets.scenes.cube_source import Extent
from mmhsi.datasets.splits.split import SUBSETS, Split

_GAP = 64  # rows without data between scenes, beyond what the widest means and the margins of strips reach


class StackedView(Extent):
    """Views of one set, which share their preprocessing, below each other, read like a single one.

    Between the views, and next to narrower ones, are pixels without data: no mean over neighbours and no graph along
    edges reaches from one into another.

    Args:
        views (Sequence[CubeView | PairView]): The views, with fitted preprocessing.

    Attributes:
        tops (list[int]): First row of each view.
    """

    def __init__(self, views: Sequence) -> None:
        self.views = tuple(views)
        first = self.views[0]
        self.name, self.transforms, self.dates = first.name, first.transforms, first.dates
        self.bands, self.raw_bands, self.wavelengths = first.bands, first.raw_bands, first.wavelengths
        self.tops = np.cumsum([0, *(view.height + _GAP for view in self.views[:-1])]).tolist()
        self.info = replace(
            first.info,
            height=self.tops[-1] + self.views[-1].height,
            width=max(view.width for view in self.views),
            transform=None,
            gcps=None,
            rpcs=None,
        )
        self.fitted = all(view.fitted for view in self.views)
        self.valid = self.stack([view.valid for view in self.views], False)

    def prepare(self) -> None:
        """Prepare each view."""
        for view in self.views:
            view.prepare()

    def stack(self, maps: Sequence[np.ndarray], fill) -> np.ndarray:
        """Maps (H, W, ...) of the views as one, with ``fill`` where there is no view."""
        together = np.full((self.height, self.width, *maps[0].shape[2:]), fill, maps[0].dtype)
        for top, each in zip(self.tops, maps, strict=True):
            together[top : top + each.shape[0], : each.shape[1]] = each
        return together

    def indices(self, number: int, own: np.ndarray) -> np.ndarray:
        """Flat indices of the stack from those of a view."""
        rows, columns = np.divmod(own, self.views[number].width)
        return (rows + self.tops[number]) * self.width + columns

    def _area(self, top: int, left: int, height: int, width: int, read: Callable) -> np.ndarray:
        """Values (h, w, C) of a part, from whole rows of each view that lies in it, 0 where there is none."""
        values = np.zeros((height, self.width, read(self.views[0])(0, 0, 1, 1).shape[2]), np.float32)
        for first, view in zip(self.tops, self.views, strict=True):
            start, stop = max(top, first), min(top + height, first + view.height)
            if start < stop:
                values[start - top : stop - top, : view.width] = read(view)(start - first, 0, stop - start, view.width)
        return values[:, left : left + width]

    def window(self, top: int, left: int, height: int, width: int, *padding) -> np.ndarray:
        """Preprocessed values (h, w, C') of a part inside the stack, 0 where there is no view."""
        return self._area(top, left, height, width, lambda view: view.window)

    def raw_window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """As :meth:`window`, before the preprocessing."""
        return self._area(top, left, height, width, lambda view: view.raw_window)

    def validity(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Which pixels (h, w) of a part hold data."""
        return self.valid[top : top + height, left : left + width]

    def _at(self, indices: np.ndarray, read: Callable) -> np.ndarray:
        rows, columns = np.divmod(indices, self.width)
        owners = np.searchsorted(self.tops, rows, side='right') - 1
        values = None
        for number, (top, view) in enumerate(zip(self.tops, self.views, strict=True)):
            inside = owners == number
            part = read(view)((rows[inside] - top) * view.width + columns[inside])
            values = np.empty((len(indices), part.shape[1]), np.float32) if values is None else values
            values[inside] = part
        return values

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        """Preprocessed spectra (N, C') of flat indices."""
        return self._at(indices, lambda view: view.pixels)

    def raw_pixels(self, indices: np.ndarray) -> np.ndarray:
        """Spectra (N, C) of flat indices before the preprocessing."""
        return self._at(indices, lambda view: view.raw_pixels)


def stack_scenes(scenes: Sequence[BaseScene]) -> BaseScene:
    """Scenes of one set as one scene over their :class:`StackedView`, with the labels and the subsets of all."""
    for scene in scenes:
        scene.prepare()
    view = StackedView([scene.view for scene in scenes])
    labels = view.stack([np.where(scene.labels == IGNORE_INDEX, 0, scene.labels + 1) for scene in scenes], 0)
    split = None
    if all(scene.split is not None for scene in scenes):
        subsets = {
            name: np.concatenate([view.indices(number, scene.subset(name)) for number, scene in enumerate(scenes)])
            for name in SUBSETS
        }
        split = Split(**subsets, shape=(view.height, view.width))
    return BaseScene(view, labels, scenes[0].classes, split=split)
