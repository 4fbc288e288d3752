"""Running classical methods on the same scene after a test."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from mmhsi.engine.hooks.scene_result_hook import results_folder
from mmhsi.engine.runner_parts import scene_results
from mmhsi.registry import HOOKS
from mmhsi.tasks import make_task, task_name
from mmhsi.tasks.contest import Outcome, contest_table, run_contest
from mmhsi.utils.files import json_number, parse_json


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
        results = scene_results(runner)
        task = make_task(task_name(runner.cfg))
        test = task.classical_test(runner.cfg) if results and task.score is not None else None
        compared = test and test.of_network(results, metrics or {})
        if compared is None:
            runner.logger.info(
                'Classical methods are compared on a scene or a set of them, or not at all for this task.'
            )
            return
        self._tell(runner, task, *compared, run_contest(test, self.titles))

    def _tell(self, runner, task, name: str, own: Mapping, parts: Mapping, outcomes: Mapping) -> None:
        score, larger = task.score
        ours = 'the recommended whole' if parts else 'the network'
        table, sentence = contest_table(ours, own, outcomes, score, larger, parts)
        for title, outcome in outcomes.items():
            if outcome.failure is not None:
                runner.logger.warning(f'{title} was not run on scene {name!r}: {outcome.failure}')
        runner.logger.info(f'Scene {name!r}, {ours} and classical methods:\n{table.get_string()}\n{sentence}')
        _add(results_folder(runner) / 'metrics.json', outcomes, parts, (score, larger), sentence)


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
