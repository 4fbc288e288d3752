"""Necks."""

from .bitemporal_transformer import BitemporalTransformer
from .level_pyramid import LevelPyramid
from .mae_decoder import MAEDecoder
from .spectral_enhancement import SpectralEnhancement
from .token_pooling import TokenPooling
from .top_down_fusion import TopDownFusion

__all__ = [
    'BitemporalTransformer',
    'LevelPyramid',
    'MAEDecoder',
    'SpectralEnhancement',
    'TokenPooling',
    'TopDownFusion',
]
