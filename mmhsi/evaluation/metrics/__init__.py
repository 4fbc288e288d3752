"""Metrics of the MMEngine evaluator."""

from .scene_change import SceneChangeMetric
from .scene_classification import SceneClassificationMetric
from .scene_detection import SceneDetectionMetric
from .scene_metric import SceneMetric

__all__ = ['SceneChangeMetric', 'SceneClassificationMetric', 'SceneDetectionMetric', 'SceneMetric']
