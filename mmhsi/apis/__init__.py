"""What a user calls: models from configs and from the zoo, prediction of scenes, classical baselines."""

from mmhsi.analysis.complexity import count_complexity
from mmhsi.analysis.timing import time_network
from mmhsi.comparison.classical import evaluate_pixel_classifier
from mmhsi.comparison.classical_change import evaluate_change_detector
from mmhsi.comparison.classical_detection import evaluate_detector
from mmhsi.comparison.classical_restoration import evaluate_restorer
from mmhsi.comparison.classical_unmixing import evaluate_unmixer
from mmhsi.inference.inferencer import HSIInferencer
from mmhsi.inference.model import init_model
from mmhsi.inference.zoo import find_model, get_model, list_models

__all__ = [
    'HSIInferencer', 'count_complexity', 'evaluate_change_detector', 'evaluate_detector', 'evaluate_pixel_classifier',
    'evaluate_restorer', 'evaluate_unmixer', 'find_model', 'get_model', 'init_model', 'list_models', 'time_network'
]
