"""Classical baselines: classifying each pixel by its spectrum, with the split and the evaluation of a scene.

scikit-learn takes seconds to import, and is imported where a classifier is made.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from mmengine.logging import print_log
from scipy.special import softmax

from mmhsi.classical import smoothed_cube
from mmhsi.evaluation.refinement import SceneRefiner
from mmhsi.evaluation.scene_result import IGNORE_INDEX, SceneResult

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

SVM_GRID = {'svc__C': [1.0, 10.0, 100.0, 1000.0], 'svc__gamma': [2.0**exponent for exponent in range(-13, 0, 2)]}
PIXELS = 65536
"""Number of pixels that are classified at a time."""


def evaluate_pixel_classifier(
    scene,
    estimator: str | Callable[[int], BaseEstimator] = 'svm',
    seed: int = 0,
    folds: int = 5,
    aa: str = 'recall',
    smoothing: float | Sequence[float] | None = None,
    refine: bool = False,
    difference: bool = False,
) -> SceneResult:
    """Train a classifier on the spectra of the training pixels, classify the whole scene, evaluate the test pixels.

    'svm' standardises the bands and fits a support vector machine with RBF kernel, one against one; C (1 to 1000) and
    gamma (2^-13 to 2^-1) are chosen by stratified cross-validation on the training pixels, with no more folds than the
    smallest class has pixels. With a single training pixel in a class there is no cross-validation: C is 100, gamma
    1 / bands. 'forest' is a random forest of 500 trees. A scene of a set is classified by a classifier that is trained
    on the whole set.

    With ``smoothing`` the classifier uses the neighbours of a pixel, as networks do: each band of the preprocessed
    scene, preferably of whitened components, is smoothed with a Gaussian. All bands are then scaled by a common factor
    instead of separately, because smoothing shrinks bands with noise only.

    Args:
        scene (Scene): A scene with labels and a split; its preprocessing applies.
        estimator (str | Callable): 'svm', 'forest', or a function that makes a scikit-learn estimator from the seed.
            Defaults to 'svm'.
        seed (int): Seed of the folds and of the forest. Defaults to 0.
        folds (int): Folds of the cross-validation, at least 2. Defaults to 5.
        aa (str): What AA averages, 'recall' or 'precision'. Defaults to 'recall'.
        smoothing (float | Sequence[float], optional): Standard deviation of the Gaussian in pixels, see
            :func:`mmhsi.classical.smoothed_cube`; of several values, the best on the validation pixels is used, and the
            first of equally good ones. Defaults to None: no smoothing.
        refine (bool): Whether a random walker along the edges of the image and a temperature, both chosen on the
            validation pixels, are applied last, as for a network with ``RefinementHook``; see
            :class:`mmhsi.evaluation.refinement.SceneRefiner`. Estimators without probabilities take the softmax of
            their decision values. Defaults to False.

    Returns:
        SceneResult: The map of all valid pixels, evaluated on the test pixels; ``settings`` contains the estimator and
        the chosen values.

    Raises:
        ValueError: If the scene has no split, fewer than two classes have training pixels, the estimator is unknown, or
            several deviations or refinements are to be compared without validation pixels.
    """
    return evaluate_pixel_classifiers((scene,), estimator, seed, folds, aa, smoothing, refine, difference)[scene.name]


def evaluate_pixel_classifiers(
    scenes: Sequence,
    estimator: str | Callable[[int], BaseEstimator] = 'svm',
    seed: int = 0,
    folds: int = 5,
    aa: str = 'recall',
    smoothing: float | Sequence[float] | None = None,
    refine: bool = False,
    difference: bool = False,
) -> dict[str, SceneResult]:
    """Train once for the scenes of a set, and evaluate each; see :func:`evaluate_pixel_classifier`.

    Args:
        scenes (Sequence[Scene]): Scenes that are one set, or a single one.
        estimator, seed, folds, aa, smoothing, refine, difference: See :func:`evaluate_pixel_classifier`.

    Returns:
        dict[str, SceneResult]: Results by the name of the scene.
    """
    model, features, settings = _train(scenes[0].pool, estimator, seed, folds, smoothing, difference)
    return {scene.name: _evaluate(scene, model, features[scene.name], settings, aa, refine) for scene in scenes}


def classify_sets(scenes: Sequence, estimator: str | Callable[[int], BaseEstimator] = 'svm', **options) -> dict:
    """As :func:`evaluate_pixel_classifiers`, for scenes of one or several sets: trains once for each set."""
    results = {}
    for pool in {id(scene.pool): scene.pool for scene in scenes}.values():
        results.update(
            evaluate_pixel_classifiers([scene for scene in scenes if scene.pool is pool], estimator, **options)
        )
    return results


def check_subset(evaluate_on: str | None) -> None:
    """Raise a ValueError if pixel classifiers are to be evaluated on other pixels than those of the test."""
    if evaluate_on not in (None, 'test'):
        raise ValueError(f'pixel classifiers are evaluated on the test pixels, not on {evaluate_on!r}')


def _train(
    pool: Sequence, estimator, seed: int, folds: int, smoothing, difference: bool
) -> tuple[BaseEstimator, dict, dict]:
    """The trained classifier, the features of flat indices by the name of the scene, and what was chosen."""
    first = pool[0]
    if first.split is None:
        raise ValueError(f'scene {first.name!r} has no split to train on')
    classes = _labels_of(pool, 'train')
    counts = np.unique(classes, return_counts=True)[1]
    if len(counts) < 2:
        raise ValueError(
            f'scene {first.name!r}: a classifier needs training pixels of at least two classes, found {len(counts)}'
        )
    sigmas = [None] if smoothing is None else np.atleast_1d(smoothing).tolist()
    val = _labels_of(pool, 'val')
    if len(sigmas) > 1 and not len(val):
        raise ValueError(
            f'scene {first.name!r}: several deviations of the smoothing need validation pixels to choose '
            'from, but the split has none'
        )
    best = None
    for sigma in sigmas:
        features = _pixel_features(pool, sigma, difference)
        model, settings = _make_estimator(estimator, seed, min(folds, int(np.min(counts))), first.bands, sigma is None)
        model.fit(_features_of(pool, features, 'train'), classes)
        accuracy = np.mean(model.predict(_features_of(pool, features, 'val')) == val) if len(sigmas) > 1 else 0.0
        if best is None or accuracy > best[0]:
            best = accuracy, sigma, features, model, settings
    assert best is not None  # there is at least one deviation
    _, sigma, features, model, settings = best
    if sigma is not None:
        settings['smoothing'] = sigma
    if hasattr(model, 'best_params_'):
        settings.update(
            C=model.best_params_['svc__C'],
            gamma=model.best_params_['svc__gamma'],
            cross_validation_accuracy=float(model.best_score_),
        )
    return model, features, settings


def _labels_of(pool: Sequence, subset: str) -> np.ndarray:
    return np.concatenate([scene.labels.ravel()[getattr(scene.split, subset)] for scene in pool])


def _features_of(pool: Sequence, features: dict, subset: str) -> np.ndarray:
    return np.concatenate([features[scene.name](getattr(scene.split, subset)) for scene in pool])


def _evaluate(scene, model: BaseEstimator, pixels: Callable, settings: dict, aa: str, refine: bool) -> SceneResult:
    shape, test = (scene.height, scene.width), scene.split.test
    target = np.full(shape[0] * shape[1], IGNORE_INDEX, np.uint8)
    target[test] = scene.labels.ravel()[test]
    valid = np.flatnonzero(scene.valid)
    blocks = [valid[start : start + PIXELS] for start in range(0, len(valid), PIXELS)]
    if not refine:
        prediction = np.full(target.shape, IGNORE_INDEX, np.uint8)
        for block in blocks:
            prediction[block] = model.predict(pixels(block))
        return SceneResult.evaluate(
            scene.name, prediction.reshape(shape), target.reshape(shape), scene.classes, scene.palette, aa, settings
        )
    if not len(scene.split.val):
        raise ValueError(f'scene {scene.name!r}: the refinement is chosen on validation pixels, but the split has none')
    probabilities = np.full((*target.shape, len(scene.classes)), np.nan, np.float32)
    for block in blocks:
        probabilities[block] = class_probabilities(model, pixels(block), len(scene.classes))
    refiner = SceneRefiner(scene)
    refined = refiner(probabilities.reshape(*shape, -1))
    assert refiner.chosen is not None  # by the call
    return SceneResult.of_probabilities(
        scene.name,
        refined,
        target.reshape(shape),
        scene.classes,
        scene.palette,
        aa,
        dict(settings, refinement=refiner.chosen.settings()),
    )


def class_probabilities(model: BaseEstimator, features: np.ndarray, num_classes: int) -> np.ndarray:
    """Probabilities (N, K) of all classes of a scene for features (N, D); zero for classes without training pixels."""
    if hasattr(model, 'predict_proba'):
        known = model.predict_proba(features)
    else:
        decision = model.decision_function(features)
        known = softmax(np.stack([-decision, decision], axis=1) if decision.ndim == 1 else decision, axis=1)
    found = np.zeros((len(features), num_classes))
    found[:, model.classes_] = known
    return found


def _pixel_features(
    pool: Sequence, sigma: float | None, difference: bool
) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Functions of flat indices that give the features of these pixels, by the name of the scene."""
    if sigma is None:
        return {scene.name: partial(_spectra, scene, difference) for scene in pool}
    cubes = {}
    for scene in pool:
        cube = scene.window(0, 0, scene.height, scene.width)
        cube = smoothed_cube(_second_minus_first(cube) if difference else cube, scene.valid, sigma)
        cubes[scene.name] = cube.reshape(-1, cube.shape[-1])
    trained = np.concatenate([cubes[scene.name][scene.split.train] for scene in pool])
    scale = max(float(trained.std()), np.finfo(np.float32).tiny)
    for cube in cubes.values():
        cube /= scale
    return {name: cube.__getitem__ for name, cube in cubes.items()}


