import numpy as np
import pytest

from mmhsi.classical import random_walker as module
from mmhsi.classical.random_walker import edge_laplacian, first_component, random_walker


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    valid = rng.random((6, 5)) > 0.2
    return rng.random((6, 5, 2)), valid


def dense_laplacian(guide, valid, contrast):
    """The formula, pair by pair."""
    pixels = np.argwhere(valid)
    pairs = {
        (i, j): np.square(guide[tuple(pixels[i])] - guide[tuple(pixels[j])]).sum()
        for i in range(len(pixels))
        for j in range(i)
        if np.abs(pixels[i] - pixels[j]).max() == 1
    }
    mean = np.mean(list(pairs.values()))
    result = np.zeros((len(pixels), len(pixels)))
    for (i, j), distance in pairs.items():
        weight = np.exp(-contrast * distance / mean)
        result[[i, j], [j, i]] -= weight
        result[[i, j], [i, j]] += weight
    return result


@pytest.mark.parametrize('direct', [True, False])
def test_is_the_solution_of_the_formula(image, direct, monkeypatch):
    guide, valid = image
    monkeypatch.setattr(module, '_DIRECT', 200_000 if direct else 0)
    laplacian = edge_laplacian(guide, valid, 3.0)
    expected = dense_laplacian(guide, valid, 3.0)
    np.testing.assert_allclose(laplacian.toarray(), expected, atol=1e-12)
    values = np.random.default_rng(1).random((valid.sum(), 3))
    solved = np.linalg.solve(expected + 0.2 * np.eye(len(values)), 0.2 * values)
    np.testing.assert_allclose(random_walker(values, laplacian, 0.2), solved, atol=1e-5)


def test_probabilities_stay_probabilities_and_keep_their_mean(image):
    guide, valid = image
    laplacian = edge_laplacian(guide, valid)
    values = np.random.default_rng(1).dirichlet(np.ones(4), valid.sum())
    for strength in (1.0, 0.03, 1e-4):
        walked = random_walker(values, laplacian, strength)
        np.testing.assert_allclose(walked.sum(axis=1), 1)
        np.testing.assert_allclose(walked.mean(axis=0), values.mean(axis=0))
        assert walked.min() >= 0 and walked.std() <= values.std()


def test_edges_hold_it_back():
    guide = np.repeat([0.0, 1.0], 10) * np.ones((8, 1))
    noisy = np.clip(guide + np.random.default_rng(0).normal(0, 0.4, guide.shape), 0, 1).ravel()
    laplacian = edge_laplacian(guide, np.ones_like(guide, bool), contrast=50.0)
    walked = random_walker(np.stack([noisy, 1 - noisy], axis=1), laplacian, 0.01)[:, 0].reshape(guide.shape)
    for half in (np.s_[:, :10], np.s_[:, 10:]):
        assert walked[half].std() < 0.05
        assert walked[half].mean() == pytest.approx(noisy.reshape(guide.shape)[half].mean(), abs=0.01)


def test_a_constant_guide_spreads_evenly():
    laplacian = edge_laplacian(np.full((3, 3), 7.0), np.ones((3, 3), bool))
    assert laplacian.toarray()[4].tolist() == [-1, -1, -1, -1, 8, -1, -1, -1, -1]


def test_the_guide_is_the_component_of_largest_variance():
    rng = np.random.default_rng(0)
    source = rng.normal(size=500)
    pixels = source[:, None] * [3.0, -1.0, 2.0] + rng.normal(0, 0.01, (500, 3)) + 100
    assert abs(np.corrcoef(first_component(pixels.astype(np.float32)), source)[0, 1]) > 0.9999


def test_bad_input_is_named(image):
    guide, valid = image
    laplacian = edge_laplacian(guide, valid)
    with pytest.raises(ValueError, match='strength must be positive, found 0'):
        random_walker(np.ones((valid.sum(), 2)), laplacian, 0)
    with pytest.raises(ValueError, match=r'values of shape \(3, 2\) are given'):
        random_walker(np.ones((3, 2)), laplacian, 1.0)
    with pytest.raises(ValueError, match=r'guide has \(6, 5\) pixels, the mask \(5, 6\)'):
        edge_laplacian(guide, valid.T)
    with pytest.raises(ValueError, match='not finite'):
        edge_laplacian(np.where(valid[..., None], np.nan, guide), valid)
    with pytest.raises(ValueError, match='no valid pixel'):
        edge_laplacian(guide, np.zeros_like(valid))
