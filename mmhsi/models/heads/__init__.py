"""Heads."""

from .abundance_head import AbundanceHead
from .change_cls_head import ChangeClsHead
from .mae_head import SpatMAEHead, SpecMAEHead
from .multi_level_cls_head import MultiLevelClsHead
from .multi_level_seg_head import MultiLevelSegHead
from .pixel_seg_head import PixelSegHead
from .restoration_head import RestorationHead, SuperResolutionHead
from .target_detection_head import TargetDetectionHead
from .wide_and_deep_head import WideAndDeepHead

__all__ = [
    'AbundanceHead',
    'ChangeClsHead',
    'MultiLevelClsHead',
    'MultiLevelSegHead',
    'PixelSegHead',
    'RestorationHead',
    'SpatMAEHead',
    'SpecMAEHead',
    'SuperResolutionHead',
    'TargetDetectionHead',
    'WideAndDeepHead',
]
