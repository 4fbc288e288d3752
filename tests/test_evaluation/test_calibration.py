import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB

from mmhsi.evaluation.functional import (
    adapt_priors,
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
)


@pytest.fixture(scope='module')
def sample():
    """Calibrated probabilities of four classes and labels that are drawn from them."""
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4) * 0.4, 20000)
    return probabilities, np.array([rng.choice(4, p=row) for row in probabilities])


def test_likelihood_is_that_of_scikit_learn(sample):
    probabilities, labels = sample
    assert negative_log_likelihood(probabilities, labels) == pytest.approx(log_loss(labels, probabilities), rel=1e-6)
    assert np.isnan(negative_log_likelihood(np.zeros((0, 3)), []))


@pytest.mark.parametrize('temperature', [0.4, 1.0, 3.0])
def test_the_temperature_is_found_again(sample, temperature):
    probabilities, labels = sample
    distorted = apply_temperature(probabilities, 1 / temperature)
    assert fit_temperature(distorted, labels) == pytest.approx(temperature, rel=0.05)
    logits = torch.log(torch.from_numpy(np.maximum(probabilities, 1e-12)))
    np.testing.assert_allclose(distorted, (logits * temperature).softmax(dim=1).numpy(), atol=1e-9)


def test_calibration_error_is_the_mean_gap_of_the_bins(sample):
    probabilities, labels = sample
    for temperature in (1.0, 0.5):
        distorted = apply_temperature(probabilities, temperature)
        confidence, correct = distorted.max(axis=1), distorted.argmax(axis=1) == labels
        expected = 0.0
        for low in range(15):
            inside = (confidence > low / 15) & (confidence <= (low + 1) / 15)
            if inside.any():
                expected += inside.mean() * abs(confidence[inside].mean() - correct[inside].mean())
        assert expected_calibration_error(confidence, correct) == pytest.approx(expected, abs=1e-9)
    assert expected_calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels) < 0.015
    # two bins: one is right half of the time where it says 0.9, the other always where it says 0.6
    assert expected_calibration_error([0.9, 0.9, 0.6, 0.6], [1, 0, 1, 1]) == pytest.approx(0.4)
    assert np.isnan(expected_calibration_error([], []))


def test_without_held_out_pixels_nothing_changes():
    assert fit_temperature(np.zeros((0, 3)), []) == 1


def test_adapted_probabilities_are_those_of_a_classifier_with_the_shares_of_the_image():
    rng = np.random.default_rng(0)
    means, shares = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]]), [0.8, 0.15, 0.05]
    train = np.repeat(np.arange(3), 50)
    truth = rng.choice(3, 4000, p=shares)
    pixels = means[truth] + rng.normal(size=(4000, 2))
    equal = GaussianNB(priors=[1 / 3] * 3).fit(means[train] + rng.normal(size=(150, 2)), train)
    probabilities = equal.predict_proba(pixels)
    probabilities[7] = np.nan
    adapted = adapt_priors(probabilities.reshape(40, 100, 3), equal.class_prior_).reshape(-1, 3)
    assert np.isnan(adapted[7]).all()
    known = np.arange(4000) != 7
    estimate = GaussianNB(priors=probabilities[known].mean(axis=0))
    estimate.__dict__.update({name: getattr(equal, name) for name in ('classes_', 'theta_', 'var_', 'n_features_in_')})
    estimate.class_prior_ = estimate.priors
    np.testing.assert_allclose(adapted[known], estimate.predict_proba(pixels[known]), atol=1e-12)
    accuracy = [(found.argmax(axis=1) == truth)[known].mean() for found in (probabilities, adapted)]
    assert accuracy[1] > accuracy[0] + 0.02
    assert np.isnan(adapt_priors(np.full((2, 3), np.nan), [1, 1, 1])).all()
