"""Data preprocessors."""

from .hsi_data_preprocessor import HSIDataPreprocessor

__all__ = ['HSIDataPreprocessor']
