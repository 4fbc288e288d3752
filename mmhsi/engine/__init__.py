"""The parts of a run besides the model: hooks, optimiser constructors, launching."""

from .hooks import (
    ClassicalHook,
    ExactResumeHook,
    InitialEndmemberHook,
    InitialStateHook,
    IterationSeedHook,
    MeanLossHook,
    NonFiniteLossHook,
    NonNegativeEndmemberHook,
    PreemptionHook,
    RefinementHook,
    SafeCheckpointHook,
    SceneProgressHook,
    SceneResultHook,
    SceneStateHook,
    SubspaceInitHook,
)
from .optimizers import BF16OptimWrapper, GroupedOptimWrapperConstructor, LayerDecayOptimWrapperConstructor
from .strategies import FullyShardedStrategy

__all__ = [
    'BF16OptimWrapper',
    'ClassicalHook',
    'ExactResumeHook',
    'FullyShardedStrategy',
    'GroupedOptimWrapperConstructor',
    'InitialEndmemberHook',
    'InitialStateHook',
    'IterationSeedHook',
    'LayerDecayOptimWrapperConstructor',
    'MeanLossHook',
    'NonFiniteLossHook',
    'NonNegativeEndmemberHook',
    'PreemptionHook',
    'RefinementHook',
    'SafeCheckpointHook',
    'SceneProgressHook',
    'SceneResultHook',
    'SceneStateHook',
    'SubspaceInitHook',
]
