"""Pictures, drawn without a display: false colour, class maps, error maps, heat maps, change maps, ROC curves."""

from .change_map import change_map_figure, colour_changes, colour_detections, compare_binary, detection_map_figure
from .class_map import class_map_figure, colour_labels
from .confusion import confusion_figure
from .error_map import colour_errors, error_map_figure
from .false_colour import false_colour, false_colour_figure, select_rgb_bands, stretch
from .figure import LegendEntry, figure_to_rgb, image_figure, save_figure
from .heat_map import colour_scores, heat_limits, heat_map_figure, heat_style
from .palette import resolve_palette
from .roc import roc_figure, roc_points, threshold_figure

__all__ = [
    'LegendEntry', 'change_map_figure', 'class_map_figure', 'colour_changes', 'colour_detections', 'colour_errors',
    'colour_labels', 'colour_scores', 'compare_binary', 'confusion_figure', 'detection_map_figure', 'error_map_figure',
    'false_colour', 'false_colour_figure', 'figure_to_rgb', 'heat_limits', 'heat_map_figure', 'heat_style',
    'image_figure', 'resolve_palette', 'roc_figure', 'roc_points', 'save_figure', 'select_rgb_bands', 'stretch',
    'threshold_figure'
]
