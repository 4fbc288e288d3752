"""Transforms of hyperspectral cubes and windows."""

from mmhsi.datasets.transforms.augment import RandomBandNoise, RandomRotate90
from mmhsi.datasets.transforms.band_noise import DeadlineNoise, ImpulseNoise, MissingBands, MixedNoise, StripeNoise
from mmhsi.datasets.transforms.band_statistics import StandardizeTile
from mmhsi.datasets.transforms.band_window import RandomBands, RandomBandWindow, RandomTileCrop
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.datasets.transforms.degradation import BicubicDegradation
from mmhsi.datasets.transforms.dihedral import Dihedral, RandomDihedral, dihedral
from mmhsi.datasets.transforms.loading import LoadSceneWindow
from mmhsi.datasets.transforms.noise import (
    NOISE_CASES,
    GaussianNoise,
    MissingStrips,
    NoiseChain,
    NoiseChoice,
    NonIIDGaussianNoise,
)
from mmhsi.datasets.transforms.noise_fraction import MinimumNoiseFraction
from mmhsi.datasets.transforms.pack_restoration import PackRestoration
from mmhsi.datasets.transforms.percentile import PercentileScale
from mmhsi.datasets.transforms.scene_crop import RandomSceneCrop
from mmhsi.datasets.transforms.spectral import (
    MinMaxScale,
    ScaleValues,
    SelectBands,
    SpectralPCA,
    SpectralTransform,
    Standardize,
)
from mmhsi.datasets.transforms.standardized_loading import LoadStandardizedWindow
from mmhsi.datasets.transforms.wavelength_grid import WavelengthGrid
from mmhsi.datasets.transforms.zero_phase_whitening import ZeroPhaseWhitening

__all__ = [
    'BicubicDegradation',
    'DeadlineNoise',
    'Dihedral',
    'GaussianNoise',
    'ImpulseNoise',
    'LoadSceneWindow',
    'LoadStandardizedWindow',
    'MinMaxScale',
    'MinimumNoiseFraction',
    'MissingBands',
    'MissingStrips',
    'MixedNoise',
    'NOISE_CASES',
    'NoiseChain',
    'NoiseChoice',
    'NonIIDGaussianNoise',
    'PackRestoration',
    'PercentileScale',
    'RandomBandNoise',
    'RandomBandWindow',
    'RandomBands',
    'RandomDihedral',
    'RandomRotate90',
    'RandomSceneCrop',
    'RandomTileCrop',
    'ScaleValues',
    'SelectBands',
    'SpectralChain',
    'SpectralPCA',
    'SpectralTransform',
    'Standardize',
    'StandardizeTile',
    'StripeNoise',
    'WavelengthGrid',
    'ZeroPhaseWhitening',
    'dihedral',
]
