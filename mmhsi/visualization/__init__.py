"""Pictures: false colour, class maps, error maps and confusion matrices, drawn without a display."""

from .class_map import class_map_figure, colour_labels
from .confusion import confusion_figure
from .error_map import colour_errors, error_map_figure
from .false_colour import false_colour, false_colour_figure, select_rgb_bands, stretch
from .figure import LegendEntry, figure_to_rgb, image_figure, save_figure
from .palette import resolve_palette

__all__ = [
    'LegendEntry', 'class_map_figure', 'colour_errors', 'colour_labels', 'confusion_figure',
    'error_map_figure', 'false_colour', 'false_colour_figure', 'figure_to_rgb', 'image_figure', 'resolve_palette',
    'save_figure', 'select_rgb_bands', 'stretch'
]
