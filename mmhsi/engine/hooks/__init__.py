"""Hooks: what an experiment saves about its scenes, how it shows its progress, what holds after each iteration."""

from .endmember_hook import NonNegativeEndmemberHook
from .iteration_seed_hook import IterationSeedHook
from .scene_progress_hook import SceneProgressHook
from .scene_result_hook import SceneResultHook
from .scene_state_hook import SceneStateHook

__all__ = [
    'IterationSeedHook', 'NonNegativeEndmemberHook', 'SceneProgressHook', 'SceneResultHook', 'SceneStateHook'
]
