"""Metrics of the MMEngine evaluator."""

from .scene_classification import SceneClassificationMetric

__all__ = ['SceneClassificationMetric']
