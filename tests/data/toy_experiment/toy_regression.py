"""The smallest experiment with all parts of a real one: a linear regression on eight points, started at zero."""

import os
import time

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


@DATASETS.register_module()
class NoisyPoints(ToyPoints):
    """Points that NumPy's random numbers shift, as an augmentation would."""

    def __getitem__(self, index):
        item = super().__getitem__(index)
        item['inputs'] = item['inputs'] + float(np.random.normal(0, 0.1))
        return item


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


@MODELS.register_module()
class NoisyRegression(ToyRegression):
    """With noise from torch and NumPy in its loss, and ballast that makes its checkpoints take a while.

    Args:
        pause (float): Seconds that an iteration takes at least. Defaults to 0.
        bad_from (int, optional): Forward pass, counted from 1, from which ``bad_count`` losses are NaN.
        bad_count (int): How many. Defaults to 1.
        ballast (int): Values in a buffer. Defaults to 2 ** 18, 1 MiB.
    """

    def __init__(self, pause=0., bad_from=None, bad_count=1, ballast=2 ** 18):
        super().__init__()
        self.pause = pause
        self.bad = range(0) if bad_from is None else range(bad_from, bad_from + bad_count)
        self.passes = 0
        self.register_buffer('ballast', torch.arange(float(ballast)))

    def forward(self, inputs, targets, mode='tensor'):
        if mode == 'loss':
            time.sleep(self.pause)
            self.passes += 1
            if self.passes == 1 and 'TOY_STARTED' in os.environ:
                open(os.environ['TOY_STARTED'], 'w').close()
            targets = targets + torch.randn_like(targets) + np.random.normal(0, 0.1)
            if self.passes in self.bad:
                targets = targets * float('nan')
        return super().forward(inputs, targets, mode)


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
