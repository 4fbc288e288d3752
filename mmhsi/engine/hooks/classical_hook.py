"""After a test: what classical methods make of the same scenes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from mmhsi.registry import HOOKS
from mmhsi.tasks import make_task, task_name
from mmhsi.tasks.contest import Outcome, contest_table, run_contest, scalar_scores
from mmhsi.tasks.task import test_dataset


@HOOKS.register_module()
class ClassicalHook(Hook):
    """Run the classical methods of the task on the scene of a test, and say how the network compares with them.

    Each method takes part in the form that :meth:`mmhsi.tasks.Task.contestants` declares. The table and a sentence are
    logged; ``classical`` and ``comparison`` are added to ``metrics.json`` of the results. ``classical=None`` among the
    hooks of the config, or ``--no-classical`` of ``tools/test.py``, leaves them out.

    Args:
        titles (Sequence[str], optional): Contestants that take part. Defaults to all.
        out_dir (str): Folder of the results below the log folder of the run. Defaults to 'results'.
    """

    priority = 'LOWEST'  # after the results are written

    def __init__(self, titles: Sequence[str] | None = None, out_dir: str = 'results') -> None:
        self.titles = titles
        self.out_dir = out_dir

    def after_test_epoch(self, runner, metrics: dict | None = None) -> None:
        """Run them, on the main process."""
        if not is_main_process():
            return
        results: dict = {}
        for metric in runner.test_evaluator.metrics:
            results.update(getattr(metric, 'scene_results', {}))
        dataset = test_dataset(runner.cfg)
        task = make_task(task_name(runner.cfg))
        if len(results) != 1 or not isinstance(dataset.get('scene'), Mapping) or task.score is None:
            runner.logger.info('Classical methods are compared on a single scene, or not at all for this task.')
            return
        name, result = next(iter(results.items()))
        subset = dataset.get('evaluate_on') or (None if dataset.get('subset', 'all') == 'all' else dataset['subset'])
        outcomes = run_contest(task, dataset['scene'], subset, self.titles)
        score, larger = task.score
        table, sentence = contest_table('the network', scalar_scores(result), outcomes, score, larger)
        for title, outcome in outcomes.items():
            if outcome.failure is not None:
                runner.logger.warning(f'{title} was not run on scene {name!r}: {outcome.failure}')
        runner.logger.info(f'Scene {name!r}, the network and classical methods:\n{table.get_string()}\n{sentence}')
        _add(Path(runner.log_dir) / self.out_dir / 'metrics.json', outcomes, score, sentence)


def _add(path: Path, outcomes: Mapping[str, Outcome], score: str, sentence: str) -> None:
    content = json.loads(path.read_text(encoding='utf-8')) if path.is_file() else {}
    content['classical'] = {
        title: dict(
            scores=outcome.scores,
            seconds=round(outcome.seconds, 2),
            failure=outcome.failure,
            settings=_plain(getattr(outcome.result, 'settings', {})),
        )
        for title, outcome in outcomes.items()
    }
    content['comparison'] = dict(score=score, sentence=sentence)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + '\n', encoding='utf-8')


def _plain(settings: Mapping) -> dict:
    return {key: value for key, value in settings.items() if isinstance(value, (str, int, float, bool, Mapping))}
