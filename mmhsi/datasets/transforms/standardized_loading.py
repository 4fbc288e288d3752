"""Load windows that are standardised by their own scene, which compensates for light, season and sensor."""

from __future__ import annotations

import numpy as np

from mmhsi.datasets.transforms.loading import LoadSceneWindow
from mmhsi.registry import TRANSFORMS
from mmhsi.utils.windows import crop_window


@TRANSFORMS.register_module()
class LoadStandardizedWindow(LoadSceneWindow):
    """Cuts a window like ``LoadSceneWindow``, with mean 0 and standard deviation 1 of each band over the whole scene.

    Unlike ``Standardize`` in the preprocessing, which is fitted once and used for all scenes, nothing is learnt here:
    an unseen scene is standardised with its own statistics. So is each date of a pair, so that a change of light or
    season between the dates does not look like a change of the land everywhere. Pixels without data, and pixels outside
    the scene with ``pad_mode='constant'``, are 0, the mean.

    Args:
        clip (float, optional): Values are limited to this many standard deviations, so that a few glittering roofs or
            clouds do not dominate. Defaults to None (no limit).
        pixels (int): Largest number of valid pixels for the statistics; from more, a random sample with a fixed seed is
            taken. Defaults to 100000.
        eps (float): Added to the standard deviation, for bands that are constant. Defaults to 1e-6.
        **kwargs: ``pad_mode`` and ``jitter``, see :class:`LoadSceneWindow`.

    Raises:
        ValueError: If ``clip`` or ``pixels`` is not positive.
    """

    def __init__(self, clip: float | None = None, pixels: int = 100_000, eps: float = 1e-6, **kwargs):
        super().__init__(**kwargs)
        if (clip is not None and clip <= 0) or pixels < 1:
            raise ValueError(f'clip and pixels must be positive, not {clip} and {pixels}')
        self.clip = clip
        self.pixels = pixels
        self.eps = eps
        self._statistics: dict = {}

    def statistics(self, scene) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each band of a scene, float32 (C,), computed once."""
        if scene not in self._statistics:
            indices = scene.subset('all')
            if len(indices) > self.pixels:
                indices = np.sort(np.random.RandomState(0).choice(indices, self.pixels, replace=False))
            values = scene.pixels(indices)
            self._statistics[scene] = (
                values.mean(axis=0, dtype=np.float64).astype(np.float32),
                values.std(axis=0, dtype=np.float64).astype(np.float32),
            )
        return self._statistics[scene]

    def load(self, scene, window: tuple[int, int, int, int]) -> np.ndarray:
        """Standardised values (h, w, C) float32 of a window (top, left, height, width)."""
        mean, deviation = self.statistics(scene)
        values = (super().load(scene, window) - mean) / (deviation + np.float32(self.eps))
        if self.clip is not None:
            values = np.clip(values, -self.clip, self.clip)
        values[~crop_window(scene.valid, *window, self.pad_mode, False)] = 0
        return values

    def __repr__(self) -> str:
        return f'{type(self).__name__}(clip={self.clip}, pad_mode={self.pad_mode!r}, jitter={self.jitter})'
