"""Necks."""

from .level_pyramid import LevelPyramid
from .mae_decoder import MAEDecoder
from .spectral_enhancement import SpectralEnhancement

__all__ = ['LevelPyramid', 'MAEDecoder', 'SpectralEnhancement']
