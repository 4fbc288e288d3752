"""Whitening in part, band by band."""

import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power

from mmhsi.datasets.transforms import ZeroPhaseWhitening


@pytest.mark.parametrize('power', [0, 0.25, 0.5])
def test_power_of_the_correlations(power):
    rng = np.random.RandomState(0)
    pixels = (rng.randn(500, 4) @ rng.randn(4, 4) + 5).astype(np.float32) * [1, 10, 100, 1]
    whitening = ZeroPhaseWhitening(power=power, eps=0)
    whitening.fit(pixels.astype(np.float32))
    found = whitening(pixels.astype(np.float32))
    correlations = np.corrcoef(pixels.T)
    standard = (pixels - pixels.mean(axis=0)) / pixels.std(axis=0)
    np.testing.assert_allclose(found, standard @ fractional_matrix_power(correlations, -power), atol=2e-3)


def test_bands_stay_in_place_and_empty_ones_empty():
    rng = np.random.RandomState(0)
    common = rng.randn(800, 1)
    pixels = np.concatenate([common + 0.3 * rng.randn(800, 3), np.zeros((800, 1))], axis=1).astype(np.float32)
    whitening = ZeroPhaseWhitening(power=0.5)
    whitening.fit(pixels)
    found = whitening(pixels)
    assert not found[:, 3].any()
    np.testing.assert_allclose(np.cov(found[:, :3].T), np.eye(3), atol=5e-3)
    between = np.corrcoef(np.concatenate([pixels[:, :3], found[:, :3]], axis=1).T)[:3, 3:]
    assert (between.argmax(axis=1) == [0, 1, 2]).all()
    with pytest.raises(ValueError, match=r'\[0, 0.5\]'):
        ZeroPhaseWhitening(power=1)
