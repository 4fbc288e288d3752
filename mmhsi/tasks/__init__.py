"""The task families, one module for each."""

from mmhsi.tasks.anomaly_detection import AnomalyDetection
from mmhsi.tasks.change_detection import ChangeDetection
from mmhsi.tasks.classification import Classification
from mmhsi.tasks.denoising import Denoising
from mmhsi.tasks.multispectral_change_detection import MultispectralChangeDetection
from mmhsi.tasks.product import Product, write_product
from mmhsi.tasks.results import write_metrics, write_results, write_scene_result
from mmhsi.tasks.super_resolution import SuperResolution
from mmhsi.tasks.target_detection import TargetDetection
from mmhsi.tasks.task import Layer, Task, all_tasks, make_task, task_name, task_of_result, task_of_scene
from mmhsi.tasks.unmixing import Unmixing

__all__ = [
    'AnomalyDetection',
    'ChangeDetection',
    'Classification',
    'Denoising',
    'Layer',
    'MultispectralChangeDetection',
    'Product',
    'SuperResolution',
    'TargetDetection',
    'Task',
    'Unmixing',
    'all_tasks',
    'make_task',
    'task_name',
    'task_of_result',
    'task_of_scene',
    'write_metrics',
    'write_product',
    'write_results',
    'write_scene_result',
]
