"""Pictures, drawn without a display: false colour, maps of classes, errors, scores and changes, curves, panels."""

from .class_maps import (
    change_map_figure,
    class_map_figure,
    colour_changes,
    colour_detections,
    colour_errors,
    colour_labels,
    compare_binary,
    detection_map_figure,
    error_map_figure,
)
from .confusion import confusion_figure
from .false_colour import false_colour, false_colour_figure, select_rgb_bands, stretch
from .figure import LegendEntry, figure_to_rgb, image_figure, save_figure
from .heat_map import colour_scores, heat_limits, heat_map_figure, heat_style, uncertainty_figures
from .palette import resolve_palette
from .restoration import band_psnr_figure, error_panels_figure, panels_figure, stretch_alike
from .roc import roc_figure, roc_points, threshold_figure
from .sampling_map import sampling_figure
from .spectra import class_spectra, spectra_figure
from .training_curves import training_curves_figure
from .unmixing import abundance_figure, colour_values, endmember_figure

__all__ = [
    'LegendEntry',
    'abundance_figure',
    'band_psnr_figure',
    'change_map_figure',
    'class_map_figure',
    'class_spectra',
    'colour_changes',
    'colour_detections',
    'colour_errors',
    'colour_labels',
    'colour_scores',
    'colour_values',
    'compare_binary',
    'confusion_figure',
    'detection_map_figure',
    'endmember_figure',
    'error_map_figure',
    'error_panels_figure',
    'false_colour',
    'false_colour_figure',
    'figure_to_rgb',
    'heat_limits',
    'heat_map_figure',
    'heat_style',
    'image_figure',
    'panels_figure',
    'resolve_palette',
    'roc_figure',
    'roc_points',
    'sampling_figure',
    'save_figure',
    'select_rgb_bands',
    'spectra_figure',
    'stretch',
    'stretch_alike',
    'threshold_figure',
    'training_curves_figure',
    'uncertainty_figures',
]
