"""Classical denoising and enlargement of the images of a dataset, evaluated like networks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from mmengine.config import Config, ConfigDict

from mmhsi.classical import DENOISERS, ENLARGEMENTS
from mmhsi.datasets.scenes.scene_lookup import find_scenes
from mmhsi.evaluation import RestorationMetric, RestorationResult
from mmhsi.registry import DATASETS, METRICS, component_name
from mmhsi.tasks.contest import Contestant, Outcome, SceneTest
from mmhsi.tasks.task import test_metric
from mmhsi.utils.imresize import imresize

if TYPE_CHECKING:
    from mmhsi.tasks.restoration import RestorationTask

_PACKING = 'PackRestoration'


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
        method (str | Callable): Name of a denoiser or, where the metric has a scale, of an enlargement; or a function
            of the image, and of the scale unless it is 1.
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
    methods: Mapping[str, Callable] = DENOISERS if scale == 1 else ENLARGEMENTS
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


class ImageTest(SceneTest):
    """The images that the test of a restoration network restores, for classical methods.

    Args:
        task (RestorationTask): The task.
        cfg (Config): The whole config.

    Attributes:
        scenes (list[BaseScene]): The scenes that the images are cut from.
    """

    task: RestorationTask

    def __init__(self, task: RestorationTask, cfg: Config) -> None:
        self.task = task
        self._dataset = restoration_dataset(cfg.test_dataloader.dataset)
        self._metric = test_metric(cfg)
        self.scenes = find_scenes(self._dataset)

    @property
    def methods(self) -> list[str]:
        """Names of the methods of the task; all of them need nothing but the images."""
        return list(self.task.restorers)

    default_methods = methods

    @property
    def contestants(self) -> list[Contestant]:
        """All methods."""
        return [Contestant(name, name) for name in self.methods]

    @property
    def samples(self) -> int:
        """Number of images."""
        return len(self._dataset)

    def run(self, contestant: Contestant) -> Outcome:
        """Restore and score all images."""
        start = time.perf_counter()
        metric = METRICS.build(self._metric)
        results, scores = evaluate_restorer(self._dataset, contestant.method, metric, **contestant.options)
        return Outcome(scores, time.perf_counter() - start, next(iter(results.values())), results=results)

    def rows(self, method: str, outcome: Outcome) -> list[tuple[str, str, dict[str, float], float | None]]:
        """A row of the mean scores, after that of the degraded images."""
        images, scores = f'{self.samples} images', outcome.scores
        degraded = {name[len('input_') :]: value for name, value in scores.items() if name.startswith('input_')}
        return [('input', images, degraded, 0.0), (method, images, _restored(scores), outcome.seconds)]

    def of_network(
        self, results: Mapping[str, Any], metrics: Mapping[str, float]
    ) -> tuple[str, dict[str, float], dict[str, dict[str, float]]]:
        """The names of the images, and mean scores."""
        each = [result.settings['parts'] for result in results.values() if result.settings.get('parts')]
        parts = {
            part: {
                name: float(np.mean([image[part][name] for image in each]))
                for name in each[0][part]
                if all(name in image[part] for image in each)
            }
            for part in (each[0] if each else ())
        }
        return ', '.join(results), {name: float(value) for name, value in _restored(metrics).items()}, parts


def _restored(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in scores.items() if not name.startswith('input_')}
