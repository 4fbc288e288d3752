"""Converting the records of cells to the rows of tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmhsi.classical import LEARNT_DETECTORS, LEARNT_TARGET_DETECTORS
from mmhsi.comparison.statistics import holm, mean_and_std, paired_difference, paired_t_test, wilcoxon_test
from mmhsi.comparison.suite import BEST_CLASSICAL, Suite

_ERRORS = {'mSAD', 'aMSE', 'aRMSE', 'RMSE_overall', 'RMSE', 'SAM', 'ERGAS', 'NLL'}  # scores of which less is better


@dataclass
class Row:
    """A contestant in a setting.

    Attributes:
        contestant (str): Its name.
        records (dict[int, dict]): Finished records by seed.
        failed (dict[int, dict]): The others by seed.
        tests (dict[str, float]): p of the paired tests against the reference by name, 'Holm' that of the t test,
            adjusted for the number of contestants; empty for the reference itself.
        difference (tuple[float, float], optional): Mean difference from the reference over the common seeds, and half
            the width of its 95 % confidence interval.
        leakage (float, optional): Advantage of the customary setting, averaged over the common seeds.
    """

    contestant: str
    records: dict[int, dict]
    failed: dict[int, dict]
    tests: dict[str, float] = field(default_factory=dict)
    leakage: float | None = None
    difference: tuple[float, float] | None = None

    def values(self, score: str) -> dict[int, float]:
        """The defined values of a score by seed."""
        found = {seed: record['scores'].get(score) for seed, record in self.records.items()}
        return {seed: value for seed, value in found.items() if value is not None}

    def mean(self, *keys: str) -> float | None:
        """Mean over the seeds of an entry of the records; None if none has it."""
        found = []
        for record in self.records.values():
            value = record
            for key in keys:
                value = (value or {}).get(key)
            if value is not None:
                found.append(value)
        return float(np.mean(found)) if found else None


def summarise(suite: Suite, records: Sequence[dict]) -> dict[str, list[Row]]:
    """The rows of each setting, in the order of the suite.

    Args:
        suite (Suite): The suite.
        records (Sequence[dict]): Records of its cells.

    Returns:
        dict[str, list[Row]]: Rows by setting; settings without any record are left out.
    """
    table: dict[str, list[Row]] = {}
    for setting in suite.settings:
        own = [record for record in records if record['setting'] == setting]
        names = dict.fromkeys(record['contestant'] for record in own)
        rows = [Row(name, *_by_state(record for record in own if record['contestant'] == name)) for name in names]
        if rows:
            table[setting] = rows
            _compare(rows, reference_of(suite, setting, rows), main_score(suite, setting))
    for setting, rows in table.items():
        customary = suite.settings[setting].get('customary')
        others = {row.contestant: row for row in table.get(customary, ())}
        for row in rows:
            if row.contestant in others:
                row.leakage = _gap(others[row.contestant], row, main_score(suite, setting))
    return table


def main_score(suite: Suite, setting: str) -> str:
    """The score of a setting that tests and plots compare."""
    return next(iter(suite.scores_of(setting)))


def reference_of(suite: Suite, setting: str, rows: Sequence[Row]) -> Row | None:
    """The row with which the others of a setting are compared: the reference of the suite, else the best row."""
    score = main_score(suite, setting)
    finished = [row for row in rows if row.values(score)]
    if suite.reference == BEST_CLASSICAL:
        classical = [row for row in finished if any(_is_classical(record) for record in row.records.values())]
        finished = classical or finished
    elif any(row.contestant == suite.reference for row in finished):
        return next(row for row in finished if row.contestant == suite.reference)
    sign = -1 if score in _ERRORS else 1
    return max(finished, key=lambda row: sign * mean_and_std(list(row.values(score).values()))[0], default=None)


def _is_classical(record: dict) -> bool:
    """Whether a record is of a method that is no network, not even one that is trained on the test scene."""
    return bool(record.get('method')) and record['method'] not in (*LEARNT_DETECTORS, *LEARNT_TARGET_DETECTORS)


def split_conflicts(records: Iterable[dict]) -> list[str]:
    """Messages on cells of one setting and seed with different splits."""
    hashes: dict[tuple[str, int], dict[str, str]] = {}
    for record in records:
        if record['status'] == 'done' and record.get('split'):
            hashes.setdefault((record['setting'], record['seed']), {})[record['contestant']] = record['split']['hash']
    return [
        f'{setting}, seed {seed}: the splits differ: ' + ', '.join(f'{name} {key}' for name, key in own.items())
        for (setting, seed), own in hashes.items()
        if len(set(own.values())) > 1
    ]


def _by_state(records: Iterable[dict]) -> tuple[dict[int, dict], dict[int, dict]]:
    done: dict[int, dict] = {}
    failed: dict[int, dict] = {}
    for record in records:
        (done if record['status'] == 'done' else failed)[record['seed']] = record
    return done, failed


def _gap(customary: Row, strict: Row, score: str) -> float | None:
    first, second = customary.values(score), strict.values(score)
    common = sorted(set(first) & set(second))
    return float(np.mean([first[seed] - second[seed] for seed in common])) if common else None


def _compare(rows: Sequence[Row], reference: Row | None, score: str) -> None:
    if reference is None:
        return
    own = reference.values(score)
    for row in rows:
        values = row.values(score)
        common = sorted(set(values) & set(own))
        if row is reference or not common:
            continue
        pair = [values[seed] for seed in common], [own[seed] for seed in common]
        row.difference = paired_difference(*pair)
        row.tests = {'t': paired_t_test(*pair), 'Wilcoxon': wilcoxon_test(*pair)}
    tested = [row for row in rows if row.tests]
    for row, adjusted in zip(tested, holm([row.tests['t'] for row in tested]), strict=True):
        row.tests['Holm'] = adjusted
