"""Tiles of a scene, for segmentors that label each pixel of a tile."""

from __future__ import annotations

import numpy as np

from mmhsi.datasets.class_info import IGNORE_INDEX
from mmhsi.datasets.scene_dataset import SceneDataset
from mmhsi.datasets.scenes.base_scene import BaseScene
from mmhsi.registry import DATASETS
from mmhsi.utils.tiling import TileGrid
from mmhsi.utils.windows import source_indices


@DATASETS.register_module()
class TileDataset(SceneDataset):
    """Overlapping square tiles that cover a scene, or several scenes, row by row.

    A sample holds 'img' (t, t, C) float32, 'gt_seg_map' (t, t) uint8 with 255 outside the pixels of ``evaluate_on`` and
    outside the scene, 'top', 'left', 'overlap', 'window', 'sample_idx', 'scene_name', 'scene_shape' (H, W), 'img_shape'
    and 'ori_shape'. With ``subset='all'`` there are all tiles, otherwise those with at least one pixel of the subset.
    :class:`mmhsi.utils.tiling.TileGrid` stitches predictions. A scene smaller than a tile is padded at its lower and
    right border.

    Args:
        tile_size (int): Side t of a tile in pixels.
        overlap (int): Smallest overlap of neighbouring tiles in pixels. Defaults to 0.
        fixed_grid (bool): Whether the tiles are placed side by side from the upper left corner, so that the last ones
            may extend beyond the border; otherwise they are spread evenly and stay inside. Defaults to False.
        **kwargs: See :class:`SceneDataset`; ``pad_mode`` defaults to 'reflect'.

    Raises:
        ValueError: If ``pad_mode`` cannot fill a tile that is larger than the scene, such as 'append' beyond twice the
            shorter side; or if tiles of a fixed grid have an overlap.
    """

    def __init__(
        self, *args, tile_size: int, overlap: int = 0, fixed_grid: bool = False, pad_mode: str = 'reflect', **kwargs
    ):
        if fixed_grid and overlap:
            raise ValueError(f'the tiles of a fixed grid do not overlap, but an overlap of {overlap} is given')
        self.tile_size = tile_size
        self.overlap = overlap
        self.grid = TileGrid(tile_size, overlap, layout='overhanging' if fixed_grid else 'even')
        super().__init__(*args, pad_mode=pad_mode, **kwargs)

    def check_window(self, scene: BaseScene) -> None:
        """Raise a ValueError if the tile is too large for a scene."""
        for axis, length in enumerate((scene.height, scene.width)):
            try:
                source_indices(int(self.grid.starts(axis, length)[-1]), self.tile_size, length, self.pad_mode)
            except ValueError as error:
                raise ValueError(
                    f'tiles of {self.tile_size} x {self.tile_size} pixels do not fit the scene '
                    f'{scene.name!r} of {scene.height} x {scene.width}: {error}'
                ) from None

    def scene_samples(self, scene: BaseScene) -> np.ndarray:
        """Upper left corners of the tiles, shape (N, 2)."""
        t = self.tile_size
        positions = self.grid.positions(scene.height, scene.width)
        if self.subset == 'all':
            return positions
        wanted = np.zeros((scene.height, scene.width), dtype=bool)
        wanted.ravel()[scene.subset(self.subset)] = True
        return positions[[wanted[top : top + t, left : left + t].any() for top, left in positions]]

    def sample_info(self, scene: BaseScene, targets: np.ndarray, item: np.ndarray) -> dict:
        """Window, position and label map of a tile."""
        top, left = (int(value) for value in item)
        return {
            'window': (top, left, self.tile_size, self.tile_size),
            'target_map': targets,
            'top': top,
            'left': left,
            'overlap': self.overlap,
        }

    def get_cat_ids(self, idx: int) -> list[int]:
        """Classes in a tile, for class-balanced sampling."""
        number, (top, left) = self.place(self.item(idx)[1])
        labels = np.unique(self._targets[number][top : top + self.tile_size, left : left + self.tile_size])
        return labels[labels != IGNORE_INDEX].tolist()
