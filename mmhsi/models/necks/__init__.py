"""Necks."""

from .level_pyramid import LevelPyramid
from .spectral_enhancement import SpectralEnhancement

__all__ = ['LevelPyramid', 'SpectralEnhancement']
