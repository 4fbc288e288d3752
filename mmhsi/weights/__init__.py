"""Weights: official layouts and names, conversion in both directions, safe loading and writing, published files."""

from .convert import convert_hypersigma_state_dict
from .convert_back import revert_hypersigma_state_dict

__all__ = ['convert_hypersigma_state_dict', 'revert_hypersigma_state_dict']
