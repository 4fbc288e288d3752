import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mmhsi.datasets import Scene, Split
from mmhsi.tasks.pixel_classifiers import evaluate_pixel_classifier

SHAPE, BANDS = (20, 15), 8


def make_scene(noise: float = 0.7, split=None, cube=None, labels=None) -> Scene:
    rng = np.random.default_rng(0)
    if labels is None:
        labels = rng.integers(0, 4, SHAPE)
    if cube is None:
        cube = rng.normal(size=(4, BANDS))[labels] + noise * rng.normal(size=(*SHAPE, BANDS))
    return Scene(
        cube.astype(np.float32),
        labels,
        classes=('Corn', 'Oats', 'Woods'),
        name='field',
        split=split or {'type': 'NumberSplit', 'train': 8, 'val': 2},
    )


@pytest.mark.parametrize('estimator', ['svm', 'forest'])
def test_separable_spectra_are_classified(estimator):
    scene = make_scene(noise=0.1)
    result = evaluate_pixel_classifier(scene, estimator)
    assert result.scores['OA'] > 0.97
    assert result.prediction.shape == SHAPE and (result.prediction != 255).all()
    assert (result.classes, result.settings['estimator']) == (scene.classes, estimator)


def test_only_test_pixels_are_evaluated_and_only_training_pixels_are_learned():
    scene = make_scene()
    result = evaluate_pixel_classifier(scene)
    np.testing.assert_array_equal(np.flatnonzero(result.target != 255), scene.split.test)
    assert result.matrix.sum() == len(scene.split.test)
    # labels of validation and test pixels have no influence on the map
    labels = np.where(scene.labels == 255, 0, scene.labels + 1)
    rest = np.concatenate([scene.split.val, scene.split.test])
    labels.ravel()[rest] = labels.ravel()[rest] % 3 + 1
    other = make_scene(split=scene.split, cube=scene.window(0, 0, *SHAPE), labels=labels)
    changed = evaluate_pixel_classifier(other)
    np.testing.assert_array_equal(changed.prediction, result.prediction)
    assert changed.scores['OA'] != result.scores['OA']


def test_svm_is_the_one_that_its_settings_describe():
    scene = make_scene()
    result = evaluate_pixel_classifier(scene, seed=3)
    train = scene.split.train
    scaler = StandardScaler().fit(scene.pixels(train))
    svm = SVC(C=result.settings['C'], gamma=result.settings['gamma'])
    svm.fit(scaler.transform(scene.pixels(train)), scene.labels.ravel()[train])
    wanted = svm.predict(scaler.transform(scene.pixels(np.arange(SHAPE[0] * SHAPE[1]))))
    np.testing.assert_array_equal(result.prediction.ravel(), wanted)
    assert (result.settings['seed'], result.settings['folds']) == (3, 5)


def test_folds_are_limited_by_the_smallest_class():
    scene = make_scene(split={'type': 'NumberSplit', 'train': 3, 'val': 2})
    assert evaluate_pixel_classifier(scene).settings['folds'] == 3
    single = evaluate_pixel_classifier(make_scene(split={'type': 'NumberSplit', 'train': 1, 'val': 2}))
    assert (single.settings['C'], single.settings['gamma']) == (100, 1 / BANDS)
    assert 'cross_validation_accuracy' not in single.settings


def test_any_estimator_can_be_given():
    scene = make_scene()
    result = evaluate_pixel_classifier(scene, lambda seed: GaussianNB())
    train, labels = scene.split.train, scene.labels.ravel()
    model = GaussianNB().fit(scene.pixels(train), labels[train])
    assert result.scores['OA'] == pytest.approx(model.score(scene.pixels(scene.split.test), labels[scene.split.test]))


def test_masked_pixels_are_not_classified():
    cube = make_scene().window(0, 0, *SHAPE)
    cube[3, 4, 2] = np.nan
    result = evaluate_pixel_classifier(make_scene(cube=cube), 'forest')
    assert np.argwhere(result.prediction == 255).tolist() == [[3, 4]]


