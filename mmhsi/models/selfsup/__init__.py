"""Self-supervised pre-training."""

from .group_contrast import BagDataPreprocessor, GroupContrast
from .masked_autoencoder import MAEOutput, MaskedAutoencoder
from .spat_mae import MaskedSpatViT, SpatMAE
from .spec_mae import MaskedSpecViT, SpecMAE

__all__ = [
    'BagDataPreprocessor',
    'GroupContrast',
    'MAEOutput',
    'MaskedAutoencoder',
    'MaskedSpatViT',
    'MaskedSpecViT',
    'SpatMAE',
    'SpecMAE',
]
