"""Unmixers."""

from .endmember_decoder import EndmemberDecoder
from .unmixer import Unmixer

__all__ = ['EndmemberDecoder', 'Unmixer']
