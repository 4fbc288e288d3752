"""Tables of a comparison as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from mmhsi.comparison.statistics import mean_and_std
from mmhsi.comparison.suite import Suite
from mmhsi.comparison.summary import Row, reference_of

_COSTS = {  # heading: entry of a record, divisor, decimals
    'parameters / 10^6': (('parameters',), 1e6, 3),
    'FLOPs / 10^9': (('flops',), 1e9, 3),
    'training / s': (('train_seconds',), 1, 0),
    'test / s': (('test_seconds',), 1, 1),
    'memory / MiB': (('peak_memory', 'memory'), 1, 0),
    'device memory / MiB': (('peak_memory', 'device_memory'), 1, 0),
}
_LATEX = {'&': r'\&', '%': r'\%', '_': r'\_', '#': r'\#', '$': r'\$', '^': r'\^{}', '±': r'$\pm$', '<': r'$<$'}


def columns(suite: Suite, setting: str, rows: Sequence[Row]) -> list[list[str]]:
    """The table of a setting as text: the heading, then a line for each contestant.

    Scores are 'mean ± standard deviation (n)', '(n)' only if it differs from that of most rows; '*' marks the reference
    of the tests; 'failed' means that no seed was finished. The difference from the reference has half the width of its
    95 % confidence interval.
    """
    scores = suite.scores_of(setting)
    reference = reference_of(suite, setting, rows)
    costs = {name: entry for name, entry in _COSTS.items() if any(row.mean(*entry[0]) is not None for row in rows)}
    tests = list(dict.fromkeys(name for row in rows for name in row.tests))
    leaking = any(row.leakage is not None for row in rows)
    compared = any(row.difference is not None for row in rows)
    first = next(iter(scores))
    table = [
        [
            'contestant',
            'seeds',
            *scores,
            *(['leakage'] if leaking else []),
            *(['difference'] if compared else []),
            *(f'p, {name}' for name in tests),
            *costs,
        ]
    ]
    for row in rows:
        seeds = str(len(row.records)) + (f', {len(row.failed)} failed' if row.failed else '')
        cells = [row.contestant + (' *' if row is reference and tests else ''), seeds]
        cells += [_spread(row, score, digits) for score, digits in scores.items()]
        if leaking:
            cells.append('' if row.leakage is None else f'{row.leakage:+.{scores[first]}f}')
        if compared:
            cells.append(_difference(row.difference, scores[first]))
        cells += [_probability(row.tests.get(name)) for name in tests]
        for keys, divisor, digits in costs.values():
            value = row.mean(*keys)
            cells.append('' if value is None else f'{value / divisor:.{digits}f}')
        table.append(cells)
    return table


def markdown(table: Sequence[Sequence[str]]) -> str:
    """A table for Markdown."""
    head, *rows = table
    lines = [head, ['---', *['---:'] * (len(head) - 1)], *rows]
    return '\n'.join('| ' + ' | '.join(cell.replace('|', r'\|') for cell in line) + ' |' for line in lines) + '\n'


def latex(table: Sequence[Sequence[str]], caption: str) -> str:
    """A LaTeX table in the style of the package booktabs."""
    head, *rows = [
        ' & '.join(''.join(_LATEX.get(letter, letter) for letter in cell) for cell in line) + r' \\' for line in table
    ]
    caption = ''.join(_LATEX.get(letter, letter) for letter in caption)
    return '\n'.join(
        [
            r'\begin{table}',
            r'\centering',
            rf'\caption{{{caption}}}',
            rf'\begin{{tabular}}{{l{"r" * (len(table[0]) - 1)}}}',
            r'\toprule',
            head,
            r'\midrule',
            *rows,
            r'\bottomrule',
            r'\end{tabular}',
            r'\end{table}',
            '',
        ]
    )


def long_csv(suite: Suite, table: dict[str, list[Row]]) -> str:
    """All runs, one line each: setting, contestant, seed, state, scores, costs and hashes."""
    scores = list(dict.fromkeys(score for setting in table for score in suite.scores_of(setting)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(
        [
            'setting',
            'contestant',
            'seed',
            'status',
            *scores,
            *('_'.join(keys) for keys, *_ in _COSTS.values()),
            'split',
            'config_hash',
        ]
    )
    for setting, rows in table.items():
        for row in rows:
            for seed, record in sorted({**row.records, **row.failed}.items()):
                values = record.get('scores', {})
                costs = [_entry(record, keys) for keys, *_ in _COSTS.values()]
                writer.writerow(
                    [
                        setting,
                        row.contestant,
                        seed,
                        record['status'],
                        *(values.get(score) for score in scores),
                        *costs,
                        (record.get('split') or {}).get('hash'),
                        record.get('hash'),
                    ]
                )
    return text.getvalue()


def mean_csv(table: Sequence[Sequence[str]]) -> str:
    """A table as CSV, as it is printed."""
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows(table)
    return text.getvalue()


def _spread(row: Row, score: str, digits: int) -> str:
    values = list(row.values(score).values())
    if not values:
        return 'failed' if row.failed and not row.records else '-'
    mean, std = mean_and_std(values)
    return f'{mean:.{digits}f}' + ('' if math.isnan(std) else f' ± {std:.{digits}f}')


def _difference(found: tuple[float, float] | None, digits: int) -> str:
    if found is None:
        return ''
    mean, half = found
    return f'{mean:+.{digits}f}' + ('' if math.isnan(half) else f' ± {half:.{digits}f}')


def _probability(value: float | None) -> str:
    if value is None or math.isnan(value):
        return ''
    return '< 0.0001' if value < 1e-4 else f'{value:.4f}'


def _entry(record: dict, keys: Sequence[str]):
    for key in keys:
        record = (record or {}).get(key)
    return record
