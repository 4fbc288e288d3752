"""Classical detection and unmixing as plain functions on arrays: no training, no configuration."""

from .anomaly_detectors import ANOMALY_DETECTORS, crd, local_rx, rx
from .change_detectors import CHANGE_DETECTORS, change_threshold, cva, isfa, pca_cva
from .enlargement import ENLARGEMENTS
from .nmf_unmixing import sparse_nmf
from .target_detectors import TARGET_DETECTORS, ace, cem, matched_filter, osp, sam
from .unmixing import fcls, vca

__all__ = [
    'ANOMALY_DETECTORS', 'CHANGE_DETECTORS', 'ENLARGEMENTS', 'TARGET_DETECTORS', 'ace', 'cem', 'change_threshold', 'crd',
    'cva', 'fcls', 'isfa', 'local_rx', 'matched_filter', 'osp', 'pca_cva', 'rx', 'sam', 'sparse_nmf', 'vca'
]
