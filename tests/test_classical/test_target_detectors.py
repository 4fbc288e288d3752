import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat
from sklearn.metrics import roc_auc_score

from mmhsi.classical import TARGET_DETECTORS, ace, cem, matched_filter, osp, sam

TEST_DATA = Path(os.environ.get('MMHSI_TEST_DATA', Path(__file__).parents[2] / '../shared/data'))


def make_scene(bands=4, shape=(7, 9)):
    rng = np.random.default_rng(0)
    mixing = rng.uniform(0.2, 1, (bands, bands))
    return 3 + rng.normal(size=(*shape, bands)) @ mixing, rng.uniform(2, 9, bands)


def naive_cem(cube, d):
    pixels = cube.reshape(-1, len(d))
    inverse = np.linalg.inv(sum(np.outer(x, x) for x in pixels) / len(pixels))
    return np.array([[x @ inverse @ d / (d @ inverse @ d) for x in row] for row in cube])


def naive_ace(cube, d):
    mean, inverse = gaussian(cube)
    t = d - mean
    return np.array(
        [
            [(t @ inverse @ (x - mean)) ** 2 / ((t @ inverse @ t) * ((x - mean) @ inverse @ (x - mean))) for x in row]
            for row in cube
        ]
    )


def naive_mf(cube, d):
    mean, inverse = gaussian(cube)
    t = d - mean
    return np.array([[t @ inverse @ (x - mean) / (t @ inverse @ t) for x in row] for row in cube])


def naive_sam(cube, d):
    return np.array([[-np.arccos(x @ d / np.sqrt((x @ x) * (d @ d))) for x in row] for row in cube])


def naive_osp(cube, d, components=2):
    background = np.linalg.svd(cube.reshape(-1, len(d)))[2][:components].T
    projector = np.eye(len(d)) - background @ np.linalg.pinv(background)
    return np.array([[d @ projector @ x / (d @ projector @ d) for x in row] for row in cube])


def gaussian(cube):
    pixels = cube.reshape(-1, cube.shape[-1])
    return pixels.mean(axis=0), np.linalg.inv(np.cov(pixels, rowvar=False))


def options(name):
    return {'components': 2} if name == 'osp' else {}


