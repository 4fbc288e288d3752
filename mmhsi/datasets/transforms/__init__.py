"""Transforms of hyperspectral cubes and windows."""

from mmhsi.datasets.transforms.augment import RandomBandNoise, RandomRotate90, RandomSpectralScale
from mmhsi.datasets.transforms.band_statistics import StandardizeTile
from mmhsi.datasets.transforms.band_window import CenterBandWindow, RandomBandWindow, RandomTileCrop
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.datasets.transforms.loading import LoadSceneWindow
from mmhsi.datasets.transforms.scene_crop import RandomSceneCrop
from mmhsi.datasets.transforms.spectral import (
    MinMaxScale,
    ScaleValues,
    SelectBands,
    SpectralPCA,
    SpectralTransform,
    Standardize,
)

__all__ = [
    'CenterBandWindow', 'LoadSceneWindow', 'MinMaxScale', 'RandomBandNoise', 'RandomBandWindow', 'RandomRotate90',
    'RandomSceneCrop', 'RandomSpectralScale', 'RandomTileCrop', 'ScaleValues', 'SelectBands', 'SpectralChain',
    'SpectralPCA', 'SpectralTransform', 'Standardize', 'StandardizeTile'
]
