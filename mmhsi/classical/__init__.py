"""Detection, unmixing and restoration of a scene as plain functions on arrays, without labels or configuration."""

from .anomaly_detectors import ANOMALY_DETECTORS, crd, fitting_windows, local_rx, rx
from .auto_ad import LEARNT_DETECTORS, auto_ad
from .change_detectors import CHANGE_DETECTORS, change_threshold, cva, isfa, pca_cva
from .denoising import DENOISERS, low_rank, low_rank_non_local, low_rank_wavelet, noise_sigmas, robust_low_rank, wavelet
from .enlargement import ENLARGEMENTS
from .nmf_unmixing import sparse_nmf
from .smoothing import smoothed_cube
from .target_detectors import TARGET_DETECTORS, ace, cem, matched_filter, osp, sam
from .tsttd import LEARNT_TARGET_DETECTORS, tsttd
from .unmixing import fcls, vca

__all__ = [
    'ANOMALY_DETECTORS',
    'CHANGE_DETECTORS',
    'DENOISERS',
    'ENLARGEMENTS',
    'LEARNT_DETECTORS',
    'LEARNT_TARGET_DETECTORS',
    'TARGET_DETECTORS',
    'ace',
    'auto_ad',
    'cem',
    'change_threshold',
    'crd',
    'cva',
    'fcls',
    'fitting_windows',
    'isfa',
    'local_rx',
    'low_rank',
    'low_rank_non_local',
    'low_rank_wavelet',
    'matched_filter',
    'noise_sigmas',
    'osp',
    'pca_cva',
    'robust_low_rank',
    'rx',
    'sam',
    'smoothed_cube',
    'sparse_nmf',
    'tsttd',
    'vca',
    'wavelet',
]
