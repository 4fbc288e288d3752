"""Backbones."""

from .hypersigma import HyperSIGMA
from .spat_vit import SpatViT
from .spec_vit import SpecViT

__all__ = ['HyperSIGMA', 'SpatViT', 'SpecViT']
