import itertools

import numpy as np
import pytest

from mmhsi.evaluation.functional.unmixing import (
    abundance_mse,
    match_endmembers,
    reconstruction_angles,
    reconstruction_rmse,
    spectral_angles,
    unmixing_scores,
)


def test_spectral_angles_by_hand():
    estimated = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    true = np.array([[0.0, 3.0], [5.0, 5.0]])
    wanted = np.array([[90, 45], [45, 0], [90, 90]])
    np.testing.assert_allclose(np.degrees(spectral_angles(estimated, true)), wanted, atol=1e-5)


def test_greedy_takes_the_smallest_angle_where_the_optimum_does_not():
    angles = np.array([[0.1, 0.2], [0.3, 0.9]])
    np.testing.assert_array_equal(match_endmembers(angles), [0, 1])  # 0.1 + 0.9
    np.testing.assert_array_equal(match_endmembers(angles, 'hungarian'), [1, 0])  # 0.3 + 0.2


def test_hungarian_is_the_best_of_all_permutations():
    angles = np.random.default_rng(0).uniform(0, 1, (5, 5))
    best = min(itertools.permutations(range(5)), key=lambda order: angles[list(order), range(5)].sum())
    np.testing.assert_array_equal(match_endmembers(angles, 'hungarian'), best)


@pytest.mark.parametrize('matching', ['greedy', 'hungarian'])
def test_shuffled_and_scaled_endmembers_are_found_again(matching):
    rng = np.random.default_rng(0)
    true, maps = rng.uniform(0, 1, (4, 20)), rng.uniform(0, 1, (4, 3, 5))
    shuffle = np.array([2, 0, 3, 1])
    found = unmixing_scores(true[shuffle] * [[2], [0.5], [7], [1]], true, maps[shuffle], maps, matching)
    np.testing.assert_array_equal(shuffle[found['order']], range(4))
    np.testing.assert_allclose(found['SAD'], 0, atol=1e-7)
    np.testing.assert_array_equal(found['MSE'], 0)


def test_abundance_errors_by_hand():
    true = np.zeros((2, 1, 2))
    estimated = np.array([[[0.1, 0.1]], [[0.3, 0.3]]])
    np.testing.assert_allclose(abundance_mse(estimated, true), [0.01, 0.09])
    np.testing.assert_allclose(np.sqrt(abundance_mse(estimated, true)), [0.1, 0.3])
    found = unmixing_scores(np.eye(2), np.eye(2), estimated, true)
    np.testing.assert_allclose([found['aMSE'], found['aRMSE'], found['RMSE_overall']], [0.05, 0.2, np.sqrt(0.05)])


def test_reconstruction_error_by_hand():
    endmembers = np.array([[1.0, 0.0, 2.0], [0.0, 4.0, 2.0]])
    abundances = np.array([[[0.5, 1.0]], [[0.5, 0.0]]])
    cube = np.array([[[0.5, 2.0, 2.0], [1.0, 0.0, 2.0]]])
    assert reconstruction_rmse(cube, endmembers, abundances) == 0
    np.testing.assert_allclose(reconstruction_rmse(cube + 0.25, endmembers, abundances), 0.25)


def test_bad_input_is_refused():
    spectra, maps = np.ones((3, 4)), np.ones((3, 2, 2))
    for call, message in (
        (lambda: spectral_angles(spectra, spectra[:, :2]), 'have 4 bands, the true ones 2'),
        (lambda: spectral_angles(spectra * np.nan, spectra), 'estimated endmembers hold NaN'),
        (lambda: match_endmembers(np.ones((3, 2))), '3 estimated endmembers cannot be matched one to one with 2'),
        (lambda: match_endmembers(np.ones((2, 2)), 'nearest'), "'greedy' or 'hungarian', not 'nearest'"),
        (lambda: abundance_mse(maps, maps[:, :1]), 'must have the same shape'),
        (lambda: reconstruction_rmse(np.ones((2, 2, 5)), spectra, maps), 'do not mix to a cube'),
        (lambda: unmixing_scores(spectra, spectra, maps[:2], maps), '2 abundance maps are given for 3 endmembers'),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_reconstruction_angles_by_hand():
    endmembers = np.array([[1.0, 0], [0, 2]])
    spectra = np.array([[3.0, 0], [1, 1], [0, 0], [1, 2]])
    abundances = np.array([[0.5, 0, 1, 0], [0, 1, 0, 0]])
    found = reconstruction_angles(spectra, endmembers, abundances)
    # the same direction, an angle of 45 degrees, a zero spectrum, a zero mixture
    np.testing.assert_allclose(found, [0, np.pi / 4, np.pi / 2, np.pi / 2])
    with pytest.raises(ValueError, match=r'abundances \(2, 3\) do not mix to spectra of shape \(4, 2\)'):
        reconstruction_angles(spectra, endmembers, abundances[:, :3])
