"""The smallest experiment with all parts of a real one: a linear regression on eight points, started at zero."""

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, HOOKS, METRICS, MODELS
from torch.utils.data import Dataset

POINTS = torch.arange(8.0)
TARGETS = 2 * POINTS + 1


@DATASETS.register_module()
class ToyPoints(Dataset):

    metainfo = {'classes': ('line',), 'centre': np.float32([3.5])}

    def __len__(self):
        return len(POINTS)

    def __getitem__(self, index):
        return {'inputs': POINTS[index:index + 1], 'targets': TARGETS[index:index + 1]}


@MODELS.register_module()
class ToyRegression(BaseModel):

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)
        torch.nn.init.zeros_(self.linear.weight)
        torch.nn.init.zeros_(self.linear.bias)

    def forward(self, inputs, targets, mode='tensor'):
        outputs = self.linear(inputs)
        if mode == 'loss':
            return {'loss': (outputs - targets).square().mean()}
        return [{'output': output, 'target': target} for output, target in zip(outputs, targets, strict=True)]


@METRICS.register_module()
class ToyError(BaseMetric):

    default_prefix = 'toy'

    def process(self, data_batch, data_samples):
        self.results += [abs(sample['output'] - sample['target']).item() for sample in data_samples]

    def compute_metrics(self, results):
        return {'error': np.mean(results)}


@HOOKS.register_module()
class ToyState(Hook):
    """Stores what a fitted preprocessing step stores: arrays and numbers of NumPy."""

    def before_save_checkpoint(self, runner, checkpoint):
        checkpoint['fitted'] = {'mean': np.linspace(0, 1, 5), 'bands': np.arange(3), 'valid': np.array([True, False]),
                                'count': np.int64(7), 'scale': np.float32(0.5), 'names': np.array(['red', 'nir'])}
