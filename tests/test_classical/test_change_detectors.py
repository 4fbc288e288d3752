import os
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from PIL import Image
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import accuracy_score, f1_score

from mmhsi.classical import CHANGE_DETECTORS, change_threshold, cva, inputs, isfa, pca_cva

TAIZHOU = (
    Path(os.environ.get('MMHSI_TEST_DATA', Path(__file__).parents[2] / '../shared/data'))
    / 'change_detection/taizhou-landsat'
)


def make_dates(bands=4, shape=(24, 30), noise=0.05):
    """Two dates with different gains and offsets, and the map of a rectangle that changed."""
    rng = np.random.default_rng(0)
    first = 3 + rng.normal(size=(*shape, bands)) @ rng.uniform(0.2, 1, (bands, bands))
    second = first * rng.uniform(0.8, 1.2, bands) + rng.normal(size=bands)
    changed = np.zeros(shape, bool)
    changed[4:12, 6:14] = True
    second[changed] += rng.normal(0, 3, (64, bands))
    return first + rng.normal(0, noise, first.shape), second + rng.normal(0, noise, first.shape), changed


def naive_isfa(first, second, iterations):
    x, y = (date.reshape(-1, date.shape[-1]) for date in (first, second))
    weights = np.ones(len(x))
    for _ in range(iterations):
        standard = []
        for date in (x, y):
            mean = np.average(date, axis=0, weights=weights)
            standard.append((date - mean) / np.sqrt(np.average((date - mean) ** 2, axis=0, weights=weights)))
        a, b = (
            sum(w * np.outer(d, d) for w, d in zip(weights, block, strict=True)) / weights.sum()
            for block in (standard[0] - standard[1], standard[0])
        )
        b = (b + sum(w * np.outer(d, d) for w, d in zip(weights, standard[1], strict=True)) / weights.sum()) / 2
        eigenvalues, vectors = scipy.linalg.eigh(a, b)
        distances = (((standard[0] - standard[1]) @ vectors) ** 2 / eigenvalues).sum(axis=1)
        weights = 1 - scipy.stats.chi2.cdf(distances, len(eigenvalues))
    return np.sqrt(distances).reshape(first.shape[:2])


