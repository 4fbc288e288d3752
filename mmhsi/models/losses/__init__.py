"""Losses. Those of PyTorch that compare two images are registered too, under their own names."""

from .image_losses import (
    Gradient3DLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
    SmoothL1Loss,
    SpectralAngleLoss,
    SSIMLoss,
    SumLoss,
    TotalVariationLoss,
)
from .segmentation_losses import LovaszSoftmaxLoss, WeightedCrossEntropyLoss
from .unmixing_losses import AbundanceSparsityLoss, EndmemberVariationLoss

__all__ = [
    'AbundanceSparsityLoss',
    'EndmemberVariationLoss',
    'Gradient3DLoss',
    'HuberLoss',
    'L1Loss',
    'LovaszSoftmaxLoss',
    'MSELoss',
    'SSIMLoss',
    'SmoothL1Loss',
    'SpectralAngleLoss',
    'SumLoss',
    'TotalVariationLoss',
    'WeightedCrossEntropyLoss',
]
