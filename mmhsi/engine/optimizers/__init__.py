"""Optimiser wrappers and their constructors."""

from .bf16_optim_wrapper import BF16OptimWrapper
from .layer_decay import LayerDecayOptimWrapperConstructor

__all__ = ['BF16OptimWrapper', 'LayerDecayOptimWrapperConstructor']
