"""Self-supervised pre-training."""

from .masked_autoencoder import MAEOutput, MaskedAutoencoder
from .spat_mae import MaskedSpatViT, SpatMAE
from .spec_mae import MaskedSpecViT, SpecMAE

__all__ = ['MAEOutput', 'MaskedAutoencoder', 'MaskedSpatViT', 'MaskedSpecViT', 'SpatMAE', 'SpecMAE']
