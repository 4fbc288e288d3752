"""Scores as plain functions on arrays."""

from .change import change_scores
from .classification import classification_scores, confusion_matrix
from .detection import DetectionCurves, UndefinedAUC, detection_curves, detection_scores

__all__ = [
    'DetectionCurves', 'UndefinedAUC', 'change_scores', 'classification_scores', 'confusion_matrix',
    'detection_curves', 'detection_scores'
]
