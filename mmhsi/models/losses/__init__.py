"""Losses. Those of PyTorch that compare two images are registered too, under their own names."""

from torch import nn

from mmhsi.registry import MODELS

from .gradient_3d_loss import Gradient3DLoss
from .lovasz_softmax_loss import LovaszSoftmaxLoss
from .spectral_angle_loss import SpectralAngleLoss
from .ssim_loss import SSIMLoss
from .sum_loss import SumLoss
from .total_variation_loss import TotalVariationLoss
from .unmixing_losses import AbundanceSparsityLoss, EndmemberVariationLoss
from .weighted_cross_entropy_loss import WeightedCrossEntropyLoss

__all__ = [
    'AbundanceSparsityLoss',
    'EndmemberVariationLoss',
    'Gradient3DLoss',
    'LovaszSoftmaxLoss',
    'SSIMLoss',
    'SpectralAngleLoss',
    'SumLoss',
    'TotalVariationLoss',
    'WeightedCrossEntropyLoss',
]

for loss in (nn.HuberLoss, nn.L1Loss, nn.MSELoss, nn.SmoothL1Loss):
    MODELS.register_module(module=loss)
