"""Goldens of the scores of unmixing, denoising and super-resolution."""

import numpy as np

from golden_checks.case import GoldenCase
from mmhsi.evaluation.functional import restoration, unmixing


def check_denoising_scores(case: GoldenCase) -> None:
    """Scores of patches and their means, in degrees and radians, and the windowed SSIM that is recommended."""
    expected, tolerance = case.json['expected'], case.json['tolerance']
    cubes = [np.moveaxis(case.tensors[f'input.{name}'], 1, -1) for name in ('restored', 'clean')]
    found = [
        {
            'psnr': restoration.psnr(*pair),
            'rmse255': restoration.rmse(*pair, factor=255),
            'ssim_global': restoration.global_ssim(*pair),
            'sam_deg': restoration.spectral_angle(*pair),
            'ergas': restoration.ergas(*pair),
            'sam_rad_indexes': restoration.spectral_angle(*pair, unit='radians'),
        }
        for pair in zip(*cubes, strict=True)
    ]
    assert len(found) == len(expected['per_patch'])
    for scores, wanted in zip(found, expected['per_patch'], strict=True):
        assert scores.keys() == wanted.keys()
        for name, value in wanted.items():
            np.testing.assert_allclose(scores[name], value, **tolerance, err_msg=name)
    mean = {name: np.mean([scores[name] for scores in found]) for name in found[0]}
    for name, value in expected['mean_over_patches'].items():
        np.testing.assert_allclose(mean[name], value, **tolerance, err_msg=name)
    np.testing.assert_allclose(mean['psnr'], expected['validate_avg_psnr'], **tolerance)
    np.testing.assert_allclose(mean['sam_rad_indexes'], expected['validate_avg_sam_rad'], **tolerance)
    np.testing.assert_allclose(
        [restoration.band_psnr(*pair) for pair in zip(*cubes, strict=True)],
        case.tensors['output.band_psnr'],
        **tolerance,
    )
    np.testing.assert_allclose(
        [restoration.ssim(*pair) for pair in zip(*cubes, strict=True)],
        case.json['derived']['standard_ssim_7x7_per_patch'],
        **tolerance,
    )


def check_super_resolution_scores(case: GoldenCase) -> None:
    """All scores of an image with zero spectra in either cube, and ERGAS at both ratios."""
    cubes = case.tensors['input.pred_hwc'], case.tensors['input.gt_hwc']
    found = {
        'MPSNR': restoration.psnr(*cubes),
        'MSSIM': restoration.ssim(*cubes),
        'ERGAS': restoration.ergas(*cubes, ratio=4),
        'SAM': restoration.spectral_angle(*cubes, skip_zeros=True),
        'CrossCorrelation': restoration.cross_correlation(*cubes),
        'RMSE': restoration.rmse(*cubes),
    }
    expected, tolerance = case.json['expected'], case.json['tolerance']
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, **tolerance, err_msg=name)
    np.testing.assert_allclose(restoration.ergas(*cubes, ratio=8), case.json['expected_ergas_ratio8'], **tolerance)


def check_unmixing_scores(case: GoldenCase) -> None:
    """Greedy and, where given, optimal matching; angles and abundance errors where there are abundances."""
    expected, derived, tolerance = case.json['expected'], case.json['derived'], case.json['tolerance']
    estimated, true = case.tensors['input.endmembers_pred'], case.tensors['input.endmembers_gt']
    angles = unmixing.spectral_angles(estimated, true)
    order = unmixing.match_endmembers(angles)
    _check_matching(angles, order, expected['gt_to_pred'], expected['mean_sad'], tolerance)
    # the greedy matching takes the pairs from the smallest angle to the largest
    np.testing.assert_allclose(
        np.sort(angles[order, np.arange(len(order))]), case.tensors['output.sad_in_match_order'], **tolerance
    )
    if 'hungarian_gt_to_pred' in derived:
        _check_matching(
            angles,
            unmixing.match_endmembers(angles, 'hungarian'),
            derived['hungarian_gt_to_pred'],
            derived['hungarian_mean_sad'],
            tolerance,
        )
    if 'input.abundances_pred' in case.tensors:
        _check_abundances(case, order)


def _check_matching(angles: np.ndarray, order: np.ndarray, wanted: dict, mean: float, tolerance: dict) -> None:
    assert dict(enumerate(order.tolist())) == {int(true): estimated for true, estimated in wanted.items()}
    np.testing.assert_allclose(angles[order, np.arange(len(order))].mean(), mean, **tolerance)


def _check_abundances(case: GoldenCase, order: np.ndarray) -> None:
    tensors, tolerance = case.tensors, case.json['tolerance']
    names = ('endmembers_pred', 'endmembers_gt', 'abundances_pred', 'abundances_gt')
    found = unmixing.unmixing_scores(*(tensors[f'input.{name}'] for name in names))
    np.testing.assert_array_equal(found['order'], order)
    np.testing.assert_array_equal(tensors['input.abundances_pred'][order], tensors['output.abundances_ordered'])
    ordered = tensors['input.endmembers_pred'][order]
    np.testing.assert_allclose(
        ordered / ordered.max(axis=1, keepdims=True), tensors['output.endmembers_ordered_max1'], **tolerance
    )
    for values, mean, wanted in (
        ('SAD', 'mSAD', 'output.sad_ordered_then_mean'),
        ('MSE', 'aMSE', 'output.abundance_mse_then_mean'),
        ('RMSE', 'aRMSE', 'derived.abundance_rmse_then_mean'),
    ):
        np.testing.assert_allclose([*found[values], found[mean]], tensors[wanted], **tolerance, err_msg=values)
    np.testing.assert_allclose(found['aMSE'], case.json['expected']['mean_abundance_mse'], **tolerance)
    np.testing.assert_allclose(found['aRMSE'], case.json['derived']['mean_abundance_rmse'], **tolerance)
    np.testing.assert_allclose(found['RMSE_overall'], case.json['derived']['overall_abundance_rmse'], **tolerance)
