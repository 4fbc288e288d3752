"""A cell with a classical method on the test scene of a config."""

from collections.abc import Mapping

from mmengine.config import Config

from mmhsi.comparison.cost import Stopwatch
from mmhsi.comparison.records import plain_scores, split_record
from mmhsi.tasks import make_task, task_name
from mmhsi.tasks.contest import Contestant


def run_classical(cfg: Config, method: str, options: Mapping) -> tuple[dict, dict]:
    """Evaluate a classical method on the test data of a config, like its network.

    Args:
        cfg (Config): The whole config.
        method (str): Name of a method of the task, see :meth:`mmhsi.tasks.Task.classical_test`.
        options (Mapping): Arguments of the method.

    Returns:
        tuple[dict, dict]: The record of the run, and the results of its scenes by name. The seconds include training
        and test.

    Raises:
        ValueError: If the method is unknown.
    """
    test = make_task(task_name(cfg)).classical_test(cfg)
    if method not in test.methods:
        raise ValueError(
            f'{cfg.filename}: unknown method {method!r}; for scene {test.scenes[0].name!r} there are '
            f'{", ".join(test.methods)}'
        )
    with Stopwatch('cpu') as watch:
        outcome = test.run(Contestant(method, method, options))
    results = outcome.results
    if outcome.result is None:
        raise ValueError(f'{cfg.filename}: classical methods are compared on a single scene, found {len(results)}')
    settings = next((result.settings for result in results.values() if getattr(result, 'settings', None)), {})
    return dict(
        scores=plain_scores(outcome.scores),
        split=split_record(test.scenes[0].split) if len(test.scenes) == 1 else None,
        parameters=None,
        flops=None,
        samples=test.samples,
        train_seconds=watch.seconds,
        train_wall_seconds=watch.wall_seconds,
        test_seconds=None,
        test_wall_seconds=None,
        chosen={key: value for key, value in settings.items() if isinstance(value, (str, int, float, bool))},
    ), dict(results)