def test_wrong_requests_are_named():
    scene = make_scene()
    with pytest.raises(ValueError, match="'svm', 'forest' or a function"):
        evaluate_pixel_classifier(scene, 'boosting')
    one = np.flatnonzero(scene.labels == 0)
    with pytest.raises(ValueError, match='at least two classes, found 1'):
        evaluate_pixel_classifier(make_scene(split=Split(one[:5], one[5:6], one[6:], SHAPE)))
    bare = Scene(np.zeros((*SHAPE, BANDS), np.float32), name='bare')
    with pytest.raises(ValueError, match="'bare' has no split"):
        evaluate_pixel_classifier(bare)


def striped_scene(**split) -> Scene:
    """Classes in stripes of four rows, in noise that hides them in a single pixel."""
    rng = np.random.default_rng(0)
    labels = 1 + np.arange(SHAPE[0])[:, None] // 4 % 3 + np.zeros(SHAPE, int)
    cube = rng.normal(size=(4, BANDS))[labels] + 4 * rng.normal(size=(*SHAPE, BANDS))
    return make_scene(cube=cube, labels=labels, split={'type': 'NumberSplit', 'train': 12, 'val': 12, **split})


def test_smoothing_is_chosen_on_validation_pixels():
    scene = striped_scene()
    alone = evaluate_pixel_classifier(scene)
    several = evaluate_pixel_classifier(scene, smoothing=(0.0, 1.0))
    each = {sigma: evaluate_pixel_classifier(scene, smoothing=sigma) for sigma in (0.0, 1.0)}
    labels, val = scene.labels.ravel(), scene.split.val
    accuracy = {sigma: np.mean(result.prediction.ravel()[val] == labels[val]) for sigma, result in each.items()}
    best = max(accuracy, key=accuracy.get)
    assert several.settings['smoothing'] == best == 1.0
    np.testing.assert_array_equal(several.prediction, each[best].prediction)
    assert several.scores['OA'] > alone.scores['OA'] + 0.1
    assert 'smoothing' not in alone.settings


def test_smoothed_svm_is_the_one_that_its_settings_describe():
    scene = striped_scene()
    result = evaluate_pixel_classifier(scene, smoothing=1.5)
    cube = gaussian_filter(scene.window(0, 0, *SHAPE), (1.5, 1.5, 0), mode='constant')
    cube /= gaussian_filter(np.ones(SHAPE), 1.5, mode='constant')[..., None]
    features, train = cube.reshape(-1, BANDS), scene.split.train
    features = features / features[train].std()
    svm = SVC(C=result.settings['C'], gamma=result.settings['gamma']).fit(features[train], scene.labels.ravel()[train])
    assert np.mean(svm.predict(features) == result.prediction.ravel()) > 0.995  # rounding of float32


def test_several_smoothings_need_validation_pixels():
    with pytest.raises(ValueError, match='need validation pixels'):
        evaluate_pixel_classifier(striped_scene(val=0), smoothing=(1.0, 2.0))


@pytest.mark.parametrize('estimator', ['svm', 'forest'])
def test_a_refinement_comes_last(estimator):
    """Large fields and much noise: neighbours help where the spectrum is not enough."""
    labels = np.where(np.arange(20)[:, None] < 7, 1, np.where(np.arange(15) < 8, 2, 3)) * np.ones(SHAPE, int)
    split = {'type': 'NumberSplit', 'train': 6, 'val': 8}
    scene = make_scene(noise=1.5, split=split, labels=labels)
    plain, refined = (evaluate_pixel_classifier(scene, estimator, refine=refine) for refine in (False, True))
    chosen = refined.settings['refinement']
    assert chosen['walker'] != 'off' and 0.05 <= chosen['temperature'] <= 20
    assert refined.scores['OA'] > plain.scores['OA'] + 0.02
    assert np.isfinite(refined.confidence).all() and 0 <= refined.summary()['ECE'] <= 1
    without = make_scene(noise=1.5, split={'type': 'NumberSplit', 'train': 6, 'val': 0}, labels=labels)
    with pytest.raises(ValueError, match='chosen on validation pixels, but the split has none'):
        evaluate_pixel_classifier(without, estimator, refine=True)
