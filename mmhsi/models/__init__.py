"""Networks: backbones, necks, heads and the layers they are made of."""

from .backbones import HyperSIGMA, SpatViT, SpecViT
from .data_preprocessors import HSIDataPreprocessor
from .heads import MultiLevelClsHead, MultiLevelSegHead
from .layers import FullAttention, RefinementTransformer, SparseSamplingAttention, TransformerBlock
from .necks import LevelPyramid, SpectralEnhancement

__all__ = [
    'FullAttention', 'HSIDataPreprocessor', 'HyperSIGMA', 'LevelPyramid', 'MultiLevelClsHead', 'MultiLevelSegHead',
    'RefinementTransformer', 'SparseSamplingAttention', 'SpatViT', 'SpecViT', 'SpectralEnhancement', 'TransformerBlock'
]
