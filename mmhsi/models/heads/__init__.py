"""Heads."""

from .mae_head import SpatMAEHead, SpecMAEHead
from .multi_level_cls_head import MultiLevelClsHead
from .multi_level_seg_head import MultiLevelSegHead

__all__ = ['MultiLevelClsHead', 'MultiLevelSegHead', 'SpatMAEHead', 'SpecMAEHead']
