"""Evaluation: scores as plain functions, results of scenes, and thin MMEngine metrics over them."""

from .change_result import ChangeResult
from .detection_result import DetectionResult
from .functional import (
    DetectionCurves,
    UndefinedAUC,
    change_scores,
    classification_scores,
    confusion_matrix,
    detection_curves,
    detection_scores,
)
from .metrics import SceneChangeMetric, SceneClassificationMetric, SceneDetectionMetric, SceneMetric
from .scene_result import SceneResult

__all__ = [
    'ChangeResult', 'DetectionCurves', 'DetectionResult', 'SceneChangeMetric', 'SceneClassificationMetric',
    'SceneDetectionMetric', 'SceneMetric', 'SceneResult', 'UndefinedAUC', 'change_scores', 'classification_scores',
    'confusion_matrix', 'detection_curves', 'detection_scores'
]
