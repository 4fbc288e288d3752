"""Networks: backbones, necks, heads and the layers they are made of."""

from .backbones import HyperSIGMA, SpatViT, SpecViT
from .data_preprocessors import HSIDataPreprocessor
from .heads import MultiLevelClsHead, MultiLevelSegHead, SpatMAEHead, SpecMAEHead
from .layers import FullAttention, RefinementTransformer, SparseSamplingAttention, TransformerBlock
from .necks import LevelPyramid, MAEDecoder, SpectralEnhancement
from .selfsup import MaskedSpatViT, MaskedSpecViT, SpatMAE, SpecMAE

__all__ = [
    'FullAttention', 'HSIDataPreprocessor', 'HyperSIGMA', 'LevelPyramid', 'MAEDecoder', 'MaskedSpatViT',
    'MaskedSpecViT', 'MultiLevelClsHead', 'MultiLevelSegHead', 'RefinementTransformer', 'SparseSamplingAttention',
    'SpatMAE', 'SpatMAEHead', 'SpatViT', 'SpecMAE', 'SpecMAEHead', 'SpecViT', 'SpectralEnhancement', 'TransformerBlock'
]
