"""Interpolation as the baseline of super-resolution, evaluated as the networks are."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from mmhsi.classical import ENLARGEMENTS
from mmhsi.evaluation import RestorationResult


def evaluate_enlargement(samples: Iterable[Mapping],
                         method: str | Callable = 'bicubic',
                         scale: int = 2,
                         **options) -> dict[str, RestorationResult]:
    """Enlarge the small images of a test by interpolation and score the results.

    Args:
        samples (Iterable[Mapping]): What a dataset gives without ``PackRestoration``: 'img' (h, w, C), 'name', and, as
            far as there are, 'gt' and 'enlarged' (s h, s w, C).
        method (str | Callable): Key of :data:`mmhsi.classical.ENLARGEMENTS`, or f(image (h, w, C), scale) → (s h, s w,
            C). Defaults to 'bicubic'.
        scale (int): Factor s of both sides. Defaults to 2.
        **options: ``data_range``, ``ergas_ratio``, ``skip_zeros``; see :class:`mmhsi.evaluation.RestorationResult`.

    Returns:
        dict[str, RestorationResult]: The scored images by name; the scores of the input are those of 'enlarged', or of
        the bicubic image.

    Raises:
        ValueError: If the method is unknown, or a true image is not ``scale`` times as large as the small one.
    """
    if isinstance(method, str) and method not in ENLARGEMENTS:
        raise ValueError(f'the method is {method!r}, expected one of {", ".join(ENLARGEMENTS)} or a function')
    enlarge = ENLARGEMENTS[method] if isinstance(method, str) else method
    results = {}
    for sample in samples:
        image, name = sample['img'], sample['name']
        bicubic = sample['enlarged'] if 'enlarged' in sample else ENLARGEMENTS['bicubic'](image, scale)
        results[name] = RestorationResult.evaluate(
            name, np.asarray(enlarge(image, scale)), sample.get('gt'), bicubic, scale=scale,
            scene_name=sample.get('scene_name'), **options)
    return results
