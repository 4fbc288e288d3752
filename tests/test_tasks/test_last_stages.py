"""What joins a network with classical methods: weights, and the way into a checkpoint and back."""

import itertools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import chi2

from mmhsi.classical import noise_sigmas
from mmhsi.classical.enlargement import enlarge_bicubic, enlarge_by_kernels, fit_enlargement
from mmhsi.classical.unmixing import linear_scale
from mmhsi.datasets import Scene
from mmhsi.tasks.experts import EXPERTS, Mixture, mixture_weights
from mmhsi.tasks.pixel_stage import PixelStage
from mmhsi.tasks.restoration_stage import RestorationStage, convex_weights
from mmhsi.tasks.score_stage import ScoreStage, as_many, surprise
from mmhsi.tasks.strips import strips
from mmhsi.utils.imresize import imresize


def test_mixture_weights_maximise_the_likelihood():
    rng = np.random.default_rng(0)
    likelihoods = rng.uniform(0.05, 1, (60, 3)) * [1, 0.7, 0.4]
    weights = mixture_weights(likelihoods, prior=0)
    grid = [np.array(w) / 20 for w in itertools.product(range(21), repeat=3) if sum(w) == 20]
    best = max(grid, key=lambda w: np.log(likelihoods @ w).sum())
    assert weights.sum() == pytest.approx(1) and np.abs(weights - best).max() < 0.05
    assert np.log(likelihoods @ weights).sum() >= np.log(likelihoods @ best).sum()
    assert mixture_weights(likelihoods).min() > 0  # the prior silences none


def test_convex_weights_minimise_the_error():
    rng = np.random.default_rng(0)
    errors = rng.normal(size=(3, 500)) * [[1.0], [1.5], [4.0]]
    errors[1] += 0.6 * errors[0]
    gram = errors @ errors.T
    weights = convex_weights(gram)
    grid = [np.array(w) / 50 for w in itertools.product(range(51), repeat=3) if sum(w) == 50]
    best = min(grid, key=lambda w: w @ gram @ w)
    assert weights.min() >= 0 and weights.sum() == pytest.approx(1)
    assert weights @ gram @ weights <= best @ gram @ best + 1e-6


def test_surprise_is_the_p_value_of_a_rank():
    scores = np.array([[3.0, 1.0], [np.nan, 2.0]])
    np.testing.assert_allclose(surprise(scores), -np.log([[1 / 3, 1], [np.nan, 2 / 3]]))
    # twice the sum of two independent ones is chi-squared with four degrees of freedom (Fisher)
    rng = np.random.default_rng(0)
    both = 2 * (surprise(rng.normal(size=20_000)) + surprise(rng.normal(size=20_000)))
    assert np.mean(both > chi2.ppf(0.95, 4)) == pytest.approx(0.05, abs=0.006)
    assert as_many(np.array([1.0, 3.0, 2.0, np.nan]), 2).tolist() == [False, True, True, False]
    assert not as_many(np.array([1.0, 3.0]), 0).any()


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.repeat(rng.integers(1, 4, (6, 7)), 5, 0), 5, 1)
    cube = rng.normal(size=(3, 8))[labels - 1] + rng.normal(0, 1.2, (30, 35, 8))
    cube[2, 3, 4] = np.nan
    return Scene(
        cube.astype(np.float32),
        labels=labels,
        split=dict(type='NumberSplit', train=8, val=10, seed=0),
        preprocessing=[dict(type='MinimumNoiseFraction', n_components=6)],
        name='fields',
    )


def test_experts_go_into_a_checkpoint_and_back(scene):
    scene.prepare()
    guess = np.random.default_rng(1).dirichlet([1, 1, 1], scene.valid.shape)
    guess[~scene.valid] = np.nan
    stage = PixelStage.fit(scene, guess, (EXPERTS[0], EXPERTS[2]))
    assert stage.mixture.weights['network'] < 0.1  # it knows nothing
    joined, parts = stage(scene.view, guess)
    again, _ = PixelStage.from_record(stage.record())(scene.view, guess)
    np.testing.assert_array_equal(joined, again)
    truth, test = scene.labels.ravel(), scene.split.test
    scores = {name: (part.reshape(-1, 3)[test].argmax(axis=1) == truth[test]).mean() for name, part in parts.items()}
    assert (joined.reshape(-1, 3)[test].argmax(axis=1) == truth[test]).mean() > max(scores.values()) - 0.02
    assert scores['SVM on smoothed fractions'] > scores['SVM on spectra'] + 0.1
    assert np.isnan(joined[~scene.valid]).all()


def test_the_shares_of_the_classes_are_those_of_the_whole_scene(scene, monkeypatch):
    scene.prepare()
    guess = np.random.default_rng(1).dirichlet([3, 1, 1], scene.valid.shape)
    guess[~scene.valid] = np.nan
    stage = PixelStage.fit(scene, guess, strengths=(), adapt=True)
    whole, _ = stage(scene.view, guess)
    powers = guess ** (1 / stage.refinement.temperature)
    calibrated = powers / powers.sum(axis=-1, keepdims=True)
    adapted = calibrated * calibrated[scene.valid].mean(axis=0)
    adapted /= adapted.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(whole[scene.valid], adapted[scene.valid], rtol=1e-5)
    monkeypatch.setattr('mmhsi.tasks.pixel_stage.strips', lambda view: strips(view, margin=4, values=35 * 8 * 12))
    np.testing.assert_allclose(PixelStage.from_record(stage.record())(scene.view, guess)[0], whole, atol=1e-6)


