"""Parts of a run around the model: hooks, optimiser constructors, launching."""

from .hooks import (
    IterationSeedHook,
    NonNegativeEndmemberHook,
    SceneProgressHook,
    SceneResultHook,
    SceneStateHook,
)
from .optimizers import BF16OptimWrapper, LayerDecayOptimWrapperConstructor

__all__ = [
    'BF16OptimWrapper', 'IterationSeedHook', 'LayerDecayOptimWrapperConstructor', 'NonNegativeEndmemberHook',
    'SceneProgressHook', 'SceneResultHook', 'SceneStateHook'
]
