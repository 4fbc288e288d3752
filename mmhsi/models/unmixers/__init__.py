"""Unmixers."""

from .cnnaeu import CNNAEUEncoder, SoftmaxAbundanceHead
from .deep_trans import DeepTransEncoder, SmoothedSoftmaxHead
from .endmember_decoder import EndmemberDecoder
from .unmixer import Unmixer

__all__ = [
    'CNNAEUEncoder',
    'DeepTransEncoder',
    'EndmemberDecoder',
    'SmoothedSoftmaxHead',
    'SoftmaxAbundanceHead',
    'Unmixer',
]