def test_the_shares_of_the_classes_in_a_set_count_for_each_of_its_scenes(scene):
    scene.prepare()
    guess = np.random.default_rng(1).dirichlet([3, 1, 1], scene.valid.shape)
    guess[:10] = guess[:10, :, ::-1]  # other shares
    guess[~scene.valid] = np.nan
    part = guess.copy()
    part[10:] = np.nan
    alone, together = (PixelStage.fit(scene, guess, strengths=(), adapt=True, together=set_) for set_ in (False, True))
    whole, _ = alone(scene.view, guess)
    np.testing.assert_allclose(together(scene.view, guess)[0], whole, rtol=1e-5)
    stored = PixelStage.from_record(together.record())
    np.testing.assert_allclose(stored(scene.view, part)[0][:10], whole[:10], rtol=1e-5)
    difference = np.abs(alone(scene.view, part)[0][:10] - whole[:10])
    assert np.nanmax(difference) > 0.02 and 'all scenes' in together.describe()


def test_strips_give_what_the_whole_gives(scene):
    scene.prepare()
    whole = next(iter(strips(scene.view)))
    parts = list(strips(scene.view, margin=4, values=35 * 8 * 12))
    assert len(parts) > 2
    np.testing.assert_array_equal(
        np.concatenate([part.values[part.inner] for part in parts]), whole.values[whole.inner]
    )
    assert [part.rows.start for part in parts[1:]] == [part.rows.stop for part in parts[:-1]]


def test_detectors_are_joined_by_their_ranks(scene):
    scene.prepare()
    rng = np.random.default_rng(2)
    margin = np.where(scene.valid, rng.normal(size=scene.valid.shape), np.nan)
    stage = ScoreStage({'RX': ('rx', {}), 'CRD': ('crd', {})}, {'network': 0.25, 'RX': 0.75, 'CRD': 0.0})
    scores, detected, parts = ScoreStage.from_record(stage.record())(scene.view, margin)
    assert set(parts) == {'network', 'RX'}  # without a weight it is not computed
    expected = 0.25 * surprise(margin) + 0.75 * surprise(parts['RX'])
    np.testing.assert_allclose(np.argsort(scores[scene.valid]), np.argsort(expected[scene.valid]))
    assert np.nanmin(scores) >= 0 and np.nanmax(scores) <= 1 and np.isnan(scores[~scene.valid]).all()
    assert detected.sum() == (margin > 0).sum()


def test_half_of_the_weight_of_a_detector_is_that_of_its_smoothed_scores(scene):
    scene.prepare()
    margin = np.where(scene.valid, np.random.default_rng(2).normal(size=scene.valid.shape), np.nan)
    stage = ScoreStage({'RX': ('rx', {})}, {'network': 0.4, 'RX': 0.6}, smoothing=0.7)
    scores, _, parts = ScoreStage.from_record(stage.record())(scene.view, margin)
    known = scene.valid.astype(float)
    blurred = gaussian_filter(np.where(scene.valid, parts['RX'], 0), 0.7, mode='constant')
    blurred = np.where(scene.valid, blurred / gaussian_filter(known, 0.7, mode='constant'), np.nan)
    expected = 0.4 * surprise(margin) + 0.3 * surprise(parts['RX']) + 0.3 * surprise(blurred)
    np.testing.assert_allclose(scores, expected / np.log(scene.valid.sum() + 1), rtol=1e-6)


def test_a_clean_band_is_left_alone_and_a_noisy_one_is_not():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:32, :32]
    clean = np.stack([np.sin(rows / 7 + k) * np.cos(columns / 9) for k in range(12)], axis=-1).astype(np.float32)
    stage = RestorationStage.fit_denoising([clean], lambda image: image, ('low_rank', 'low_rank_wavelet'))
    stage = RestorationStage.from_record(stage.record())
    image = clean.copy()
    image[..., 5] += rng.normal(0, 0.15, clean.shape[:2])
    restored, _ = stage(image, image)
    assert noise_sigmas(image)[0] < 0.004
    error, before = np.abs(restored - clean).mean(axis=(0, 1)), np.abs(image - clean).mean(axis=(0, 1))
    assert error[5] < 0.5 * before[5]
    assert np.delete(error, 5).max() < 0.01


def test_fitted_kernels_enlarge_better_than_bicubic():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:80, :64]
    large = np.stack([np.sin(rows * a) * np.cos(columns * b) for a, b in rng.uniform(0.3, 0.9, (5, 2))], axis=-1)
    pairs = [(imresize(part, 0.5), part) for part in (large[:48], large[48:])]
    kernels = fit_enlargement(pairs[:1], 2)
    assert kernels.shape == (2, 2, 7, 7)
    np.testing.assert_allclose(kernels.sum(axis=(2, 3)), 1)
    small, truth = pairs[1]
    error, bicubic = (
        np.square(found - truth)[8:-8, 8:-8].mean()
        for found in (enlarge_by_kernels(small, 2, kernels), enlarge_bicubic(small, 2))
    )
    assert error < 0.5 * bicubic


def test_norms_of_endmembers_are_found_in_even_light():
    rng = np.random.default_rng(0)
    endmembers = rng.uniform(0.1, 1, (3, 20)) * [[1.0], [3.0], [0.5]]
    pixels = rng.dirichlet([1, 1, 1], 400) @ endmembers
    norms, misfit = linear_scale(pixels, endmembers / np.linalg.norm(endmembers, axis=1, keepdims=True))
    np.testing.assert_allclose(norms, np.linalg.norm(endmembers, axis=1), rtol=1e-6)
    assert misfit < 1e-8
    assert linear_scale(pixels * rng.uniform(0.5, 1.5, (400, 1)), endmembers)[1] > 0.2


def test_unknown_experts_are_named(scene):
    scene.prepare()
    with pytest.raises(ValueError, match='experts are .*; found SVM on dreams'):
        Mixture.fit(scene, np.full((*scene.valid.shape, 3), 1 / 3), ['SVM on dreams'])
