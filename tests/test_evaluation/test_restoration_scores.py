import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mmhsi.evaluation.functional.restoration import (
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


@pytest.fixture
def cubes():
    rng = np.random.default_rng(0)
    clean = rng.uniform(0.1, 0.9, (16, 13, 5)).cumsum(axis=0) / 16
    return clean + rng.normal(0, [0.01, 0.02, 0.05, 0.1, 0.2], clean.shape), clean


def test_psnr_is_the_mean_over_bands(cubes):
    restored, clean = cubes
    wanted = [peak_signal_noise_ratio(clean[..., b], restored[..., b], data_range=2.0) for b in range(5)]
    np.testing.assert_allclose(band_psnr(restored, clean, data_range=2.0), wanted, rtol=1e-12)
    np.testing.assert_allclose(psnr(restored, clean, data_range=2.0), np.mean(wanted), rtol=1e-12)


def test_psnr_of_a_perfect_and_of_a_constant_band(cubes):
    restored, clean = (cube.copy() for cube in cubes)
    restored[..., 0] = clean[..., 0]
    clean[..., 1], restored[..., 1] = 0.5, 0.6  # 10 log10(1 / 0.01) = 20 dB
    np.testing.assert_allclose(band_psnr(restored, clean)[:2], [100, 20])
    assert np.isfinite(psnr(restored, clean))
    assert psnr(restored, clean, ceiling=float('inf')) == float('inf')


def test_both_kinds_of_windowed_ssim(cubes):
    restored, clean = cubes
    bands = [(clean[..., b], restored[..., b]) for b in range(5)]
    uniform = [structural_similarity(*pair, data_range=1.0) for pair in bands]
    gaussian = [
        structural_similarity(*pair, data_range=1.0, gaussian_weights=True, use_sample_covariance=False)
        for pair in bands
    ]
    np.testing.assert_allclose(ssim(restored, clean), np.mean(uniform), rtol=1e-12)
    np.testing.assert_allclose(ssim(restored, clean, gaussian=True), np.mean(gaussian), rtol=1e-12)
    assert abs(np.mean(uniform) - np.mean(gaussian)) > 1e-3


def test_ssim_needs_a_window_of_pixels(cubes):
    restored, clean = (cube[:8, :8] for cube in cubes)
    assert ssim(restored, clean) < 1
    with pytest.raises(ValueError, match='windows of 11 x 11 pixels, but the cube has 8 x 8'):
        ssim(restored, clean, gaussian=True)


def test_global_ssim_by_hand():
    clean, restored = np.array([[[0.0], [1.0]]]), np.array([[[0.0], [0.5]]])
    # means 1/2 and 1/4, covariance over n - 1 1/4, variances over n 1/4 and 1/16
    wanted = (0.25 + 1e-4) * (0.5 + 9e-4) / ((0.3125 + 1e-4) * (0.3125 + 9e-4))
    np.testing.assert_allclose(global_ssim(restored, clean), wanted, rtol=1e-12)
    np.testing.assert_allclose(global_ssim(10 * restored, 10 * clean, data_range=10.0), wanted, rtol=1e-12)


def test_spectral_angle_in_both_units_and_of_equal_spectra():
    clean = np.array([[[1.0, 0.0], [1.0, 1.0]]])
    restored = np.array([[[3.0, 3.0], [0.0, 2.0]]])
    np.testing.assert_allclose(spectral_angle(restored, clean), 45)
    np.testing.assert_allclose(spectral_angle(restored, clean, unit='radians'), np.pi / 4)
    spectra = np.random.default_rng(1).uniform(0.1, 1, (50, 50, 7))
    assert spectral_angle(3 * spectra, spectra) < 1e-5


def test_spectral_angle_of_zero_spectra():
    clean = np.array([[[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]])
    restored = np.array([[[0.0, 0.0], [0.0, 0.0], [2.0, 0.0], [0.0, 1.0]]])
    np.testing.assert_allclose(spectral_angle(restored, clean), (90 + 0 + 90 + 45) / 4)
    np.testing.assert_allclose(spectral_angle(restored, clean, skip_zeros=True), 45)
    assert np.isnan(spectral_angle(restored[:, :3], clean[:, :3], skip_zeros=True))


def test_ergas_by_hand_with_and_without_ratio():
    clean = np.stack([np.full((2, 2), 2.0), np.full((2, 2), 0.5)], axis=-1)
    restored = clean + [0.2, 0.1]  # relative errors 0.1 and 0.2
    wanted = 100 * np.sqrt((0.01 + 0.04) / 2)
    np.testing.assert_allclose(ergas(restored, clean), wanted)
    np.testing.assert_allclose(ergas(restored, clean, ratio=8), wanted / 8)
    assert np.isnan(ergas(restored, clean * [1, 0]))


def test_rmse(cubes):
    restored, clean = cubes
    np.testing.assert_allclose(rmse(clean + 0.1, clean), 0.1)
    wanted = 255 * np.linalg.norm(restored - clean) / np.sqrt(clean.size)
    np.testing.assert_allclose(rmse(restored, clean, factor=255), wanted, rtol=1e-12)


def test_cross_correlation_of_varying_and_constant_bands(cubes):
    restored, clean = (cube.copy() for cube in cubes)
    each = [np.corrcoef(restored[..., b].ravel(), clean[..., b].ravel())[0, 1] for b in range(5)]
    np.testing.assert_allclose(cross_correlation(restored, clean), np.mean(each), rtol=1e-12)
    restored[..., 0] = 0.3
    np.testing.assert_allclose(cross_correlation(restored, clean), np.sum(each[1:]) / 5, rtol=1e-12)
    clean[..., 1] = 0.3
    np.testing.assert_allclose(cross_correlation(restored, clean), np.sum(each[2:]) / 4, rtol=1e-12)
    assert np.isnan(cross_correlation(restored, np.ones_like(clean)))


def test_all_scores_of_a_perfect_cube(cubes):
    clean = cubes[1]
    found = restoration_scores(clean, clean, ratio=4)
    wanted = dict(PSNR=100, SSIM=1, ERGAS=0, SAM=0, RMSE=0, CC=1)
    # with its unlike divisors the global similarity of equal cubes is a little above 1
    assert 1 < found.pop('SSIM_global') < 1.01
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5, err_msg=name)


@pytest.mark.parametrize('score', [psnr, ssim, global_ssim, spectral_angle, ergas, rmse, cross_correlation])
def test_bad_cubes_are_refused(score, cubes):
    restored, clean = (cube.copy() for cube in cubes)
    with pytest.raises(ValueError, match='must have the same shape'):
        score(restored[1:], clean)
    with pytest.raises(ValueError, match=r'expected \(H, W, C\)'):
        score(restored[0], clean[0])
    restored[2, 3, 1] = np.nan
    with pytest.raises(ValueError, match='1 of 1040 values of the restored cube are NaN or infinite'):
        score(restored, clean)


def test_bad_options_are_refused(cubes):
    for call, message in (
        (lambda: psnr(*cubes, data_range=0.0), 'data_range must be positive'),
        (lambda: ergas(*cubes, ratio=0), 'ratio must be positive'),
        (lambda: spectral_angle(*cubes, unit='grads'), "'degrees' or 'radians', not 'grads'"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
