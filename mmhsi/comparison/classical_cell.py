"""A cell with a classical method on the test scene of a config."""

from collections.abc import Mapping

from mmengine.config import Config

from mmhsi.comparison.cost import Stopwatch
from mmhsi.comparison.records import plain_scores, split_record
from mmhsi.engine.hooks.scene_lookup import find_scenes
from mmhsi.registry import DATASETS, METRICS, component_name
from mmhsi.tasks import classical_methods, task_of_scene
from mmhsi.tasks.restorers import evaluate_restorer, restoration_dataset


def run_classical(cfg: Config, method: str, options: Mapping) -> tuple[dict, dict]:
    """Evaluate a classical method on the test scenes of a config, like its network.

    Args:
        cfg (Config): The whole config.
        method (str): A name of :func:`mmhsi.tasks.classical_methods`, or of
            :func:`mmhsi.tasks.restorers.restoration_methods` for restoration.
        options (Mapping): Arguments of the method.

    Returns:
        tuple[dict, dict]: The record of the run, and the results of its scenes by name. The seconds include training
        and test.

    Raises:
        ValueError: If the method is unknown.
    """
    evaluator = cfg.test_evaluator
    if isinstance(evaluator, Mapping) and component_name(evaluator) == 'RestorationMetric':
        dataset = restoration_dataset(cfg.test_dataloader.dataset)
        with Stopwatch('cpu') as watch:
            results, scores = evaluate_restorer(dataset, method, METRICS.build(evaluator), **options)
    else:
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
        subset = getattr(dataset, 'evaluate_on', None) or (None if dataset.subset == 'all' else dataset.subset)
        scenes = find_scenes(dataset)
        known = classical_methods(scenes[0])
        if method not in known:
            raise ValueError(
                f'{cfg.filename}: unknown method {method!r}; for scene {scenes[0].name!r} there are {", ".join(known)}'
            )
        task = task_of_scene(scenes[0])
        with Stopwatch('cpu') as watch:
            results = task.run_method(scenes, method, subset, **options)
        listed = list(results.values())
        result = listed[0] if len(listed) == 1 else task.pooled(listed)
        if result is None:
            raise ValueError(f'{cfg.filename}: classical methods are compared on a single scene, found {len(results)}')
        scores = {key: value for key, value in result.summary().items() if isinstance(value, (int, float))}
        scores.setdefault('AUC', getattr(result, 'settings', {}).get('AUC'))  # a change detector has its own
    scenes = find_scenes(dataset)
    settings = next((result.settings for result in results.values() if getattr(result, 'settings', None)), {})
    return dict(
        scores=plain_scores({key: value for key, value in scores.items() if value is not None}),
        split=split_record(scenes[0].split) if len(scenes) == 1 else None,
        parameters=None,
        flops=None,
        samples=len(dataset),
        train_seconds=watch.seconds,
        train_wall_seconds=watch.wall_seconds,
        test_seconds=None,
        test_wall_seconds=None,
        chosen={key: value for key, value in settings.items() if isinstance(value, (str, int, float, bool))},
    ), results
