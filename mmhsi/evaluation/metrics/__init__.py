"""Metrics of the MMEngine evaluator."""

from .restoration import RestorationMetric
from .scene_change import SceneChangeMetric
from .scene_classification import SceneClassificationMetric
from .scene_detection import SceneDetectionMetric
from .scene_metric import SceneMetric
from .scene_unmixing import SceneUnmixingMetric

__all__ = [
    'RestorationMetric',
    'SceneChangeMetric',
    'SceneClassificationMetric',
    'SceneDetectionMetric',
    'SceneMetric',
    'SceneUnmixingMetric',
]
