"""Scores as plain functions on arrays."""

from .calibration import (
    adapt_priors,
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
)
from .change import change_scores
from .classification import classification_scores, confusion_matrix
from .detection import DetectionCurves, UndefinedAUC, detection_curves, detection_scores
from .restoration import (
    band_psnr,
    cross_correlation,
    ergas,
    global_ssim,
    psnr,
    restoration_scores,
    rmse,
    spectral_angle,
    ssim,
)
from .unmixing import (
    abundance_mse,
    match_endmembers,
    reconstruction_angles,
    reconstruction_rmse,
    spectral_angles,
    unmixing_scores,
)

__all__ = [
    'DetectionCurves',
    'UndefinedAUC',
    'abundance_mse',
    'adapt_priors',
    'apply_temperature',
    'band_psnr',
    'change_scores',
    'classification_scores',
    'confusion_matrix',
    'cross_correlation',
    'detection_curves',
    'detection_scores',
    'ergas',
    'expected_calibration_error',
    'fit_temperature',
    'global_ssim',
    'match_endmembers',
    'negative_log_likelihood',
    'psnr',
    'reconstruction_angles',
    'reconstruction_rmse',
    'restoration_scores',
    'rmse',
    'spectral_angle',
    'spectral_angles',
    'ssim',
    'unmixing_scores',
]
