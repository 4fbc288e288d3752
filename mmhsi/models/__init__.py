"""Networks: backbones, necks, heads and their layers."""

from .backbones import SSFTT, A2S2KResNet, HybridCNN, HyperSIGMA, SiameseBackbone, SpatViT, SpectralFormer, SpecViT
from .classifiers import WideAndDeepClassifier
from .data_preprocessors import HSIDataPreprocessor, RestorationDataPreprocessor
from .heads import (
    AbundanceHead,
    ChangeClsHead,
    MultiLevelClsHead,
    MultiLevelSegHead,
    PixelSegHead,
    RestorationHead,
    SpatMAEHead,
    SpecMAEHead,
    SuperResolutionHead,
    TargetDetectionHead,
    WideAndDeepHead,
)
from .layers import FullAttention, RefinementTransformer, SparseSamplingAttention, TransformerBlock
from .losses import (
    AbundanceSparsityLoss,
    EndmemberVariationLoss,
    Gradient3DLoss,
    LovaszSoftmaxLoss,
    SpectralAngleLoss,
    SSIMLoss,
    SumLoss,
    TotalVariationLoss,
    WeightedCrossEntropyLoss,
)
from .necks import BitemporalTransformer, LevelPyramid, MAEDecoder, SpectralEnhancement, TokenPooling, TopDownFusion
from .restorers import QRNN3D, BicubicResidual, MCNet, RestorationNet, TiledEditModel
from .segmentors import SlidingEncoderDecoder
from .selfsup import MaskedSpatViT, MaskedSpecViT, SpatMAE, SpecMAE
from .unmixers import CNNAEUEncoder, EndmemberDecoder, SoftmaxAbundanceHead, Unmixer

__all__ = [
    'SSFTT',
    'QRNN3D',
    'A2S2KResNet',
    'BitemporalTransformer',
    'CNNAEUEncoder',
    'MCNet',
    'SoftmaxAbundanceHead',
    'SpectralFormer',
    'AbundanceHead',
    'AbundanceSparsityLoss',
    'BicubicResidual',
    'ChangeClsHead',
    'EndmemberDecoder',
    'EndmemberVariationLoss',
    'FullAttention',
    'Gradient3DLoss',
    'HSIDataPreprocessor',
    'HybridCNN',
    'HyperSIGMA',
    'LevelPyramid',
    'LovaszSoftmaxLoss',
    'MAEDecoder',
    'MaskedSpatViT',
    'MaskedSpecViT',
    'MultiLevelClsHead',
    'MultiLevelSegHead',
    'PixelSegHead',
    'RefinementTransformer',
    'RestorationDataPreprocessor',
    'RestorationHead',
    'RestorationNet',
    'SSIMLoss',
    'SiameseBackbone',
    'SlidingEncoderDecoder',
    'SparseSamplingAttention',
    'SpatMAE',
    'SpatMAEHead',
    'SpatViT',
    'SpecMAE',
    'SpecMAEHead',
    'SpecViT',
    'SpectralAngleLoss',
    'SpectralEnhancement',
    'SumLoss',
    'SuperResolutionHead',
    'TargetDetectionHead',
    'TiledEditModel',
    'TokenPooling',
    'TopDownFusion',
    'TotalVariationLoss',
    'TransformerBlock',
    'Unmixer',
    'WeightedCrossEntropyLoss',
    'WideAndDeepClassifier',
    'WideAndDeepHead',
]