def test_length_of_the_change_vector():
    first, second, _ = make_dates()
    expected = [
        [np.sqrt(sum((b - a) ** 2 for a, b in zip(x, y, strict=True))) for x, y in zip(*rows, strict=True)]
        for rows in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(cva(first, second), expected, rtol=1e-12)
    assert cva(np.array([[[200, 7]]], np.uint8), np.array([[[203, 3]]], np.uint8)) == 5


@pytest.mark.parametrize('iterations', [1, 2, 5])
def test_slow_features_are_those_of_the_formula(iterations):
    first, second, _ = make_dates(noise=0.3)
    np.testing.assert_allclose(
        isfa(first, second, max_iterations=iterations), naive_isfa(first, second, iterations), rtol=1e-6
    )


def test_iteration_ends_when_the_eigenvalues_settle():
    first, second, _ = make_dates()
    settled = isfa(first, second)
    np.testing.assert_allclose(isfa(first, second, max_iterations=500, tolerance=1e-12), settled, rtol=1e-3)
    assert not np.allclose(isfa(first, second, max_iterations=2), settled, rtol=0.1)


def test_slow_features_do_not_depend_on_gain_and_offset_of_a_date():
    first, second, changed = make_dates()
    distance = isfa(first, second)
    np.testing.assert_allclose(isfa(first * [2, 1e6, 0.1, 1e-5] + [4, -1e6, 0, 3], second), distance, rtol=1e-4)
    np.testing.assert_allclose(isfa(second, first), distance, rtol=1e-6)
    assert distance[changed].min() > np.median(distance[~changed])


def test_squared_distance_without_change_follows_the_chi_square_distribution():
    rng = np.random.default_rng(4)
    first = rng.normal(size=(100, 100, 6))
    distance = isfa(first, first + rng.normal(0, 0.2, first.shape), max_iterations=1)
    assert scipy.stats.kstest(np.square(distance).ravel(), 'chi2', (6,)).statistic < 0.02


@pytest.mark.parametrize('name', CHANGE_DETECTORS)
def test_no_change(name):
    first = make_dates()[0]
    intensity = CHANGE_DETECTORS[name](first, first.copy())
    assert intensity.dtype == np.float64 and intensity.shape == (24, 30) and np.all(intensity == 0)


@pytest.mark.parametrize('name', CHANGE_DETECTORS)
def test_changed_pixels_are_found(name):
    first, second, changed = make_dates(bands=20)
    first, second = ((date - date.mean((0, 1))) / date.std((0, 1)) for date in (first, second))
    intensity = CHANGE_DETECTORS[name](first, second)
    level = change_threshold(intensity, method='otsu')
    assert f1_score(changed.ravel(), intensity.ravel() > level) > (0.85 if name == 'pca_cva' else 0.95)


@pytest.mark.parametrize('name', CHANGE_DETECTORS)
def test_pixels_without_data_do_not_matter(name):
    first, second, changed = make_dates()
    valid = np.ones(changed.shape, bool)
    valid[:, 26:] = False
    alone = CHANGE_DETECTORS[name](first[:, :26], second[:, :26])
    first[:, 27:], second[:, 26] = np.nan, np.inf
    intensity = CHANGE_DETECTORS[name](first, second, valid)
    assert np.isnan(intensity[:, 26:]).all()
    # a block at the edge sees the nearest pixels instead of mirrored ones
    inside = slice(None, 24) if name == 'pca_cva' else slice(None, 26)
    np.testing.assert_allclose(
        intensity[:, inside],
        alone[:, inside],
        rtol=0.05 if name == 'pca_cva' else 1e-9,
        atol=0.05 if name == 'pca_cva' else 0,
    )


def test_parts_of_a_large_scene_add_up(monkeypatch):
    first, second, _ = make_dates()
    expected = isfa(first, second, max_iterations=3)
    monkeypatch.setattr(inputs, '_BLOCK', 100)
    np.testing.assert_allclose(isfa(first, second, max_iterations=3), expected, rtol=1e-6)


def test_singular_covariances():
    first, second, changed = make_dates()
    expected = isfa(first, second)
    constant = np.ones((*changed.shape, 1))
    np.testing.assert_allclose(
        isfa(np.concatenate([first, constant], -1), np.concatenate([second, 9 * constant], -1)), expected, rtol=1e-6
    )
    np.testing.assert_allclose(isfa(np.tile(first, 2), np.tile(second, 2)), expected, rtol=1e-6)
    few = isfa(*(date[:2, :8] for date in make_dates(bands=50)[:2]))
    assert np.isfinite(few).all() and (few > 0).all()


def test_blocks_are_clustered_by_their_principal_components():
    first, second, _ = make_dates()
    intensity = pca_cva(first, second, block=3, components=2, seed=1)
    lengths = cva(first, second)
    padded = np.pad(lengths, 1, mode='symmetric')
    blocks = np.array([padded[r : r + 3, c : c + 3].ravel() for r in range(24) for c in range(30)])
    tiles = np.array([lengths[r : r + 3, c : c + 3].ravel() for r in range(0, 24, 3) for c in range(0, 30, 3)])
    features = PCA(2).fit(tiles).transform(blocks)
    labels = KMeans(2, n_init=10, random_state=1).fit_predict(features)
    changed = labels == (lengths.ravel()[labels == 1].mean() > lengths.ravel()[labels == 0].mean())
    np.testing.assert_array_equal(intensity.ravel() > 0.5, changed)
    assert intensity.ravel()[changed].mean() == pytest.approx(1)
    assert intensity.ravel()[~changed].mean() == pytest.approx(0, abs=1e-9)


def test_components_of_all_blocks_where_few_are_whole():
    first, second, changed = make_dates()
    valid = np.random.default_rng(2).random(changed.shape) > 0.2
    intensity = pca_cva(first, second, valid)
    np.testing.assert_array_equal(np.isnan(intensity), ~valid)
    assert f1_score(changed[valid], intensity[valid] > 0.5) > 0.85


@pytest.mark.parametrize('method', ['otsu', 'li', 'triangle'])
def test_threshold_lies_between_two_populations(method):
    rng = np.random.default_rng(0)
    intensity = np.abs(np.concatenate([rng.normal(1, 0.2, 5000), rng.normal(10, 0.5, 800)])).reshape(58, 100)
    threshold = change_threshold(intensity, method=method)
    assert isinstance(threshold, float) and 1.6 < threshold < 8.5


def test_otsu_parts_the_values_with_the_largest_variance_between():
    values = np.random.default_rng(0).gamma(2, 2, 3000)

    def between(threshold):
        low, high = values[values <= threshold], values[values > threshold]
        return len(low) * len(high) * (low.mean() - high.mean()) ** 2

    best = max(np.sort(values)[:-1], key=between)
    assert change_threshold(values, method='otsu') == pytest.approx(best, abs=np.ptp(values) / 128)


def test_clouds_do_not_hide_changes_from_the_robust_rule():
    rng = np.random.default_rng(0)
    usual, changed, clouds = np.abs(rng.normal(1, 0.3, 9300)), rng.normal(4, 0.4, 400), rng.normal(40, 5, 300)
    everything = np.concatenate([usual, changed, clouds])
    median = np.median(everything)
    wanted = median + 4 * np.median(np.abs(everything - median)) * 1.4826
    level = change_threshold(everything)
    assert level == pytest.approx(wanted, rel=1e-4)
    assert np.mean(changed > level) > 0.99 and np.mean(usual > level) < 0.01
    assert np.mean(changed > change_threshold(everything, method='otsu')) == 0


def test_frequent_changes_are_parted_by_otsu():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(1, 0.2, 5000), rng.normal(10, 0.5, 4000)])
    assert change_threshold(values) == change_threshold(values, method='otsu')


