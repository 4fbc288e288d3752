"""Results of scenes as files: pictures, maps and metrics, whatever the task."""

from . import change, classification, detection, restoration, unmixing  # noqa: F401  (each registers its kind of result)
from .writer import write_metrics, write_results, write_scene_result

__all__ = ['write_metrics', 'write_results', 'write_scene_result']
