"""Kinds of self-attention over a grid of tokens; all take tokens (B, N, C) and the grid, and are interchangeable."""

from .deformable import DeformableAttention
from .full import FullAttention
from .grid_attention import GridAttention
from .neighbourhood import NeighbourhoodAttention
from .non_local_sparse import NonLocalSparseAttention
from .sparse_sampling import SparseSamplingAttention
from .varied_size_window import VariedSizeWindowAttention
from .window import WindowAttention

__all__ = [
    'DeformableAttention',
    'FullAttention',
    'GridAttention',
    'NeighbourhoodAttention',
    'NonLocalSparseAttention',
    'SparseSamplingAttention',
    'VariedSizeWindowAttention',
    'WindowAttention',
]
