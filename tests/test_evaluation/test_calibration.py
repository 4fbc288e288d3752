import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from mmhsi.evaluation.functional import (
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
