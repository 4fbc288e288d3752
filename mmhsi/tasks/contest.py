"""Classical methods on the test data of a config, evaluated like its network, and the table that compares them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmengine.config import Config
from mmengine.logging import print_log
from prettytable import PrettyTable

from mmhsi.datasets import get_scenes
from mmhsi.datasets.scenes.scene_lookup import find_scenes
from mmhsi.registry import DATASETS, component_name
from mmhsi.utils.progress import progress_bar

if TYPE_CHECKING:
    from mmhsi.tasks.task import Task


@dataclass(frozen=True)
class Contestant:
    """A classical method with suitable settings and preprocessing.

    Attributes:
        title (str): Name in tables.
        method (str): Name of :meth:`mmhsi.tasks.Task.methods`.
        options (Mapping): Its arguments.
        preprocessing (Sequence[Mapping], optional): Spectral transforms instead of those of the config, of which only a
            leading ``SelectBands`` is kept; ``n_components='all'`` stands for all bands. Defaults to None, those of the
            config.
    """

    title: str
    method: str
    options: Mapping = field(default_factory=dict)
    preprocessing: Sequence[Mapping] | None = None


@dataclass(frozen=True)
class Outcome:
    """Result of a contestant on the test data.

    Attributes:
        scores (dict[str, float]): Its scores by name, over all scenes or images; empty if they have no common scores.
        seconds (float): Run time.
        result (Any): The result of the only scene, or of all scenes together; for images, that of the first one; None
            if there is none.
        failure (str, optional): Why it failed.
        results (Mapping[str, Any]): Results by the name of the scene or image.
    """

    scores: dict[str, float]
    seconds: float
    result: Any = None
    failure: str | None = None
    results: Mapping[str, Any] = field(default_factory=dict)


class SceneTest:
    """The scenes that the test of a config evaluates, for classical methods.

    Args:
        task (Task): The task.
        cfg (Config): The whole config.

    Attributes:
        scenes (list[BaseScene]): The scenes, with fitted preprocessing.
        subset (str, optional): The subset of pixels that is evaluated; None for that of the methods.
    """

    def __init__(self, task: Task, cfg: Config) -> None:
        self.task, self._cfg = task, cfg
        self.scenes, self.subset = self._open()

    def _open(self, preprocessing: Sequence[Mapping] | None = None) -> tuple[list, str | None]:
        """Scenes and subset, with the preprocessing of the config or another one."""
        test = self._loader('test', preprocessing)
        if component_name(test) in ('TileDataset', 'WindowDataset'):  # only their scenes need no torch
            scenes = list(get_scenes(test['scene']))
            subset, chosen = test.get('subset', 'train'), test.get('evaluate_on')
        else:
            dataset = DATASETS.build(test)
            subset, chosen = dataset.subset, getattr(dataset, 'evaluate_on', None)
            scenes = find_scenes(dataset)
            if component_name(test) == 'WholeSceneDataset' and any(step.state_names for step in scenes[0].transforms):
                # many scenes are preprocessed by what the training scenes have in common, as the network sees them
                fitted = find_scenes(DATASETS.build(self._loader('train', preprocessing)))[0].state_dict()
                for scene in scenes:
                    scene.load_state_dict(fitted)
        for scene in scenes:
            scene.prepare()
        return scenes, chosen or (None if subset == 'all' else subset)

    def _loader(self, name: str, preprocessing: Sequence[Mapping] | None) -> dict:
        dataset = self._cfg[f'{name}_dataloader']['dataset']
        if preprocessing is None:
            return dataset
        return {**dataset, 'scene': {**dataset['scene'], 'preprocessing': preprocessing}}

    @property
    def methods(self) -> list[str]:
        """Names of the methods that the task has for the scenes."""
        return list(self.task.methods(self.scenes[0]))

    @property
    def default_methods(self) -> list[str]:
        """Names of those that need nothing beyond the scenes."""
        return self.task.default_methods(self.scenes[0])

    @property
    def contestants(self) -> Sequence[Contestant]:
        """The methods that a network is compared with."""
        return self.task.contestants(self.scenes[0])

    @property
    def samples(self) -> int:
        """Number of samples of the test dataset."""
        return len(DATASETS.build(self._loader('test', None)))

    def run(self, contestant: Contestant) -> Outcome:
        """Evaluate a method; raises what the method raises."""
        start = time.perf_counter()
        scenes = self.scenes
        if contestant.preprocessing is not None:
            scenes, _ = self._open(self._steps(contestant.preprocessing))
        results = self.task.run_method(scenes, contestant.method, self.subset, **contestant.options)
        _, whole = self._whole(results)
        return Outcome(scalar_scores(whole), time.perf_counter() - start, whole, results=results)

    def _steps(self, preprocessing: Sequence[Mapping]) -> list[Mapping]:
        steps = [
            step
            for step in self._loader('test', None)['scene'].get('preprocessing', ())[:1]
            if component_name(step) == 'SelectBands'
        ]
        if any(step.get('n_components') == 'all' for step in preprocessing):
            bands = self._open(steps)[0][0].view.dates[0].bands
            preprocessing = [
                {**step, 'n_components': bands} if step.get('n_components') == 'all' else step for step in preprocessing
            ]
        return [*steps, *map(dict, preprocessing)]

    def _whole(self, results: Mapping[str, Any]) -> tuple[str, Any]:
        """Name and result of a single scene, or of all scenes together; None if there is none."""
        listed = list(results.values())
        if len(listed) == 1:
            return next(iter(results)), listed[0]
        pooled = self.task.pooled(listed) if len(listed) == len(self.scenes) else None
        return getattr(pooled, 'name', ''), pooled

    def rows(self, method: str, outcome: Outcome) -> list[tuple[str, str, dict[str, float], float | None]]:
        """Rows of a table: method, scene, scores by name, and in the first row the seconds."""
        rows = [(name, scalar_scores(result)) for name, result in outcome.results.items()]
        if len(rows) > 1 and outcome.result is not None:
            rows.append((outcome.result.name, outcome.scores))
        return [
            (method, name, scores, None if number else outcome.seconds) for number, (name, scores) in enumerate(rows)
        ]

    def of_network(
        self, results: Mapping[str, Any], metrics: Mapping[str, float]
    ) -> tuple[str, dict[str, float], dict[str, dict[str, float]]] | None:
        """What classical methods are compared with.

        Args:
            results (Mapping[str, Any]): Results of the network by the name of the scene or image.
            metrics (Mapping[str, float]): The metrics of its test.

        Returns:
            tuple[str, dict, dict]: Name of the scene, the scores of the network, and those of the parts it was joined
            from, by name; None if several scenes have no common scores.
        """
        name, whole = self._whole(results)
        if whole is None:
            return None
        parts = {title: scalar_scores(part) for title, part in getattr(whole, 'parts', {}).items()}
        return name, scalar_scores(whole), parts


def run_contest(test: SceneTest, titles: Sequence[str] | None = None) -> dict[str, Outcome]:
    """Evaluate the contestants of a task on the test data of a config.

    If a method refuses them, its error message is kept instead of scores.

    Args:
        test (SceneTest): The test data, see :meth:`mmhsi.tasks.Task.classical_test`.
        titles (Sequence[str], optional): Contestants to evaluate. Defaults to all.

    Returns:
        dict[str, Outcome]: Outcomes by the title of the contestant.
    """
    outcomes = {}
    chosen = [each for each in test.contestants if titles is None or each.title in titles]
    for number, contestant in enumerate(progress_bar(chosen, 'classical methods', 'methods', after=2.0), 1):
        print_log(f'Classical method {number} of {len(chosen)}: {contestant.title}', 'current')
        start = time.perf_counter()
        try:
            outcomes[contestant.title] = test.run(contestant)
        except (ValueError, ArithmeticError, MemoryError) as error:
            outcomes[contestant.title] = Outcome({}, time.perf_counter() - start, failure=str(error))
    return outcomes


def scalar_scores(result: Any) -> dict[str, float]:
    """The scores of a result that are single numbers, by name; empty for None."""
    if result is None:
        return {}
    summary = result.summary()
    if summary.get('AUC') is None:
        summary['AUC'] = getattr(result, 'settings', {}).get('AUC')  # a change detector has its own
    return {
        name: float(value)
        for name, value in summary.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def contest_table(
    title: str,
    own: Mapping[str, float],
    outcomes: Mapping[str, Outcome],
    score: str,
    larger_is_better: bool,
    parts: Mapping[str, Mapping[str, float]] | None = None,
) -> tuple[PrettyTable, str]:
    """The table of a network and its contestants, best first, and a sentence that compares them.

    Args:
        title (str): Name of the network.
        own (Mapping[str, float]): Its scores.
        outcomes (Mapping[str, Outcome]): The contestants.
        score (str): The score to compare.
        larger_is_better (bool): Whether larger scores are better.
        parts (Mapping[str, Mapping[str, float]], optional): Scores of what a whole was joined from, by title.

    Returns:
        tuple[PrettyTable, str]: Table and sentence.
    """
    finished = {name: outcome.scores for name, outcome in outcomes.items() if score in outcome.scores}
    columns = [name for name in own if any(name in scores for scores in finished.values())]
    rows = {title: (own, None), **{name: (scores, outcomes[name].seconds) for name, scores in finished.items()}}
    rows.update({f'its part: {name}': (scores, None) for name, scores in (parts or {}).items()})
    order = sorted(
        rows,
        key=lambda name: rows[name][0].get(score, float('-inf' if larger_is_better else 'inf')),
        reverse=larger_is_better,
    )
    table = PrettyTable(['', *columns, 'seconds'], align='r')
    for name in order:
        scores, seconds = rows[name]
        table.add_row(
            [
                name,
                *(f'{scores[key]:.4f}' if key in scores else '-' for key in columns),
                '' if seconds is None else f'{seconds:.1f}',
            ]
        )
    for name, outcome in outcomes.items():
        if outcome.failure is not None:
            table.add_row([f'{name}: not run', *[''] * len(columns), ''])
    if not finished or score not in own:
        return table, f'No classical method has a {score} to compare with.'
    pick = max if larger_is_better else min
    best = pick(finished, key=lambda name: finished[name][score])
    ours, theirs = own[score], finished[best][score]
    if ours == theirs:
        return table, f'{title} and {best} are level: {score} {ours:.4f}.'
    ahead = (ours > theirs) == larger_is_better
    advice = '' if ahead else ' The simpler method is preferable here.'
    return table, (
        f'{title} is {"ahead of" if ahead else "behind"} the best classical method, {best}: {score} '
        f'{ours:.4f} against {theirs:.4f}.{advice}'
    )
