"""What a user calls: models from configs and from the zoo, prediction of scenes, classical baselines."""

from .classical import evaluate_pixel_classifier
from .classical_change import evaluate_change_detector
from .classical_detection import evaluate_detector
from .classical_restoration import evaluate_restorer
from .classical_unmixing import evaluate_unmixer
from .complexity import count_complexity
from .inferencer import HSIInferencer
from .model import init_model
from .timing import time_network
from .zoo import find_model, get_model, list_models

__all__ = [
    'HSIInferencer', 'count_complexity', 'evaluate_change_detector', 'evaluate_detector', 'evaluate_pixel_classifier',
    'evaluate_restorer', 'evaluate_unmixer', 'find_model', 'get_model', 'init_model', 'list_models', 'time_network'
]
