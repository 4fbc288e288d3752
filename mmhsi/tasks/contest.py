"""The classical methods that a network is compared with, each with suitable settings."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmengine.logging import print_log
from prettytable import PrettyTable

from mmhsi.datasets import get_scenes
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
    """Result of a contestant on a scene.

    Attributes:
        scores (dict[str, float]): Its scores by name.
        seconds (float): Run time.
        result (Any): The whole result; None if it failed.
        failure (str, optional): Why it failed.
    """

    scores: dict[str, float]
    seconds: float
    result: Any = None
    failure: str | None = None


def run_contest(
    task: Task, scene_cfg: Mapping, evaluate_on: str | None = None, titles: Sequence[str] | None = None
) -> dict[str, Outcome]:
    """Evaluate the contestants of a task on a scene, or on the scenes of a set together, as a network is evaluated.

    If a method refuses the scene, its error message is kept instead of scores.

    Args:
        task (Task): The task.
        scene_cfg (Mapping): Config of the scene or scenes.
        evaluate_on (str, optional): Subset that is evaluated. Defaults to that of the methods.
        titles (Sequence[str], optional): Contestants to evaluate. Defaults to all.

    Returns:
        dict[str, Outcome]: Outcomes by the title of the contestant.
    """
    scenes = get_scenes(dict(scene_cfg))
    outcomes = {}
    chosen = [each for each in task.contestants(scenes[0]) if titles is None or each.title in titles]
    for number, contestant in enumerate(progress_bar(chosen, 'classical methods', 'methods', after=2.0), 1):
        print_log(f'Classical method {number} of {len(chosen)}: {contestant.title}', 'current')
        start = time.perf_counter()
        try:
            own = _prepared(scenes, scene_cfg, contestant)
            results = list(task.run_method(own, contestant.method, evaluate_on, **contestant.options).values())
            result = results[0] if len(results) == 1 else task.pooled(results)
        except (ValueError, ArithmeticError, MemoryError) as error:
            outcomes[contestant.title] = Outcome({}, time.perf_counter() - start, failure=str(error))
            continue
        outcomes[contestant.title] = Outcome(scalar_scores(result), time.perf_counter() - start, result)
    return outcomes


def scalar_scores(result: Any) -> dict[str, float]:
    """The scores of a result that are single numbers, by name."""
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


def _prepared(scenes: Sequence, scene_cfg: Mapping, contestant: Contestant) -> Sequence:
    if contestant.preprocessing is None:
        return scenes
    steps = [
        step
        for step in scene_cfg.get('preprocessing', ())[:1]
        if str(step.get('type')).rpartition('.')[2] == 'SelectBands'
    ]
    bands = get_scenes({**scene_cfg, 'preprocessing': steps})[0].view.dates[0].bands
    for step in contestant.preprocessing:
        steps.append({**step, 'n_components': bands} if step.get('n_components') == 'all' else dict(step))
    return get_scenes({**scene_cfg, 'preprocessing': steps})
