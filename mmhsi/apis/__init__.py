"""What a user calls: models from configs, classical baselines."""

from .classical import evaluate_pixel_classifier
from .model import init_model

__all__ = ['evaluate_pixel_classifier', 'init_model']