@pytest.mark.parametrize(
    'name, naive', [('cem', naive_cem), ('ace', naive_ace), ('mf', naive_mf), ('sam', naive_sam), ('osp', naive_osp)]
)
def test_scores_are_those_of_the_formula(name, naive):
    cube, target = make_scene()
    scores = TARGET_DETECTORS[name](cube, target, **options(name))
    assert scores.dtype == np.float64 and scores.shape == cube.shape[:2]
    np.testing.assert_allclose(scores, naive(cube, target), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize('detector', [cem, matched_filter])
def test_a_second_pass_takes_statistics_of_what_scores_least(detector):
    cube, target = make_scene(shape=(10, 10))
    background = np.sort(detector(cube, target).ravel())[:80]
    kept = cube[detector(cube, target) <= background[-1]][None]
    expected = detector(np.concatenate([kept, kept * 0]), target, np.stack([np.ones((80,), bool), np.zeros(80, bool)]))
    found = detector(cube, target, left_out=0.2)
    np.testing.assert_allclose(found[detector(cube, target) <= background[-1]], expected[0], rtol=1e-9)
    assert np.isfinite(found).all()
    with pytest.raises(ValueError, match='left_out is a share'):
        detector(cube, target, left_out=1.0)


@pytest.mark.parametrize('detector, value', [(cem, 1), (matched_filter, 1), (ace, 1), (sam, 0), (osp, 1)])
def test_a_pixel_that_is_the_target_has_the_known_score(detector, value):
    cube, target = make_scene(bands=8)
    cube[2, 3] = target
    assert detector(cube, target)[2, 3] == pytest.approx(value, abs=1e-6)


def test_linear_detectors_give_the_mean_and_zero_no_score():
    cube, target = make_scene()
    cube[0, 0] = cube.reshape(-1, 4)[1:].mean(axis=0)
    assert matched_filter(cube, target)[0, 0] == pytest.approx(0, abs=1e-12)
    cube[0, 0] = 0
    assert cem(cube, target)[0, 0] == 0


def test_coherence_of_the_mean_is_zero():
    cube = np.array([[[1.0, 0], [-1, 0], [0, 1], [0, -1], [0, 0]]])
    np.testing.assert_allclose(ace(cube, np.array([3.0, 0])), [[1, 1, 0, 0, 0]], atol=1e-12)


def test_zero_pixel_is_orthogonal_to_the_target_by_angle():
    cube, target = make_scene()
    cube[1, 1] = 0
    cube[1, 2] = -target
    scores = sam(cube, target)
    assert scores[1, 1] == pytest.approx(-np.pi / 2) and scores[1, 2] == pytest.approx(-np.pi)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize('detector', [ace, matched_filter])
def test_centred_detectors_do_not_depend_on_gain_and_offset_of_bands(detector):
    cube, target = make_scene()
    gain, offset = np.array([1e-6, 3, 500, 1e7]), np.array([9.0, -4, 100, 0])
    np.testing.assert_allclose(
        detector(cube * gain + offset, target * gain + offset), detector(cube, target), rtol=1e-6, atol=1e-9
    )


def test_cem_does_not_depend_on_the_gain_of_bands():
    cube, target = make_scene()
    gain = np.array([1e-6, 3, 500, 1e7])
    np.testing.assert_allclose(cem(cube * gain, target * gain), cem(cube, target), rtol=1e-6)


def test_angle_does_not_depend_on_brightness():
    cube, target = make_scene()
    brightness = np.random.default_rng(1).uniform(0.1, 10, (*cube.shape[:2], 1))
    np.testing.assert_allclose(sam(cube * brightness, target * 7), sam(cube, target), atol=1e-7)


@pytest.mark.parametrize('name', TARGET_DETECTORS)
def test_implanted_targets_come_first(name):
    rng = np.random.default_rng(3)
    endmembers = rng.uniform(0.1, 1, (4, 30))
    target = rng.uniform(0.1, 1, 30)
    cube = rng.dirichlet(np.ones(4), (20, 20)) @ endmembers + rng.normal(0, 0.002, (20, 20, 30))
    places = [(2, 3), (11, 17), (19, 0)]
    for place in places:
        cube[place] = 0.7 * target + 0.3 * cube[place]
    scores = TARGET_DETECTORS[name](cube, target, **({'components': 4} if name == 'osp' else {}))
    assert {tuple(place) for place in np.argwhere(scores >= np.sort(scores, axis=None)[-3])} == set(places)


@pytest.mark.parametrize('name', TARGET_DETECTORS)
def test_pixels_without_data_do_not_matter(name):
    cube, target = make_scene()
    valid = np.random.default_rng(1).random(cube.shape[:2]) > 0.2
    alone = TARGET_DETECTORS[name](cube[valid][None], target, **options(name))[0]
    cube[~valid] = np.nan
    scores = TARGET_DETECTORS[name](cube, target, valid, **options(name))
    assert np.isnan(scores[~valid]).all()
    np.testing.assert_allclose(scores[valid], alone, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize('name', TARGET_DETECTORS)
def test_integers_and_float32_are_computed_in_float64(name):
    cube, target = make_scene()
    cube, target = np.round(cube * 1000), np.round(target * 1000)
    expected = TARGET_DETECTORS[name](cube, target, **options(name))
    for dtype in (np.int16, np.float32):
        np.testing.assert_array_equal(
            TARGET_DETECTORS[name](cube.astype(dtype), target.astype(dtype), **options(name)), expected
        )


@pytest.mark.parametrize('detector', [cem, ace, matched_filter])
def test_more_bands_than_pixels(detector):
    cube, target = make_scene(bands=60, shape=(4, 5))
    cube[1, 2] = target
    scores = detector(cube, target)
    assert np.isfinite(scores).all() and scores.argmax() == 7
    assert scores[1, 2] == pytest.approx(1)


@pytest.mark.parametrize('detector', [ace, matched_filter])
def test_bands_without_variation_are_left_out(detector):
    cube, target = make_scene()
    padded = np.concatenate([np.full((*cube.shape[:2], 1), 0.1), cube, np.zeros((*cube.shape[:2], 1))], axis=-1)
    np.testing.assert_allclose(
        detector(padded, np.concatenate([[5.0], target, [3.0]])), detector(cube, target), rtol=1e-9
    )


def test_copies_of_a_band_do_not_change_a_score():
    cube, target = make_scene()
    for detector in (cem, ace, matched_filter):
        np.testing.assert_allclose(detector(np.tile(cube, 3), np.tile(target, 3)), detector(cube, target), rtol=1e-6)


@pytest.mark.parametrize('name', TARGET_DETECTORS)
@pytest.mark.parametrize(
    'change, message',
    [
        (dict(target=np.zeros(4)), 'the target spectrum is zero in every band'),
        (dict(target=np.ones(5)), r'the target spectrum has the shape \(5,\), but the cube has 4 bands'),
        (dict(target=np.ones((2, 2))), r'the target spectrum has the shape \(2, 2\), but the cube has 4 bands'),
        (dict(target=np.array([1, 2, np.nan, 3])), 'the target spectrum holds NaN'),
        (dict(valid=np.zeros((7, 9), bool)), 'the cube has no valid pixel'),
        (dict(valid=np.ones((7, 8), bool)), r'mask of valid pixels has the shape \(7, 8\), but the cube has 7 x 9'),
        (dict(valid=np.ones((7, 9))), 'mask of valid pixels is of type float64, expected bool'),
        (dict(cube=np.ones((7, 9))), r'the cube has the shape \(7, 9\), expected \(H, W, C\)'),
        (dict(cube=np.full((7, 9, 4), np.nan)), 'NaN or infinity in 63 pixels, the first at row 0, column 0'),
        (dict(cube=np.ones((7, 9, 4), complex)), 'values of type complex128, expected real numbers'),
    ],
)
def test_wrong_input_is_named(name, change, message):
    cube, target = make_scene()
    with pytest.raises(ValueError, match=message):
        TARGET_DETECTORS[name](**{'cube': cube, 'target': target, **change})


def test_targets_and_scenes_that_give_no_score_are_named():
    cube, target = make_scene()
    for detector in (ace, matched_filter):
        with pytest.raises(ValueError, match='does not differ from the background'):
            detector(cube, cube.reshape(-1, 4).mean(axis=0))
        with pytest.raises(ValueError, match='all 63 valid pixels are equal'):
            detector(np.ones((7, 9, 4)), target)
    with pytest.raises(ValueError, match='all valid pixels are zero'):
        cem(np.zeros((7, 9, 4)), target)
    with pytest.raises(ValueError, match='components was requested; with 4 bands it can have 1 to 3'):
        osp(cube, target, components=4)
    flat = np.zeros((7, 9, 4))
    flat[..., :2] = cube[..., :2]
    with pytest.raises(ValueError, match='lies in the background subspace of 2 components'):
        osp(flat, np.array([1.0, 2, 0, 0]), components=2)


@pytest.mark.parametrize(
    'name, auc', [('cem', 0.9997), ('ace', 0.9997), ('mf', 0.9996), ('sam', 0.9944), ('osp', 0.9700)]
)
def test_aircraft_of_san_diego(name, auc):
    """The areas under the curve of these detectors for the mean target pixel, measured once."""
    path = TEST_DATA / 'target_detection/sandiego-1/Sandiego.mat'
    if not path.is_file():
        pytest.skip(f'no file {path}; set MMHSI_TEST_DATA to the folder of the real scenes')
    scene = loadmat(path)
    cube, truth = scene['Sandiego'], scene['Sandiego_gt'] > 0
    scores = TARGET_DETECTORS[name](cube, cube[truth].mean(axis=0))
    assert roc_auc_score(truth.ravel(), scores.ravel()) == pytest.approx(auc, abs=1e-4)


@pytest.mark.parametrize(('detector', 'centred'), [(cem, False), (matched_filter, True)])
def test_loading_is_added_to_all_eigenvalues_of_bands_of_unit_variance(detector, centred):
    cube, target = make_scene()
    pixels = cube.reshape(-1, 4)
    mean = pixels.mean(axis=0) if centred else np.zeros(4)
    moments = (pixels - mean).T @ (pixels - mean) / (len(pixels) - centred)
    scale = np.sqrt(np.diag(moments))
    scaled = moments / np.outer(scale, scale)
    loaded = scaled + 3 * np.median(np.linalg.eigvalsh(scaled)) * np.eye(4)
    inverse = np.linalg.inv(loaded * np.outer(scale, scale))
    t = target - mean
    expected = (cube - mean) @ inverse @ t / (t @ inverse @ t)
    np.testing.assert_allclose(detector(cube, target, loading=3.0), expected, rtol=1e-9)
    with pytest.raises(ValueError, match='loading must be finite and not negative, found -1'):
        detector(cube, target, loading=-1)


def test_loading_finds_targets_of_a_spectrum_that_is_known_roughly():
    rng = np.random.default_rng(0)
    variation = np.geomspace(1, 0.01, 20)  # a spectrum that is wrong by 0.3 differs most where the scene varies least
    cube = rng.normal(size=(40, 50, 20)) * variation + 5
    places = rng.choice(2000, 40, replace=False)
    cube.reshape(-1, 20)[places] += 2 * variation
    rough = 5 + 2 * variation + rng.normal(0, 0.3, 20)
    labels = np.isin(np.arange(2000), places)
    plain, loaded = (roc_auc_score(labels, cem(cube, rough, loading=loading).ravel()) for loading in (0.0, 100.0))
    assert plain < 0.7 and loaded > 0.98
