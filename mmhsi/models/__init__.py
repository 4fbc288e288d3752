"""Networks: backbones, necks, heads and the layers they are made of."""

from .backbones import HyperSIGMA, SiameseBackbone, SpatViT, SpecViT
from .data_preprocessors import HSIDataPreprocessor
from .heads import (
    ChangeClsHead,
    MultiLevelClsHead,
    MultiLevelSegHead,
    PixelSegHead,
    SpatMAEHead,
    SpecMAEHead,
    TargetDetectionHead,
)
from .layers import FullAttention, RefinementTransformer, SparseSamplingAttention, TransformerBlock
from .losses import LovaszSoftmaxLoss, WeightedCrossEntropyLoss
from .necks import LevelPyramid, MAEDecoder, SpectralEnhancement, TopDownFusion
from .segmentors import SlidingEncoderDecoder
from .selfsup import MaskedSpatViT, MaskedSpecViT, SpatMAE, SpecMAE

__all__ = [
    'ChangeClsHead', 'FullAttention', 'HSIDataPreprocessor', 'HyperSIGMA', 'LevelPyramid', 'LovaszSoftmaxLoss',
    'MAEDecoder', 'MaskedSpatViT', 'MaskedSpecViT', 'MultiLevelClsHead', 'MultiLevelSegHead', 'PixelSegHead',
    'RefinementTransformer', 'SiameseBackbone', 'SlidingEncoderDecoder', 'SparseSamplingAttention', 'SpatMAE',
    'SpatMAEHead', 'SpatViT', 'SpecMAE', 'SpecMAEHead', 'SpecViT', 'SpectralEnhancement', 'TargetDetectionHead',
    'TopDownFusion', 'TransformerBlock', 'WeightedCrossEntropyLoss'
]