def _spectra(scene, difference: bool, indices: np.ndarray) -> np.ndarray:
    return _second_minus_first(scene.pixels(indices)) if difference else scene.pixels(indices)


def _second_minus_first(values: np.ndarray) -> np.ndarray:
    bands = values.shape[-1] // 2
    return values[..., bands:] - values[..., :bands]


def _make_estimator(estimator, seed: int, folds: int, bands: int, standardise: bool) -> tuple[BaseEstimator, dict]:
    if callable(estimator):
        return estimator(seed), {'estimator': getattr(estimator, '__name__', repr(estimator)), 'seed': seed}
    settings = {'estimator': estimator, 'seed': seed}
    if estimator == 'forest':
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(n_estimators=500, random_state=seed), settings
    if estimator != 'svm':
        raise ValueError(f"estimator must be 'svm', 'forest' or a function of the seed, found {estimator!r}")
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler
    from sklearn.svm import SVC

    scaler = StandardScaler() if standardise else FunctionTransformer()
    if folds < 2:
        print_log(
            'a class has a single training pixel: no cross-validation, the SVM takes C 100 and gamma 1 / bands',
            'current',
            logging.WARNING,
        )
        settings.update(C=100.0, gamma=1.0 / bands)
        return make_pipeline(scaler, SVC(C=100.0, gamma=1.0 / bands)), settings
    search = GridSearchCV(
        make_pipeline(scaler, SVC(cache_size=500)), SVM_GRID, cv=StratifiedKFold(folds, shuffle=True, random_state=seed)
    )
    return search, dict(settings, folds=folds)
