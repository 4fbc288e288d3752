"""Running classical methods on the same scene after a test."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from mmhsi.datasets import get_scenes
from mmhsi.engine.hooks.scene_result_hook import results_folder
from mmhsi.evaluation import RestorationMetric
from mmhsi.evaluation.json_values import json_number
from mmhsi.registry import HOOKS
from mmhsi.tasks import Task, make_task, task_name
from mmhsi.tasks.contest import Outcome, contest_table, run_contest, scalar_scores
from mmhsi.tasks.restoration import RestorationTask
from mmhsi.tasks.restorers import evaluate_restorer, restoration_dataset
from mmhsi.tasks.task import test_dataset, test_metric
from mmhsi.utils.files import parse_json


@HOOKS.register_module()
class ClassicalHook(Hook):
    """Run the classical methods of the task on the test scene, and compare the network with them.

    Scenes that are one set of data are compared by their pooled scores.

    Each method runs with the settings from :meth:`mmhsi.tasks.Task.contestants`. The table and a sentence are logged;
    ``classical`` and ``comparison`` are added to ``metrics.json`` of the results. ``classical=None`` among the hooks of
    the config, or ``--no-classical`` of ``tools/test.py``, disables this.

    Args:
        titles (Sequence[str], optional): Contestants to run. Defaults to all.
    """

    priority = 'LOWEST'  # after the results are written

    def __init__(self, titles: Sequence[str] | None = None) -> None:
        self.titles = titles

    def after_test_epoch(self, runner, metrics: dict | None = None) -> None:
        """Run them, on the main process."""
        if not is_main_process():
            return
        results: dict = {}
        for metric in runner.test_evaluator.metrics:
            results.update(getattr(metric, 'scene_results', {}))
        dataset = test_dataset(runner.cfg)
        task = make_task(task_name(runner.cfg))
        if isinstance(task, RestorationTask) and results:
            self._restore(runner, task, results, metrics or {})
            return
        result = _one_result(task, list(results.values()), dataset)
        if result is None:
            runner.logger.info(
                'Classical methods are compared on a scene or a set of them, or not at all for this task.'
            )
            return
        single = len(results) == 1
        name = next(iter(results)) if single else result.name
        subset = dataset.get('evaluate_on') or (None if dataset.get('subset', 'all') == 'all' else dataset['subset'])
        outcomes = run_contest(task, dataset['scene'], subset, self.titles)
        parts = dict(getattr(result, 'settings', {}).get('parts', {})) if single else {}
        self._tell(runner, task, name, scalar_scores(result), outcomes, parts)

    def _restore(self, runner, task: RestorationTask, results: Mapping, metrics: Mapping) -> None:
        """The same for restored images, whose scores are means over all of them."""
        dataset = restoration_dataset(runner.cfg.test_dataloader.dataset)
        options = {key: value for key, value in test_metric(runner.cfg).items() if key not in ('type', 'scene')}
        titles = [name for name in task.restorers if self.titles is None or name in self.titles]
        outcomes = {}
        for title in titles:
            start = time.perf_counter()
            try:
                found, scores = evaluate_restorer(dataset, title, RestorationMetric(**options))
            except (ValueError, ArithmeticError, MemoryError) as error:
                outcomes[title] = Outcome({}, time.perf_counter() - start, failure=str(error))
                continue
            outcomes[title] = Outcome(scores, time.perf_counter() - start, next(iter(found.values())))
        each = [result.settings['parts'] for result in results.values() if result.settings.get('parts')]
        parts = {
            part: {
                name: float(np.mean([image[part][name] for image in each]))
                for name in each[0][part]
                if all(name in image[part] for image in each)
            }
            for part in (each[0] if each else ())
        }
        own = {name: float(value) for name, value in metrics.items() if not name.startswith('input_')}
        self._tell(runner, task, ', '.join(results), own, outcomes, parts)

    def _tell(self, runner, task, name: str, own: Mapping, outcomes: Mapping, parts: Mapping) -> None:
        score, larger = task.score
        ours = 'the recommended whole' if parts else 'the network'
        table, sentence = contest_table(ours, own, outcomes, score, larger, parts)
        for title, outcome in outcomes.items():
            if outcome.failure is not None:
                runner.logger.warning(f'{title} was not run on scene {name!r}: {outcome.failure}')
        runner.logger.info(f'Scene {name!r}, {ours} and classical methods:\n{table.get_string()}\n{sentence}')
        _add(results_folder(runner) / 'metrics.json', outcomes, parts, (score, larger), sentence)


def _one_result(task: Task, results: list, dataset: Mapping) -> Any:
    if not results or not isinstance(dataset.get('scene'), Mapping) or task.score is None:
        return None
    if len(results) == 1:
        return results[0]
    pool = get_scenes(dict(dataset['scene']))
    return task.pooled(results) if len(pool) == len(results) else None


def _add(
    path: Path, outcomes: Mapping[str, Outcome], parts: Mapping[str, Mapping], decisive: tuple[str, bool], sentence: str
) -> None:
    content = parse_json(path.read_text(encoding='utf-8')) if path.is_file() else {}
    content['classical'] = {
        title: dict(
            scores=json_values(outcome.scores),
            seconds=round(outcome.seconds, 2),
            failure=outcome.failure,
            settings=_plain(getattr(outcome.result, 'settings', {})),
        )
        for title, outcome in outcomes.items()
    }
    content['parts'] = {title: json_values(scores) for title, scores in parts.items()}
    content['comparison'] = dict(score=decisive[0], larger_is_better=decisive[1], sentence=sentence)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + '\n', encoding='utf-8')


def json_values(scores: Mapping[str, float]) -> dict:
    """Scores by name; undefined ones become null."""
    return {name: json_number(value) for name, value in scores.items()}


def _plain(settings: Mapping) -> dict:
    return {key: value for key, value in settings.items() if isinstance(value, (str, int, float, bool, Mapping))}
