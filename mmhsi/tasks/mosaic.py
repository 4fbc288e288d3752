"""The scenes of one set stacked to a single scene, for choices on the labelled pixels of all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmhsi.datasets.class_info import IGNORE_INDEX
from mmhsi.datasets.splits.split import SUBSETS, Split

_GAP = 64  # rows without data between scenes, beyond what the widest means and the margins of strips reach


class Mosaic:
    """Scenes of one set, which share their preprocessing, as one scene and its view.

    Between the scenes, and next to narrower ones, are pixels without data: no mean over neighbours and no graph along
    edges reaches from one scene into another.

    Args:
        scenes (Sequence[BaseScene]): The scenes.
    """

    def __init__(self, scenes: Sequence) -> None:
        self.scenes = tuple(scenes)
        first = self.scenes[0]
        self.name, self.transforms, self.dates = first.name, first.transforms, first.dates
        self.bands, self.raw_bands = first.view.bands, first.view.raw_bands
        self.tops = np.cumsum([0, *(scene.height + _GAP for scene in self.scenes[:-1])]).tolist()
        self.height = self.tops[-1] + self.scenes[-1].height
        self.width = max(scene.width for scene in self.scenes)
        self.valid = self.stack([scene.valid for scene in self.scenes], False)
        self.labels = self.stack([scene.labels for scene in self.scenes], IGNORE_INDEX)

    @property
    def view(self) -> Mosaic:
        """The mosaic itself."""
        return self

    @property
    def split(self) -> Split | None:
        """The subsets of all scenes."""
        if any(scene.split is None for scene in self.scenes):
            return None
        parts = {
            name: np.concatenate(
                [self._indices(number, scene.subset(name)) for number, scene in enumerate(self.scenes)]
            )
            for name in SUBSETS
        }
        return Split(**parts, shape=(self.height, self.width))

    def _indices(self, number: int, own: np.ndarray) -> np.ndarray:
        rows, columns = np.divmod(own, self.scenes[number].width)
        return (rows + self.tops[number]) * self.width + columns

    def stack(self, maps: Sequence[np.ndarray], fill) -> np.ndarray:
        """Maps (H, W, ...) of the scenes as one, with ``fill`` where there is no scene."""
        together = np.full((self.height, self.width, *maps[0].shape[2:]), fill, maps[0].dtype)
        for top, each in zip(self.tops, maps, strict=True):
            together[top : top + each.shape[0], : each.shape[1]] = each
        return together

    def _rows(self, top: int, height: int, read) -> np.ndarray:
        """Values of whole rows, from those of each scene that lies in them."""
        sample = read(self.scenes[0])(0, 0, 1, 1)
        values = np.zeros((height, self.width, sample.shape[2]), sample.dtype)
        for first, scene in zip(self.tops, self.scenes, strict=True):
            start, stop = max(top, first), min(top + height, first + scene.height)
            if start < stop:
                part = read(scene)(start - first, 0, stop - start, scene.width)
                values[start - top : stop - top, : scene.width] = part
        return values

    def window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Preprocessed values (h, w, C') of a part of the mosaic, 0 where there is no scene."""
        return self._rows(top, height, lambda scene: scene.window)[:, left : left + width]

    def raw_window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """As :meth:`window`, before the preprocessing."""
        return self._rows(top, height, lambda scene: scene.view.raw_window)[:, left : left + width]

    def validity(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Which pixels (h, w) of a part hold data."""
        return self.valid[top : top + height, left : left + width]

    def subset(self, name: str) -> np.ndarray:
        """Flat indices of the valid pixels ('all') or of a subset of the split."""
        if name == 'all':
            return np.flatnonzero(self.valid)
        split = self.split
        if split is None:
            raise ValueError(f'scene {self.name!r} and its set have no split, so there is no subset {name!r}')
        return getattr(split, name)

    def _pixels(self, indices: np.ndarray, read) -> np.ndarray:
        rows, columns = np.divmod(indices, self.width)
        numbers = np.searchsorted(self.tops, rows, side='right') - 1
        found: np.ndarray | None = None
        for number, scene in enumerate(self.scenes):
            inside = numbers == number
            if inside.any():
                values = read(scene)((rows[inside] - self.tops[number]) * scene.width + columns[inside])
                found = np.empty((len(indices), values.shape[1]), values.dtype) if found is None else found
                found[inside] = values
        return np.empty((0, self.bands), np.float32) if found is None else found

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        """Preprocessed spectra (N, C') of flat indices."""
        return self._pixels(indices, lambda scene: scene.pixels)

    def raw_pixels(self, indices: np.ndarray) -> np.ndarray:
        """Spectra (N, C) of flat indices before the preprocessing."""
        return self._pixels(indices, lambda scene: scene.raw_pixels)
