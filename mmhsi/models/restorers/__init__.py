"""Restorers: denoising and super-resolution."""

from .bicubic_residual import BicubicResidual
from .mcnet import MCNet
from .qrnn3d import QRNN3D
from .restoration_net import RestorationNet
from .tiled_edit_model import TiledEditModel
from .tiled_restoration import restore_by_tiles

__all__ = ['QRNN3D', 'BicubicResidual', 'MCNet', 'RestorationNet', 'TiledEditModel', 'restore_by_tiles']
