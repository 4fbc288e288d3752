import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mmhsi.classical.random_walker import random_walker
from mmhsi.datasets import Scene
from mmhsi.evaluation.functional import adapt_priors, apply_temperature, negative_log_likelihood
from mmhsi.evaluation.refinement import Refinement, SceneRefiner, choose_refinement, scene_laplacian

SHAPE = (24, 30)


@pytest.fixture
def scene():
    """Fields of three classes that differ in the first component, one pixel without data."""
    rng = np.random.default_rng(0)
    labels = gaussian_filter(rng.normal(size=(*SHAPE, 3)), (4, 4, 0)).argmax(axis=-1) + 1
    cube = (labels[..., None] * [10.0, 20.0, 5.0] + rng.normal(0, 1, (*SHAPE, 3))).astype(np.float32)
    cube[3, 4, 1] = np.nan
    return Scene(cube, labels=labels, split=dict(type='NumberSplit', train=5, val=8, seed=0), name='fields')


def noisy(scene, certainty):
    """Probabilities that are right in three of four pixels, without regard to the neighbours."""
    rng = np.random.default_rng(1)
    guess = np.where(rng.random(SHAPE) < 0.75, np.where(scene.valid, scene.labels, 0), rng.integers(0, 3, SHAPE))
    return np.where(scene.valid[..., None], np.eye(3)[guess] * certainty + (1 - certainty) / 3, np.nan)


def test_walker_and_temperature_are_chosen_by_the_likelihood_of_the_validation_pixels(scene):
    probabilities = noisy(scene, 0.99)
    refiner = SceneRefiner(scene, strengths=(1.0, 0.1))
    refined = refiner(probabilities)
    valid = scene.valid
    laplacian, val = scene_laplacian(scene), scene.split.val
    places = (np.cumsum(valid.ravel()) - 1)[val]
    scores = {}
    for strength in (None, 1.0, 0.1):
        walked = probabilities[valid] if strength is None else random_walker(probabilities[valid], laplacian, strength)
        scores[strength] = min(
            (negative_log_likelihood(apply_temperature(walked[places], t), scene.labels.ravel()[val]), strength, t)
            for t in np.exp(np.linspace(-3, 3, 601))
        )
    _, strength, temperature = min(scores.values(), key=lambda score: score[0])
    assert refiner.chosen.strength == strength and strength is not None
    assert refiner.chosen.temperature == pytest.approx(temperature, rel=0.02)
    test = scene.split.test
    accuracy = [
        (values.reshape(-1, 3)[test].argmax(axis=1) == scene.labels.ravel()[test]).mean()
        for values in (probabilities, refined)
    ]
    assert accuracy[1] > accuracy[0] + 0.08
    np.testing.assert_allclose(refined[valid].sum(axis=-1), 1, rtol=1e-5)
    assert np.isnan(refined[~valid]).all()


def test_a_walker_that_harms_is_left_out(scene):
    """Single pixels of another class than their neighbours, which the classifier knows."""
    labels = np.random.default_rng(2).integers(1, 4, SHAPE)
    flat = Scene(
        np.ones((*SHAPE, 2), np.float32), labels=labels, split=dict(type='NumberSplit', train=5, val=8, seed=0)
    )
    refiner = SceneRefiner(flat)
    refiner(np.eye(3)[flat.labels] * 0.8 + 0.2 / 3)
    assert refiner.chosen.strength is None and refiner.chosen.settings()['walker'] == 'off'
    assert Refinement.from_settings(refiner.chosen.settings()) == refiner.chosen


def test_a_choice_made_before_is_kept(scene):
    chosen = Refinement(strength=0.3, temperature=2.0)
    refined = SceneRefiner(scene, chosen=chosen)(noisy(scene, 0.9))
    expected = apply_temperature(random_walker(noisy(scene, 0.9)[scene.valid], scene_laplacian(scene), 0.3), 2.0)
    np.testing.assert_allclose(refined[scene.valid], expected, rtol=1e-5)


def test_pixels_without_a_prediction_are_no_part_of_the_graph(scene):
    probabilities = noisy(scene, 0.9)
    probabilities[:, 15:] = np.nan
    half = SceneRefiner(scene, chosen=Refinement(strength=0.1))(probabilities)
    cut = Scene(scene.raw_pixels(np.arange(scene.valid.size)).reshape(*SHAPE, 3)[:, :15], nodata=0.0)
    assert np.isnan(half[:, 15:]).all() and np.isfinite(half[:, :15][scene.valid[:, :15]]).all()
    assert half[:, :15][cut.valid].sum(axis=-1) == pytest.approx(1, rel=1e-5)


def test_without_validation_pixels_nothing_changes():
    chosen = choose_refinement(np.full((4, 2), 0.5), None, np.zeros(0, int), np.zeros(0, int))
    assert chosen == Refinement()
    np.testing.assert_allclose(chosen.finish(chosen.walk(np.array([[0.3, 0.7]]), None)), [[0.3, 0.7]])


def test_a_default_walker_gives_way_to_a_clearly_better_choice_alone(scene):
    laplacian, places = scene_laplacian(scene), np.arange(40)
    undecided = np.full((int(scene.valid.sum()), 3), 1 / 3)
    labels = scene.labels[scene.valid][places]
    assert choose_refinement(undecided, laplacian, places, labels).strength is None
    assert choose_refinement(undecided, laplacian, places, labels, default=0.3).strength == 0.3
    # pixels that contradict all of their neighbours: any walker is worse in each of them
    spread = np.arange(0, int(scene.valid.sum()), 30)
    certain = np.eye(3)[(scene.labels[scene.valid] + 1) % 3] * 0.97 + 0.01
    labels = scene.labels[scene.valid][spread]
    certain[spread] = np.eye(3)[labels] * 0.97 + 0.01
    assert choose_refinement(certain, laplacian, spread, labels, default=0.3).strength is None


def test_the_shares_of_the_classes_come_after_the_temperature(scene):
    probabilities = noisy(scene, 0.6)
    refiner = SceneRefiner(scene, adapt=True)
    refined = refiner(probabilities)
    plain = SceneRefiner(scene)
    plain(probabilities)
    assert (refiner.chosen.strength, refiner.chosen.temperature) == (plain.chosen.strength, plain.chosen.temperature)
    assert refiner.chosen.priors == pytest.approx([1 / 3] * 3)  # the split has as many pixels of each class
    walked = random_walker(probabilities[scene.valid], scene_laplacian(scene), plain.chosen.strength)
    expected = adapt_priors(apply_temperature(walked, plain.chosen.temperature), [1 / 3] * 3)
    np.testing.assert_allclose(refined[scene.valid], expected, rtol=1e-4)
    assert Refinement.from_settings(refiner.chosen.settings()) == refiner.chosen


@pytest.mark.parametrize(
    'wrong',
    [
        dict(temperature=0.0),
        dict(walker=float('nan')),
        dict(priors=[0.5, -0.5]),
        dict(priors=[float('inf'), 1]),
        dict(shares=[0.0, 1]),
    ],
)
def test_a_stored_choice_that_cannot_be_one_is_refused(wrong):
    with pytest.raises(ValueError, match='must be positive'):
        Refinement.from_settings({'walker': 0.1, 'temperature': 1.0, **wrong})
    with pytest.raises(ValueError, match='3 classes have 2 shares'):
        Refinement(priors=(0.5, 0.5)).finish(np.full((4, 3), 1 / 3))
