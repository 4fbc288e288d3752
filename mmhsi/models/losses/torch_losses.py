"""The losses of PyTorch that compare two images, registered under their own names."""

from torch import nn

from mmhsi.registry import MODELS

HuberLoss, L1Loss, MSELoss, SmoothL1Loss = (
    MODELS.register_module(module=loss) for loss in (nn.HuberLoss, nn.L1Loss, nn.MSELoss, nn.SmoothL1Loss)
)
