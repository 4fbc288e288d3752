"""Parts of a run around the model: hooks, optimiser constructors, launching."""

from .hooks import IterationSeedHook, SceneProgressHook, SceneResultHook, SceneStateHook
from .optimizers import LayerDecayOptimWrapperConstructor

__all__ = [
    'IterationSeedHook', 'LayerDecayOptimWrapperConstructor', 'SceneProgressHook', 'SceneResultHook', 'SceneStateHook'
]
