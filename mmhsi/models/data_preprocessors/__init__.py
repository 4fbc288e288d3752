"""Data preprocessors."""

from .hsi_data_preprocessor import HSIDataPreprocessor
from .restoration_data_preprocessor import RestorationDataPreprocessor

__all__ = ['HSIDataPreprocessor', 'RestorationDataPreprocessor']
