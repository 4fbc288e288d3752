"""Random pixels of a scene without labels, around which training windows lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmhsi.datasets.splits.split import BaseSplitter, Split
from mmhsi.registry import TASK_UTILS


@TASK_UTILS.register_module()
class CentreSplit(BaseSplitter):
    """Distinct random training pixels, whatever their labels; there are neither validation nor test pixels.

    It serves tasks that learn from the scene itself, such as unmixing. The same seed gives the windows that the
    published unmixing of HyperSIGMA trains on.

    Args:
        train (int): Number of pixels. Defaults to 400.
        seed (int): Seed of the choice. Defaults to 0.

    Raises:
        ValueError: When it is called, if the scene has fewer pixels.
    """

    def __init__(self, train: int = 400, seed: int = 0):
        self.train = train
        self.seed = seed

    def __call__(self, labels: np.ndarray, classes: Sequence[str] | None = None) -> Split:
        """Draw the pixels of a scene of the size of this label map, which may be empty."""
        if not 1 <= self.train <= labels.size:
            raise ValueError(f'{self.train} distinct pixels are to be drawn from a scene of {labels.shape[0]} x '
                             f'{labels.shape[1]}')
        chosen = np.random.RandomState(self.seed).choice(labels.size, self.train, replace=False)
        nothing = np.array([], dtype=np.int64)
        return Split(np.sort(chosen).astype(np.int64), nothing, nothing, labels.shape)
