"""Classical target and anomaly detectors on a scene, evaluated like networks."""

from mmhsi.classical import ANOMALY_DETECTORS, TARGET_DETECTORS
from mmhsi.evaluation import DetectionResult

COARSE = 'coarse'
"""Name of the coarse map of a scene among the methods."""


def evaluate_detector(
    scene, method: str, threshold: float | None = None, evaluate_on: str = 'labelled', **options
) -> DetectionResult:
    """Score every pixel of a scene with an untrained detector, without using labels.

    A target detector uses the target spectrum of the scene, which may come from its ground truth. The detector sees all
    valid pixels after the preprocessing of the scene. The scores are evaluated on the same pixels and by the same
    functions as those of a network, so they can be compared.

    Args:
        scene (DetectionScene): The scene.
        method (str): A key of :data:`mmhsi.classical.TARGET_DETECTORS` ('cem', 'ace', 'mf', 'sam', 'osp') or of
            :data:`mmhsi.classical.ANOMALY_DETECTORS` ('rx', 'local_rx', 'crd'), 'tsttd' or 'auto_ad', which train on
            the scene for minutes, or 'coarse' for the coarse map that the pseudo-labels of the scene come from.
        threshold (float, optional): Pixels that score more are detected. Defaults to None: only scores, no binary map.
        evaluate_on (str): Subset that is evaluated, see :meth:`mmhsi.datasets.BaseScene.subset`. Defaults to
            'labelled'.
        **options: Further arguments of the detector, e.g. the windows of 'local_rx'.

    Returns:
        DetectionResult: The score map of all valid pixels, evaluated on the subset; ``settings`` holds the ``detector``
        and its ``options``.

    Raises:
        TypeError: If the scene is not one for detection.
        ValueError: If the method is unknown, a detector refuses its input, or the scene has no target spectrum or no
            coarse map where the method needs it.
    """
    if not hasattr(scene, 'detect'):
        raise TypeError(f'a detector needs a DetectionScene, found {type(scene).__name__}')
    if method == COARSE:
        if options:
            raise ValueError(f'the coarse map takes no options, found {", ".join(options)}')
        scores = scene.coarse
    else:
        scores = scene.detect(method, **options)
    return DetectionResult.evaluate(
        scene.name,
        scores,
        scene.subset_labels(evaluate_on),
        threshold=threshold,
        classes=scene.classes,
        palette=scene.palette,
        settings=dict(detector=method, options=options),
    )


def detectors_for(scene) -> tuple[str, ...]:
    """Names of the classical detectors that suit a scene: target detectors if it has a target spectrum, else anomaly
    detectors; not those of its coarse map."""
    return tuple(ANOMALY_DETECTORS if scene.target_spectrum is None else TARGET_DETECTORS)
