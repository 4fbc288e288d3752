"""Hooks for saving, progress, checks after each iteration, and the end of a run."""

from .classical_hook import ClassicalHook
from .endmember_hook import EvenLightHook, InitialEndmemberHook, NonNegativeEndmemberHook
from .exact_resume_hook import ExactResumeHook
from .experiment_check_hook import ExperimentCheckHook
from .initial_state_hook import InitialStateHook
from .iteration_seed_hook import IterationSeedHook
from .lowest_loss_hook import LowestLossHook
from .mean_loss_hook import MeanLossHook
from .non_finite_loss_hook import NonFiniteLossHook
from .preemption_hook import PreemptionHook
from .refinement_hook import RefinementHook
from .restoration_mean_hook import RestorationMeanHook
from .safe_checkpoint_hook import SafeCheckpointHook
from .scene_progress_hook import SceneProgressHook
from .scene_result_hook import SceneResultHook
from .scene_state_hook import SceneStateHook
from .score_fusion_hook import ScoreFusionHook
from .subspace_init_hook import SubspaceInitHook
from .window_filter_hook import WindowFilterHook

__all__ = [
    'ClassicalHook',
    'EvenLightHook',
    'ExactResumeHook',
    'ExperimentCheckHook',
    'InitialEndmemberHook',
    'InitialStateHook',
    'IterationSeedHook',
    'LowestLossHook',
    'MeanLossHook',
    'NonFiniteLossHook',
    'NonNegativeEndmemberHook',
    'PreemptionHook',
    'RefinementHook',
    'RestorationMeanHook',
    'SafeCheckpointHook',
    'SceneProgressHook',
    'SceneResultHook',
    'SceneStateHook',
    'ScoreFusionHook',
    'SubspaceInitHook',
    'WindowFilterHook',
]
