"""Optimiser wrappers and their constructors."""

from .bf16_optim_wrapper import BF16OptimWrapper
from .grouped import GroupedOptimWrapperConstructor
from .layer_decay import LayerDecayOptimWrapperConstructor

__all__ = ['BF16OptimWrapper', 'GroupedOptimWrapperConstructor', 'LayerDecayOptimWrapperConstructor']
