"""What a user calls: models from configs, classical baselines."""

from .classical import evaluate_pixel_classifier
from .classical_change import evaluate_change_detector
from .classical_detection import evaluate_detector
from .model import init_model

__all__ = ['evaluate_change_detector', 'evaluate_detector', 'evaluate_pixel_classifier', 'init_model']
