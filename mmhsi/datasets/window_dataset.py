"""Windows around single pixels, for classifiers that assign one label to a window."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmhsi.datasets.filtered_windows import FilteredWindows
from mmhsi.datasets.scene_dataset import SceneDataset
from mmhsi.datasets.scenes.base_scene import BaseScene
from mmhsi.registry import DATASETS
from mmhsi.utils.windows import centred_window, source_indices


@DATASETS.register_module()
class WindowDataset(SceneDataset):
    """A square window around each pixel of a subset of a scene, or of several scenes.

    A sample holds 'img' (w, w, C) float32, 'gt_label' (int; 255 if the pixel is not labelled or not in
    ``evaluate_on``), 'row', 'col', 'window', 'sample_idx', 'scene_name', 'scene_shape' (H, W), 'img_shape' and
    'ori_shape'. With ``subset='all'``, one pass gives the map of the whole scene and the scores of the test pixels.

    Args:
        window_size (int): Side w of the window in pixels. With an odd size the pixel is in the middle, with an even one
            at index w / 2.
        **kwargs: See :class:`SceneDataset`; ``pad_mode`` defaults to 'constant'.

    Raises:
        ValueError: If the window is more than twice as large as the scene, or too large for ``pad_mode``.
    """

    def __init__(self, *args, window_size: int, **kwargs):
        self.window_size = window_size
        self.filtered: list[FilteredWindows] = []
        super().__init__(*args, **kwargs)

    def check_window(self, scene: BaseScene) -> None:
        """Raise a ValueError if the window is too large for a scene."""
        shorter = min(scene.height, scene.width)
        if not 1 <= self.window_size <= 2 * shorter:
            raise ValueError(
                f'windows of {self.window_size} x {self.window_size} pixels do not fit the scene '
                f'{scene.name!r} of {scene.height} x {scene.width}: window_size must lie '
                f'between 1 and {2 * shorter}, twice the shorter side'
            )
        # Windows around corner pixels extend farthest beyond the scene.
        source_indices(-(self.window_size // 2), self.window_size, shorter, self.pad_mode)

    def filter_windows(self, filtered: Callable[[np.ndarray], np.ndarray]) -> None:
        """Deliver filtered windows, see :class:`mmhsi.datasets.filtered_windows.FilteredWindows`.

        Args:
            filtered (Callable): From the values (h, w, C) of an area to those of its windows.
        """
        dense = self.subset == 'all'
        self.filtered = [FilteredWindows(scene, self.window_size, filtered, dense) for scene in self.scenes]

    def get_data_info(self, idx: int) -> dict:
        """The sample before the pipeline, see the base class."""
        info = super().get_data_info(idx)
        if self.filtered:
            info['scene'] = self.filtered[self.scenes.index(info['scene'])]
        return info

    def scene_samples(self, scene: BaseScene) -> np.ndarray:
        """Flat indices of the pixels."""
        return scene.subset(self.subset)

    def sample_info(self, scene: BaseScene, targets: np.ndarray, item: np.ndarray) -> dict:
        """Window, position and label of a pixel."""
        row, col = divmod(int(item), scene.width)
        return {
            'window': centred_window(row, col, self.window_size),
            'gt_label': int(targets[row, col]),
            'row': row,
            'col': col,
        }

    def get_cat_ids(self, idx: int) -> list[int]:
        """Class of a sample, for class-balanced sampling."""
        number, item = self.place(self.item(idx)[1])
        return [int(self._targets[number].ravel()[item])]
