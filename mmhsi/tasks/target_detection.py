"""Target detection: pixels that contain a material with a known spectrum."""

from mmhsi.registry import TASKS
from mmhsi.tasks.detection import DetectionTask


@TASKS.register_module(name='target_detection')
class TargetDetection(DetectionTask):
    """Scenes: :class:`mmhsi.datasets.DetectionScene` with a target spectrum. Networks: segmentors of two channels.
    Products: 'scores', 'detected'. Metric: :class:`mmhsi.evaluation.SceneDetectionMetric`. Classical methods:
    :data:`mmhsi.classical.TARGET_DETECTORS`."""

    name = 'target_detection'
