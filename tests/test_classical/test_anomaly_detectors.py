import os
from pathlib import Path

import numpy as np
import pytest
import spectral
from scipy.io import loadmat
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from mmhsi.classical import ANOMALY_DETECTORS, crd, dual_window, fitting_windows, inputs, local_rx, rx

TEST_DATA = Path(os.environ.get('MMHSI_TEST_DATA', Path(__file__).parents[2] / '../shared/data'))
WINDOWS = dict(inner=3, outer=7)


def make_scene(bands=3, shape=(11, 9)):
    rng = np.random.default_rng(0)
    return 5 + rng.normal(size=(*shape, bands)) @ rng.uniform(0.2, 1, (bands, bands))


def naive_neighbours(cube, valid, row, column, inner, outer):
    """All valid pixels of the shifted outer window that are not within the inner window around the pixel."""
    height, width = valid.shape
    top = min(max(row - outer // 2, 0), height - outer)
    left = min(max(column - outer // 2, 0), width - outer)
    return np.array(
        [
            cube[r, c]
            for r in range(top, top + outer)
            for c in range(left, left + outer)
            if valid[r, c] and max(abs(r - row), abs(c - column)) > inner // 2
        ]
    )


def naive_local_rx(cube, valid, inner, outer, ridge):
    scores = np.full(valid.shape, np.nan)
    whole = np.cov(cube[valid], rowvar=False)
    for row, column in np.argwhere(valid):
        neighbours = naive_neighbours(cube, valid, row, column, inner, outer)
        difference = cube[row, column] - neighbours.mean(axis=0)
        scores[row, column] = difference @ np.linalg.inv(np.cov(neighbours, rowvar=False) + ridge * whole) @ difference
    return scores


def naive_crd(cube, valid, inner, outer, penalty):
    scores = np.full(valid.shape, np.nan)
    largest = np.abs(cube[valid]).max()
    for row, column in np.argwhere(valid):
        x = naive_neighbours(cube, valid, row, column, inner, outer).T / largest
        y = cube[row, column] / largest
        distances = np.diag([np.linalg.norm(y - neighbour) for neighbour in x.T])
        # the penalty as further equations of a least-squares problem, which is better conditioned than its solution
        equations = np.vstack([x, np.ones(x.shape[1]), np.sqrt(penalty) * distances])
        weights = np.linalg.lstsq(equations, np.concatenate([y, [1], np.zeros(x.shape[1])]), rcond=None)[0]
        scores[row, column] = largest * np.linalg.norm(y - x @ weights)
    return scores


def holed(shape):
    valid = np.random.default_rng(5).random(shape) > 0.15
    valid[:2, :3] = False
    return valid


def test_global_scores_are_squared_mahalanobis_distances():
    cube = make_scene()
    pixels = cube.reshape(-1, 3)
    mean, inverse = pixels.mean(axis=0), np.linalg.inv(np.cov(pixels, rowvar=False))
    expected = [[(x - mean) @ inverse @ (x - mean) for x in row] for row in cube]
    np.testing.assert_allclose(rx(cube), expected, rtol=1e-9)


def test_sum_of_global_scores_tells_the_rank():
    """The distances of N pixels from their own mean sum to (N - 1) times the rank of the covariance."""
    cube = make_scene(bands=3)
    cube = np.concatenate([cube, cube[..., :1] + 2 * cube[..., 1:2], np.full_like(cube[..., :1], 7.0)], axis=-1)
    assert rx(cube).sum() == pytest.approx(98 * 3)
    assert rx(make_scene(bands=40, shape=(4, 5))).sum() == pytest.approx(19 * 19)


@pytest.mark.parametrize('ridge', [1e-3, 0.5])
def test_local_scores_are_those_of_the_formula(ridge):
    cube = make_scene()
    expected = naive_local_rx(cube, np.ones((11, 9), bool), **WINDOWS, ridge=ridge)
    np.testing.assert_allclose(local_rx(cube, **WINDOWS, ridge=ridge), expected, rtol=1e-9)


def test_local_scores_without_ridge_are_those_of_spy():
    """Except in the outermost pixels, where SPy moves the inner window off its pixel."""
    cube = make_scene()
    inside = np.s_[1:-1, 1:-1]
    np.testing.assert_allclose(
        local_rx(cube, **WINDOWS, ridge=1e-12)[inside], spectral.rx(cube, window=(3, 7))[inside], rtol=1e-6
    )


@pytest.mark.parametrize('penalty', [1e-6, 1e-2])
@pytest.mark.parametrize('bands', [3, 60])
def test_collaborative_scores_are_those_of_the_formula(penalty, bands):
    cube = make_scene(bands)
    expected = naive_crd(cube, np.ones((11, 9), bool), **WINDOWS, penalty=penalty)
    np.testing.assert_allclose(crd(cube, **WINDOWS, penalty=penalty), expected, rtol=1e-4)


@pytest.mark.parametrize(
    'naive, detector, option', [(naive_local_rx, local_rx, dict(ridge=1e-2)), (naive_crd, crd, dict(penalty=1e-2))]
)
def test_neighbours_without_data_do_not_matter(naive, detector, option):
    cube = make_scene()
    valid = holed(cube.shape[:2])
    expected = naive(cube, valid, **WINDOWS, **option)
    cube[~valid] = np.nan
    scores = detector(cube, valid, **WINDOWS, **option)
    np.testing.assert_array_equal(np.isnan(scores), ~valid)
    np.testing.assert_allclose(scores[valid], expected[valid], rtol=1e-6)


def test_global_scores_of_the_valid_pixels_alone():
    cube = make_scene()
    valid = holed(cube.shape[:2])
    alone = rx(cube[valid][None])[0]
    cube[~valid] = np.inf
    scores = rx(cube, valid)
    np.testing.assert_array_equal(np.isnan(scores), ~valid)
    np.testing.assert_allclose(scores[valid], alone, rtol=1e-9)


@pytest.mark.parametrize('detector', [local_rx, crd])
def test_size_of_the_batches_does_not_matter(detector, monkeypatch):
    cube = make_scene()
    expected = detector(cube, **WINDOWS)
    monkeypatch.setattr(dual_window, '_BATCH_BYTES', 1)
    monkeypatch.setattr(dual_window, '_RUN', 2)
    np.testing.assert_allclose(detector(cube, **WINDOWS), expected, rtol=1e-9)


@pytest.mark.parametrize('bands, options', [(3, dict(ridge=1e-9)), (60, dict(ridge=1e-3))])
def test_sums_that_run_along_a_row_lose_no_digits(bands, options):
    """A pixel far from all others enters the windows and leaves them again, holes as well; 40 neighbours."""
    cube = np.random.default_rng(0).normal(1000, 1, (9, 40, bands))
    cube[4, 12] += 1e4
    valid = holed(cube.shape[:2])
    expected = naive_local_rx(cube, valid, **WINDOWS, **options)
    np.testing.assert_allclose(local_rx(cube, valid, **WINDOWS, **options)[valid], expected[valid], rtol=1e-5)


@pytest.mark.parametrize('detector', [rx, local_rx, crd])
def test_threads_do_not_matter(detector, monkeypatch):
    monkeypatch.setattr(inputs, '_BLOCK', 5)
    cube, options = make_scene(), {} if detector is rx else WINDOWS
    with threadpool_limits(1):
        expected = detector(cube, **options)
    with threadpool_limits(3):
        np.testing.assert_array_equal(detector(cube, **options), expected)


@pytest.mark.parametrize('detector', [rx, local_rx])
def test_mahalanobis_distances_do_not_depend_on_gain_and_offset_of_bands(detector):
    cube = make_scene()
    options = {} if detector is rx else WINDOWS
    np.testing.assert_allclose(
        detector(cube * [1e-6, 40, 1e7] + [3, -8, 1e6], **options), detector(cube, **options), rtol=1e-6
    )


def test_collaborative_scores_have_the_units_of_the_cube():
    cube = make_scene()
    np.testing.assert_allclose(crd(1000 * cube, **WINDOWS), 1000 * crd(cube, **WINDOWS), rtol=1e-6, atol=1e-8)


def test_a_pixel_that_equals_its_neighbours_is_represented():
    """More neighbours than bands, all distances zero: with the penalty only, there would be nothing to solve."""
    cube = make_scene()
    cube[:8] = cube[0, 0]
    scores = crd(cube, **WINDOWS)
    assert np.isfinite(scores).all() and scores[0].max() < 1e-6
    assert crd(np.zeros((9, 9, 2)), **WINDOWS).max() == 0


@pytest.mark.parametrize('name', ANOMALY_DETECTORS)
def test_implanted_anomalies_come_first(name):
    rng = np.random.default_rng(3)
    endmembers = rng.uniform(0.1, 1, (3, 30))
    rows = np.linspace(0, 1, 24)[:, None, None]
    cube = (rows * endmembers[0] + (1 - rows) * endmembers[1]) * rng.uniform(0.8, 1, (24, 24, 1))
    cube += rng.normal(0, 0.005, cube.shape)
    places = [(1, 1), (12, 20), (23, 5)]
    for place in places:
        cube[place] = 0.3 * endmembers[2] + 0.7 * cube[place]
    scores = ANOMALY_DETECTORS[name](cube, **({} if name == 'rx' else dict(inner=3, outer=11)))
    assert {tuple(place) for place in np.argwhere(scores >= np.sort(scores, axis=None)[-3])} == set(places)


@pytest.mark.parametrize('name', ANOMALY_DETECTORS)
def test_more_bands_than_pixels(name):
    cube = make_scene(bands=150)
    cube[5, 5] += 3 * np.random.default_rng(2).normal(size=150)
    scores = ANOMALY_DETECTORS[name](cube, **({} if name == 'rx' else WINDOWS))
    assert np.isfinite(scores).all() and (scores >= 0).all()
    if name == 'crd':  # in as many directions as there are pixels all of these have nearly the same distance
        assert scores.argmax() == 5 * 9 + 5


@pytest.mark.parametrize('detector', [local_rx, crd])
@pytest.mark.parametrize(
    'inner, outer, message',
    [
        (4, 7, r'sides 4 \(inner\) and 7 \(outer\), expected odd numbers'),
        (3, 8, 'expected odd numbers'),
        (7, 7, 'expected odd numbers of which the inner is smaller'),
        (-1, 7, 'expected odd numbers'),
        (3, 11, 'outer window of 11 x 11 pixels is larger than the scene of 11 x 9'),
    ],
)
def test_wrong_windows_are_named(detector, inner, outer, message):
    with pytest.raises(ValueError, match=message):
        detector(make_scene(), inner=inner, outer=outer)


@pytest.mark.parametrize('name', ANOMALY_DETECTORS)
@pytest.mark.parametrize(
    'change, message',
    [
        (dict(valid=np.zeros((25, 25), bool)), 'the cube has no valid pixel'),
        (dict(valid=np.ones((25, 2), bool)), r'has the shape \(25, 2\), but the cube has 25 x 25'),
        (dict(cube=np.ones((3, 3))), r'expected \(H, W, C\)'),
        (dict(cube=np.full((25, 25, 2), np.nan)), 'NaN or infinity in 625 pixels'),
    ],
)
def test_wrong_input_is_named(name, change, message):
    with pytest.raises(ValueError, match=message):
        ANOMALY_DETECTORS[name](**{'cube': make_scene(shape=(25, 25)), **change})


def test_options_and_scenes_that_give_no_score_are_named():
    cube = make_scene()
    with pytest.raises(ValueError, match='ridge 0, expected a positive number'):
        local_rx(cube, **WINDOWS, ridge=0)
    with pytest.raises(ValueError, match='penalty -1, expected a positive number'):
        crd(cube, **WINDOWS, penalty=-1)
    for detector in (rx, local_rx):
        with pytest.raises(ValueError, match='all 625 valid pixels are equal'):
            detector(np.ones((25, 25, 2)))
    valid = np.zeros((11, 9), bool)
    valid[0, 0] = valid[9:, 7:] = True
    with pytest.raises(ValueError, match='pixel at row 0, column 0 has fewer than two valid neighbours'):
        crd(cube, valid, **WINDOWS)


def test_aircraft_of_los_angeles():
    """RX on abu-airport-1: the known area under the curve 0.8221, by sklearn and by counting pairs of plain scores."""
    path = TEST_DATA / 'anomaly_detection/abu-airport-1/abu-airport-1.mat'
    if not path.is_file():
        pytest.skip(f'no file {path}; set MMHSI_TEST_DATA to the folder of the real scenes')
    scene = loadmat(path)
    cube, truth = scene['data'], scene['map'].ravel() > 0
    auc = roc_auc_score(truth, rx(cube).ravel())
    pixels = cube.reshape(-1, cube.shape[-1]) - cube.mean(axis=(0, 1))
    plain = np.einsum('ij,jk,ik->i', pixels, np.linalg.inv(np.cov(pixels, rowvar=False)), pixels, optimize=True)
    pairs = plain[truth, None] - plain[~truth]
    assert auc == pytest.approx((pairs > 0).mean() + (pairs == 0).mean() / 2, abs=1e-6)
    assert auc == pytest.approx(0.8221, abs=1e-4)


@pytest.mark.parametrize('side, count, windows', ((2, 9, (7, 15)), (4, 2, (7, 15)), (7, 1, (15, 23))))
def test_windows_fit_the_size_of_the_anomalies(side, count, windows):
    """With those that are chosen, an anomaly of any size is found; within a window of its own size it hides."""
    rng = np.random.default_rng(0)
    cube, truth = rng.normal(size=(60, 60, 8)), np.zeros((60, 60), bool)
    places = np.stack(np.meshgrid(*[np.arange(3) * 18 + 6] * 2), axis=-1).reshape(-1, 2)[:count]
    for row, column in places:
        truth[row : row + side, column : column + side] = True
    cube[truth] += 3 * np.ones(8)
    valid = np.ones((60, 60), bool)
    valid[:, 58:] = False
    assert fitting_windows([rx(cube, valid)]) == windows
    inner, outer = windows
    found = roc_auc_score(truth[valid], crd(cube, valid, inner, outer)[valid])
    assert found > 0.97
    if windows == (15, 23):
        assert found > roc_auc_score(truth[valid], crd(cube, valid, 7, 15)[valid]) + 0.01


def test_windows_no_larger_than_the_scene():
    scores = np.zeros((28, 60))
    scores[5:8, 5:9] = 1
    assert fitting_windows([scores]) == (7, 15)
    assert fitting_windows([np.full((40, 40), np.nan)]) == (7, 15)
