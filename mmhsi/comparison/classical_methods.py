"""What can be evaluated on a scene without training a network, by the kind of scene.

Another task registers a function of its kind of scene with ``classical_methods.register``.
"""

from collections.abc import Callable
from functools import partial, singledispatch

from mmhsi.classical import ANOMALY_DETECTORS, CHANGE_DETECTORS, TARGET_DETECTORS
from mmhsi.comparison.classical import evaluate_pixel_classifier
from mmhsi.comparison.classical_change import evaluate_change_detector
from mmhsi.comparison.classical_detection import COARSE, detectors_for, evaluate_detector
from mmhsi.comparison.classical_unmixing import UNMIXING_METHODS, evaluate_unmixer
from mmhsi.datasets import DetectionScene, PairScene, Scene, UnmixingScene


@singledispatch
def classical_methods(scene) -> dict[str, Callable]:
    """Functions by the name of the method that evaluate it on a scene; those that come first suit the scene best.

    Args:
        scene (Scene | DetectionScene | PairScene | UnmixingScene): The scene.

    Returns:
        dict[str, Callable]: f(scene, evaluate_on=None, **options) → SceneResult, DetectionResult, ChangeResult or
        UnmixingResult. ``evaluate_on`` names the subset of pixels that is evaluated.

    Raises:
        TypeError: If there is no method for this kind of scene.
    """
    raise TypeError(f'there is no classical method for a scene of type {type(scene).__name__}')


@classical_methods.register
def _(scene: Scene) -> dict[str, Callable]:
    return {name: partial(_classify_pixels, estimator=name) for name in ('svm', 'forest')}


@classical_methods.register
def _(scene: DetectionScene) -> dict[str, Callable]:
    names = dict.fromkeys((*detectors_for(scene), COARSE, *TARGET_DETECTORS, *ANOMALY_DETECTORS))
    return {name: partial(_detect, method=name) for name in names}


@classical_methods.register
def _(scene: PairScene) -> dict[str, Callable]:
    return {name: partial(evaluate_change_detector, method=name) for name in CHANGE_DETECTORS}


@classical_methods.register
def _(scene: UnmixingScene) -> dict[str, Callable]:
    return {name: partial(evaluate_unmixer, method=name) for name in UNMIXING_METHODS}


def default_methods(scene) -> list[str]:
    """Names of the methods that need nothing beyond the scene; of several kinds of detectors those that suit it."""
    return list(detectors_for(scene) if isinstance(scene, DetectionScene) else classical_methods(scene))


def _classify_pixels(scene, evaluate_on: str | None = None, **options):
    if evaluate_on not in (None, 'test'):
        raise ValueError(f'pixel classifiers are evaluated on the test pixels, not on {evaluate_on!r}')
    return evaluate_pixel_classifier(scene, **options)


def _detect(scene, evaluate_on: str | None = None, **options):
    return evaluate_detector(scene, evaluate_on=evaluate_on or 'labelled', **options)
