"""The public interface: models from configs and from the zoo, prediction of scenes, classical baselines."""

from mmhsi.analysis.complexity import count_complexity
from mmhsi.analysis.timing import time_network
from mmhsi.inference.inferencer import HSIInferencer
from mmhsi.inference.model import init_model
from mmhsi.inference.zoo import find_model, get_model, list_models
from mmhsi.tasks.change_detectors import evaluate_change_detector
from mmhsi.tasks.detectors import evaluate_detector
from mmhsi.tasks.pixel_classifiers import evaluate_pixel_classifier
from mmhsi.tasks.restorers import evaluate_restorer
from mmhsi.tasks.unmixers import evaluate_unmixer

__all__ = [
    'HSIInferencer',
    'count_complexity',
    'evaluate_change_detector',
    'evaluate_detector',
    'evaluate_pixel_classifier',
    'evaluate_restorer',
    'evaluate_unmixer',
    'find_model',
    'get_model',
    'init_model',
    'list_models',
    'time_network',
]