def test_threshold_of_the_valid_pixels():
    intensity = np.random.default_rng(0).gamma(2, 2, (30, 30))
    valid = np.ones((30, 30), bool)
    valid[5:9] = False
    expected = change_threshold(intensity[valid])
    assert change_threshold(intensity, valid) == expected
    intensity[~valid] = np.nan
    assert change_threshold(intensity) == expected
    assert change_threshold(np.full((4, 4), 2.5)) == 2.5


@pytest.mark.parametrize('name', CHANGE_DETECTORS)
@pytest.mark.parametrize(
    'change, message',
    [
        (dict(second=np.ones((24, 29, 4))), r'first date has the shape \(24, 30, 4\), the second \(24, 29, 4\)'),
        (dict(second=np.ones((24, 30, 3))), r'the second \(24, 30, 3\)'),
        (dict(second=np.full((24, 30, 4), np.nan)), 'the second date holds NaN or infinity in 720 pixels'),
        (dict(valid=np.zeros((24, 30), bool)), 'the first date has no valid pixel'),
        (dict(valid=np.ones((24, 31), bool)), r'has the shape \(24, 31\), but the first date has 24 x 30 pixels'),
    ],
)
def test_wrong_input_is_named(name, change, message):
    first, second, _ = make_dates()
    with pytest.raises(ValueError, match=message):
        CHANGE_DETECTORS[name](**{'first': first, 'second': second, **change})


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(block=4), 'the block has the side 4, expected an odd number'),
        (dict(block=25), 'up to the side of the scene of 24 x 30 pixels'),
        (dict(block=3, components=10), '10 components were requested; blocks of 3 x 3 pixels have 1 to 9'),
    ],
)
def test_wrong_blocks_are_named(options, message):
    first, second, _ = make_dates()
    with pytest.raises(ValueError, match=message):
        pca_cva(first, second, **options)


def test_dates_and_intensities_without_sense_are_named():
    first, second, _ = make_dates()
    with pytest.raises(ValueError, match='the second date is the same in all valid pixels'):
        isfa(first, np.ones_like(first))
    with pytest.raises(ValueError, match='max_iterations is 0'):
        isfa(first, second, max_iterations=0)
    with pytest.raises(ValueError, match="the method is 'best', expected one of robust, otsu, li, triangle"):
        change_threshold(first[..., 0], method='best')
    with pytest.raises(ValueError, match='has no valid pixel'):
        change_threshold(np.full((3, 3), np.nan))
    with pytest.raises(ValueError, match='NaN or infinity in valid pixels'):
        change_threshold(np.array([1, np.inf, 3.0]))
    with pytest.raises(ValueError, match=r'float64 of the shape \(3,\), expected bool of the shape \(2,\)'):
        change_threshold(np.ones(2), np.ones(3))


@pytest.mark.parametrize(
    'name, accuracy, f1', [('cva', 0.9689, 0.9160), ('isfa', 0.9756, 0.9357), ('pca_cva', 0.9718, 0.9258)]
)
def test_change_of_taizhou(name, accuracy, f1):
    """Accuracy and F1 of the labelled pixels by Otsu's threshold on standardised bands, measured once."""
    if not TAIZHOU.is_dir():
        pytest.skip(f'no folder {TAIZHOU}; set MMHSI_TEST_DATA to the folder of the real scenes')
    first, second = (
        np.fromfile(TAIZHOU / f'{year}TM', np.uint8).reshape(6, 400, 400).transpose(1, 2, 0) for year in (2000, 2003)
    )
    first, second = ((date - date.mean((0, 1))) / date.std((0, 1)) for date in (first, second))
    changed, unchanged = (
        np.array(Image.open(TAIZHOU / f'{kind}.bmp').convert('L')) > 0 for kind in ('change', 'unchanged')
    )
    options = dict(tolerance=1e-3) if name == 'isfa' else {}
    intensity = CHANGE_DETECTORS[name](first, second, **options)
    prediction = (intensity > change_threshold(intensity, method='otsu'))[changed | unchanged]
    truth = changed[changed | unchanged]
    assert accuracy_score(truth, prediction) == pytest.approx(accuracy, abs=1e-3)
    assert f1_score(truth, prediction) == pytest.approx(f1, abs=2e-3)
