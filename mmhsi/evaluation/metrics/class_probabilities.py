"""What the metrics of class maps share: labels, and on request the probabilities of all classes and what refines
them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from mmhsi.evaluation.metrics.scene_metric import SceneMetric
from mmhsi.utils.labels import IGNORE_INDEX


class ClassMapMetric(SceneMetric):
    """Base of the metrics of class maps.

    Args:
        uncertainty (bool): Whether the probabilities of all classes are kept, from ``pred_score`` of windows or
            ``seg_logits`` of tiles. Defaults to False.
        **kwargs: See :class:`~mmhsi.evaluation.metrics.SceneMetric`.
    """

    refiners: Mapping[str, Any] = {}
    """What refines the probabilities (H, W, K) of a scene, by its name; a hook sets it: a callable with ``settings()``,
    and ``parts``, the probabilities of each part after a call."""

    def __init__(self, uncertainty: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.uncertainty = uncertainty

    def refined(self, name: str, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict, dict[str, np.ndarray]]:
        """Labels (H, W), probabilities (H, W, K), settings, and labels (H, W) of the parts by title, of a scene whose
        probabilities are kept."""
        empty = np.isnan(prediction[..., 0])
        labels = np.where(empty, IGNORE_INDEX, prediction[..., 0]).astype(np.uint8)
        # repeated samples that differ in rounding leave the smaller values, whose sum may not be one
        probabilities = prediction[..., 1:] / prediction[..., 1:].sum(axis=-1, keepdims=True)
        if name not in self.refiners:
            return labels, probabilities, {}, {}
        refiner = self.refiners[name]
        probabilities = refiner(probabilities)
        labels[~empty] = probabilities[~empty].argmax(axis=-1)
        parts = {
            title: np.where(np.isnan(values[..., 0]), IGNORE_INDEX, values.argmax(axis=-1)).astype(np.uint8)
            for title, values in refiner.parts.items()
        }
        return labels, probabilities, dict(refinement=refiner.settings()), parts

    def read_tile(self, scene: str, sample: dict) -> np.ndarray:
        """Labels (h, w), with uncertainty (h, w, 1 + K): label and probabilities."""
        labels = super().read_tile(scene, sample)
        if not self.uncertainty:
            return labels
        if 'seg_logits' not in sample:
            raise ValueError(
                f'scene {scene}: uncertainty needs the seg_logits of every tile; a sample holds {sorted(sample)}'
            )
        logits = torch.as_tensor(sample['seg_logits']['data']).float().cpu()
        probabilities = logits.softmax(dim=0).permute(1, 2, 0).numpy()
        return np.concatenate([labels[..., None], probabilities], axis=-1, dtype=np.float32)

    def read_windows(self, scene: str, samples: list[dict]) -> np.ndarray:
        """Labels (N,), with uncertainty (N, 1 + K): label and probabilities."""
        labels = super().read_windows(scene, samples)
        if not self.uncertainty:
            return labels
        if any('pred_score' not in sample for sample in samples):
            raise ValueError(f'scene {scene}: uncertainty needs the pred_score of every window')
        scores = torch.stack([torch.as_tensor(sample['pred_score']).float().cpu() for sample in samples])
        return np.concatenate([labels[:, None], scores.numpy()], axis=-1, dtype=np.float32)

    def place(
        self, rows: np.ndarray, cols: np.ndarray, values: np.ndarray, shape: tuple[int, int]
    ) -> tuple[np.ndarray, int]:
        """Labels (H, W), with uncertainty (H, W, 1 + K), NaN where there is no window."""
        if not self.uncertainty:
            return super().place(rows, cols, values, shape)
        labels, conflicts = super().place(rows, cols, values[:, 0], shape)
        placed = np.full((*shape, values.shape[1]), np.inf, np.float32)
        np.minimum.at(placed, (rows, cols), values)  # the smaller value of repeated windows, regardless of their order
        placed[labels == IGNORE_INDEX] = np.nan
        return placed, conflicts
