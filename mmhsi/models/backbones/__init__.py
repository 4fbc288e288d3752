"""Backbones."""

from .a2s2k_resnet import A2S2KResNet
from .hybrid_cnn import HybridCNN
from .hypersigma import HyperSIGMA
from .mamba_hsi import MambaHSI
from .pretrained import PretrainedEncoder
from .siamese_backbone import SiameseBackbone
from .spat_vit import SpatViT
from .spec_vit import SpecViT
from .spectral_former import SpectralFormer
from .ssftt import SSFTT

__all__ = [
    'SSFTT',
    'A2S2KResNet',
    'HybridCNN',
    'HyperSIGMA',
    'MambaHSI',
    'PretrainedEncoder',
    'SiameseBackbone',
    'SpatViT',
    'SpecViT',
    'SpectralFormer',
]
