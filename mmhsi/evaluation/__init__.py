"""Evaluation: scores as plain functions, and thin MMEngine metrics over them."""

from .functional import classification_scores, confusion_matrix
from .metrics import SceneClassificationMetric
from .scene_result import SceneResult

__all__ = ['SceneClassificationMetric', 'SceneResult', 'classification_scores', 'confusion_matrix']
