"""Unmixers."""

from .cnnaeu import CNNAEUEncoder, SoftmaxAbundanceHead
from .endmember_decoder import EndmemberDecoder
from .unmixer import Unmixer

__all__ = ['CNNAEUEncoder', 'EndmemberDecoder', 'SoftmaxAbundanceHead', 'Unmixer']
