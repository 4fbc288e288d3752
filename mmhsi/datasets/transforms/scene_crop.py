"""A random crop of a scene, chosen before the scene is read."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from mmhsi.datasets.class_info import IGNORE_INDEX
from mmhsi.registry import TRANSFORMS
from mmhsi.utils.windows import crop_window


@TRANSFORMS.register_module()
class RandomSceneCrop(BaseTransform):
    """Replaces the 'window' of a sample with a random square inside it; place it before ``LoadSceneWindow``.

    A window smaller than the square is placed at a random position inside it and padded. 'top' and 'left' are updated
    if the sample has them.

    Args:
        size (int): Side of the square in pixels.
        max_share (float): Largest share of the labelled pixels of the square that one class may have, in (0, 1]; while
            it is exceeded, another position is tried. Defaults to 1 (any place).
        tries (int): Largest number of positions to try; the last one is always accepted. Defaults to 10.
    """

    def __init__(self, size: int, max_share: float = 1.0, tries: int = 10):
        if size < 1 or tries < 1:
            raise ValueError(f'size and tries must be positive, not {size} and {tries}')
        if not 0 < max_share <= 1:
            raise ValueError(f'max_share must lie in (0, 1], not {max_share}')
        self.size = size
        self.max_share = max_share
        self.tries = tries

    def transform(self, results: dict) -> dict:
        """Choose the square."""
        top, left, height, width = results['window']
        for _ in range(self.tries):
            window = (top + self._shift(height), left + self._shift(width), self.size, self.size)
            if self.max_share == 1 or self._varied(crop_window(results['target_map'], *window, pad_value=IGNORE_INDEX)):
                break
        results['window'] = window
        results.update({key: value for key, value in zip(('top', 'left'), window, strict=False) if key in results})
        return results

    def _shift(self, length: int) -> int:
        spare = length - self.size
        return int(np.random.randint(min(spare, 0), max(spare, 0) + 1))

    def _varied(self, labels: np.ndarray) -> bool:
        counts = np.bincount(labels[labels != IGNORE_INDEX])
        return bool(counts.sum()) and counts.max() <= self.max_share * counts.sum()

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size}, max_share={self.max_share}, tries={self.tries})'
