"""Anomaly detection: pixels that differ from their surroundings, without a known target."""

from mmhsi.registry import TASKS
from mmhsi.tasks.detection import DetectionTask


@TASKS.register_module(name='anomaly_detection')
class AnomalyDetection(DetectionTask):
    """Scenes: :class:`mmhsi.datasets.DetectionScene` without a target spectrum. Networks: segmentors of two channels.
    Products: 'scores', 'detected'. Metric: :class:`mmhsi.evaluation.SceneDetectionMetric`. Classical methods:
    :data:`mmhsi.classical.ANOMALY_DETECTORS`."""

    name = 'anomaly_detection'
    two_names = ('background', 'anomaly')
