"""Evaluation: scores as plain functions, results of scenes, and thin MMEngine metrics built on them."""

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
from .metrics import (
    RestorationMetric,
    SceneChangeMetric,
    SceneClassificationMetric,
    SceneDetectionMetric,
    SceneMetric,
    SceneUnmixingMetric,
)
from .restoration_result import RestorationResult
from .scene_result import SceneResult
from .unmixing_result import UnmixingResult

__all__ = [
    'ChangeResult',
    'DetectionCurves',
    'DetectionResult',
    'RestorationMetric',
    'RestorationResult',
    'SceneChangeMetric',
    'SceneClassificationMetric',
    'SceneDetectionMetric',
    'SceneMetric',
    'SceneResult',
    'SceneUnmixingMetric',
    'UndefinedAUC',
    'UnmixingResult',
    'change_scores',
    'classification_scores',
    'confusion_matrix',
    'detection_curves',
    'detection_scores',
]
