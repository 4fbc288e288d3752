"""Layers of the HyperSIGMA networks."""

from .attention import (
    DeformableAttention,
    FullAttention,
    NeighbourhoodAttention,
    NonLocalSparseAttention,
    SparseSamplingAttention,
    VariedSizeWindowAttention,
    WindowAttention,
)
from .conv_norm_relu import conv_norm_relu
from .gaussian_means import GaussianMeans
from .mamba import Mamba, selective_scan
from .refinement import RefinementTransformer
from .spectral_embedding import SpectralEmbedding
from .token_grid import resize_spatial_position_embedding, square_grid
from .transformer_block import TransformerBlock, TransformerBlocks, init_linear_and_norm

__all__ = [
    'DeformableAttention',
    'FullAttention',
    'GaussianMeans',
    'Mamba',
    'NeighbourhoodAttention',
    'NonLocalSparseAttention',
    'RefinementTransformer',
    'SparseSamplingAttention',
    'SpectralEmbedding',
    'TransformerBlock',
    'TransformerBlocks',
    'VariedSizeWindowAttention',
    'WindowAttention',
    'conv_norm_relu',
    'init_linear_and_norm',
    'resize_spatial_position_embedding',
    'selective_scan',
    'square_grid',
]
