"""Classical denoising and enlargement of the images of a dataset, evaluated like networks."""

from collections.abc import Callable, Mapping

import numpy as np
from mmengine.config import ConfigDict

from mmhsi.classical import DENOISERS, ENLARGEMENTS
from mmhsi.evaluation import RestorationMetric, RestorationResult
from mmhsi.registry import DATASETS, component_name
from mmhsi.utils.imresize import imresize

_PACKING = 'PackRestoration'


def restoration_methods(scale: int) -> Mapping[str, Callable]:
    """Methods by name: denoisers at scale 1, f(image (H, W, C), **options), else enlargements, f(image, scale)."""
    return DENOISERS if scale == 1 else ENLARGEMENTS


def restoration_dataset(cfg: ConfigDict):
    """The test dataset of a config, without the packing of its samples into tensors.

    Args:
        cfg (ConfigDict): Config of the dataset.

    Returns:
        HSIDataset: Its samples hold 'img' (h, w, C) and, unless there is no clean image, 'gt' (H, W, C).
    """
    steps = [step for step in cfg.get('pipeline', ()) if component_name(step) != _PACKING]
    return DATASETS.build({**cfg, 'pipeline': steps})


def evaluate_restorer(
    dataset, method: str | Callable, metric: RestorationMetric | None = None, **options
) -> tuple[dict[str, RestorationResult], dict[str, float]]:
    """Restore all images of a dataset with an untrained method, and score them.

    Args:
        dataset (Dataset): Samples with 'img' (h, w, C), 'name' and, unless there is no clean image, 'gt' (H, W, C), as
            of :func:`restoration_dataset`.
        method (str | Callable): Name of :func:`restoration_methods` at the scale of the metric, or a function of the
            image, and of the scale unless it is 1.
        metric (RestorationMetric, optional): The metric. Defaults to denoising of values in [0, 1].
        **options: Further arguments of the method.

    Returns:
        tuple[dict[str, RestorationResult], dict[str, float]]: Results by the name of the image, with ``method`` and
        ``options`` in their settings, and the mean scores.

    Raises:
        ValueError: If the method is unknown or refuses an image.
    """
    metric = RestorationMetric() if metric is None else metric
    scale = metric.options['scale']
    methods = restoration_methods(scale)
    if isinstance(method, str) and method not in methods:
        raise ValueError(f'the method is {method!r}, expected one of {", ".join(methods)} or a function')
    restore = methods[method] if isinstance(method, str) else method
    settings = dict(
        method=method if isinstance(method, str) else getattr(method, '__name__', repr(method)), options=options
    )
    for index in range(len(dataset)):
        sample = dataset[index]
        image = sample['img']
        restored = restore(image, **options) if scale == 1 else restore(image, scale, **options)
        degraded = image if scale == 1 else sample.get('enlarged', None)
        metric.add(
            index,
            sample['name'],
            np.asarray(restored, np.float32),
            sample.get('gt'),
            imresize(image, scale) if degraded is None else degraded,
            settings=settings,
            **{key: sample[key] for key in ('scene_name', 'scale', 'top', 'left') if key in sample},
        )
    scores = metric.evaluate(len(dataset))
    return metric.scene_results, scores
