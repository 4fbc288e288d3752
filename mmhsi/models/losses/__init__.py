"""Losses."""

from .lovasz_softmax_loss import LovaszSoftmaxLoss
from .weighted_cross_entropy_loss import WeightedCrossEntropyLoss

__all__ = ['LovaszSoftmaxLoss', 'WeightedCrossEntropyLoss']
