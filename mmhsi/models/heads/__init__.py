"""Heads."""

from .change_cls_head import ChangeClsHead
from .mae_head import SpatMAEHead, SpecMAEHead
from .multi_level_cls_head import MultiLevelClsHead
from .multi_level_seg_head import MultiLevelSegHead
from .pixel_seg_head import PixelSegHead
from .target_detection_head import TargetDetectionHead

__all__ = [
    'ChangeClsHead', 'MultiLevelClsHead', 'MultiLevelSegHead', 'PixelSegHead', 'SpatMAEHead', 'SpecMAEHead',
    'TargetDetectionHead'
]
