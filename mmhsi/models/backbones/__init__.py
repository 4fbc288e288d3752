"""Backbones."""

from .hybrid_cnn import HybridCNN
from .hypersigma import HyperSIGMA
from .pretrained import PretrainedEncoder
from .siamese_backbone import SiameseBackbone
from .spat_vit import SpatViT
from .spec_vit import SpecViT

__all__ = ['HybridCNN', 'HyperSIGMA', 'PretrainedEncoder', 'SiameseBackbone', 'SpatViT', 'SpecViT']
