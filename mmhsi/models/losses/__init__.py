"""Losses. Those of PyTorch that compare two images are registered too, under their own names."""

from .gradient_3d_loss import Gradient3DLoss
from .lovasz_softmax_loss import LovaszSoftmaxLoss
from .spectral_angle_loss import SpectralAngleLoss
from .ssim_loss import SSIMLoss
from .sum_loss import SumLoss
from .torch_losses import HuberLoss, L1Loss, MSELoss, SmoothL1Loss
from .total_variation_loss import TotalVariationLoss
from .unmixing_losses import AbundanceSparsityLoss, EndmemberVariationLoss
from .weighted_cross_entropy_loss import WeightedCrossEntropyLoss

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
