"""Transforms of hyperspectral cubes and windows."""

from mmhsi.datasets.transforms.augment import RandomBandNoise, RandomRotate90, RandomSpectralScale
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.datasets.transforms.loading import LoadSceneWindow
from mmhsi.datasets.transforms.spectral import (
    MinMaxScale,
    ScaleValues,
    SelectBands,
    SpectralPCA,
    SpectralTransform,
    Standardize,
)

__all__ = [
    'LoadSceneWindow', 'MinMaxScale', 'RandomBandNoise', 'RandomRotate90', 'RandomSpectralScale', 'ScaleValues',
    'SelectBands', 'SpectralChain', 'SpectralPCA', 'SpectralTransform', 'Standardize'
]
