"""Tables, leakage, tests and failures of a report, from records written by hand."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mmhsi.comparison import Suite, write_report
from mmhsi.comparison.plots import label_curves, size_figure
from mmhsi.comparison.records import read_record, write_record
from mmhsi.comparison.suite import Cell
from mmhsi.comparison.summary import main_score, split_conflicts, summarise
from mmhsi.comparison.tables import columns, latex, markdown
from mmhsi.utils.identity import code_digest

OA = {('random', 'A'): [0.8, 0.9, 0.85], ('random', 'B_2'): [0.7, 0.75, 0.8], ('strict', 'A'): [0.6, 0.7, 0.8]}
SETTINGS = {
    'random': dict(curve='labels'),
    'strict': dict(customary='random', note='Small classes are absent.'),
    'more': dict(curve='labels'),
}


@pytest.fixture
def suite(tmp_path):
    cells = [
        Cell(name, setting, seed, tmp_path / 'config.py')
        for (setting, name), values in OA.items()
        for seed in range(len(values))
    ]
    return Suite('compare', tuple(cells), SETTINGS, dict(OA=3))


def record_of(cell: Cell, oa: float, **entries) -> dict:
    return dict(
        dict(
            contestant=cell.contestant,
            setting=cell.setting,
            seed=cell.seed,
            config='config.py',
            method=None,
            status='done',
            hash='h',
            scores=dict(OA=oa),
            parameters=2_000_000,
            flops=3_000_000_000,
            train_seconds=10.0,
            test_seconds=2.0,
            peak_memory=dict(memory=500.0),
            device='cpu',
            split=dict(hash=f'split{cell.seed}', train=30, val=10, test=100),
        ),
        **entries,
    )


@pytest.fixture
def records(suite, tmp_path):
    found = []
    for cell in suite.cells:
        found.append(record_of(cell, OA[cell.setting, cell.contestant][cell.seed]))
        write_record(tmp_path / cell.name, found[-1])
    return found


def test_rows_hold_means_tests_and_leakage(suite, records):
    table = summarise(suite, records)
    assert list(table) == ['random', 'strict'] and main_score(suite, 'strict') == 'OA'
    best, other = table['random']
    assert best.tests == {}  # the best of the table, with which the others are compared
    assert other.tests['t'] == pytest.approx(stats.ttest_rel(OA['random', 'B_2'], OA['random', 'A']).pvalue)
    assert other.tests['Wilcoxon'] == pytest.approx(0.25)  # the smallest p of three pairs
    (strict,) = table['strict']
    assert strict.leakage == pytest.approx(0.15) and best.leakage is None
    named = Suite('compare', suite.cells, SETTINGS, dict(OA=3), reference='B_2')
    assert [bool(row.tests) for row in summarise(named, records)['random']] == [True, False]
    assert other.tests['Holm'] == other.tests['t'] and other.difference[0] == pytest.approx(-0.1)
    classical = [dict(record, method='svm') if record['contestant'] == 'B_2' else record for record in records]
    against = Suite('compare', suite.cells, SETTINGS, dict(OA=3), reference='best classical')
    assert [bool(row.tests) for row in summarise(against, classical)['random']] == [True, False]
    learnt = [dict(record, method='svm' if record['contestant'] == 'B_2' else 'auto_ad') for record in records]
    assert [bool(row.tests) for row in summarise(against, learnt)['random']] == [True, False]
    errors = [dict(record, scores=dict(aRMSE=record['scores']['OA'])) for record in records]
    less = Suite('compare', suite.cells, SETTINGS, dict(aRMSE=3))
    assert [bool(row.tests) for row in summarise(less, errors)['random']] == [True, False]


def test_table_as_text(suite, records):
    rows = summarise(suite, records)
    head, best, other = columns(suite, 'random', rows['random'])
    assert head[:7] == ['contestant', 'seeds', 'OA', 'difference', 'p, t', 'p, Wilcoxon', 'p, Holm']
    assert best == ['A *', '3', '0.850 ± 0.050', '', '', '', '', '2.000', '3.000', '10', '2.0', '500']
    assert other[3] == '-0.100 ± 0.124'  # Student's t of two degrees of freedom
    assert other[:3] == ['B_2', '3', '0.750 ± 0.050']
    strict = columns(suite, 'strict', rows['strict'])
    assert strict[1][:4] == ['A', '3', '0.700 ± 0.100', '+0.150'] and strict[0][3] == 'leakage'
    assert markdown([['a', 'b'], ['x|y', '1']]) == '| a | b |\n| --- | ---: |\n| x\\|y | 1 |\n'
    text = latex([['name', 'OA'], ['B_2', '0.750 ± 0.050']], 'Table of 10 %')
    assert r'B\_2 & 0.750 $\pm$ 0.050 \\' in text and r'\caption{Table of 10 \%}' in text


def test_failures_are_shown_and_count_for_nothing(suite, records, tmp_path):
    cell = suite.cells[1]
    write_record(
        tmp_path / cell.name,
        dict(
            contestant='A',
            setting='random',
            seed=1,
            config='config.py',
            method=None,
            status='failed',
            hash='h',
            error='killed by signal 9, perhaps for want of memory',
            last_lines=['Epoch(train) [1]', 'Killed'],
        ),
    )
    text = write_report(suite, tmp_path)
    assert '| A * | 2, 1 failed | 0.825 ± 0.035 |' in text  # 0.8 and 0.85
    assert 'random, A, seed 1: killed by signal 9' in text and 'Epoch(train) [1]\nKilled' in text
    assert text == (tmp_path / 'report.md').read_text()
    rows = list(csv.DictReader((tmp_path / 'runs.csv').open()))
    assert len(rows) == 9 and [row['status'] for row in rows[:3]] == ['done', 'failed', 'done']
    assert (rows[0]['OA'], rows[1]['OA'], rows[0]['split']) == ('0.8', '', 'split0')
    assert 'Small classes are absent.' in text and 'less that of this setting' in text
    assert {'random.csv', 'random.tex', 'strict.tex', 'random_parameters.png'} <= {
        path.name for path in tmp_path.iterdir()
    }
    assert not (tmp_path / f'{suite.name}_labels_labels.png').exists()  # one number of labels is no curve


def test_plot_over_labels_needs_settings_with_different_numbers(suite, records, tmp_path):
    more = Cell('A', 'more', 0, tmp_path / 'config.py')
    write_record(tmp_path / more.name, record_of(more, 0.95, split=dict(hash='s', train=300, val=10, test=70)))
    write_report(Suite('compare', (*suite.cells, more), SETTINGS, dict(OA=3)), tmp_path)
    assert (tmp_path / f'{suite.name}_labels_labels.png').stat().st_size > 5000


def test_networks_of_one_size_lie_side_by_side(suite, records):
    axes = size_figure(suite, 'random', summarise(suite, records)['random']).axes[0]
    places = sorted((*line.get_xdata(), *line.get_ydata()) for line in axes.lines if line.get_marker() == 'o')
    np.testing.assert_allclose(places, [(0, 0.85), (1, 0.75)])
    assert axes.get_xscale() == 'linear' and axes.get_xlabel() == 'networks of one size' and not len(axes.get_xticks())
    rows = summarise(suite, [dict(records[0], parameters=1_000), *records[1:]])['random']
    axes = size_figure(suite, 'random', rows).axes[0]
    assert axes.get_xlabel() == 'parameters'
    assert [name.get_ha() for name in axes.texts] == ['left', 'right']  # A has 1.3 million, B_2 two


def test_plot_over_levels_has_a_place_for_zero(suite, records, tmp_path):
    settings = {name: dict(curve='noise, 8 bit', level=level) for name, level in (('random', 0), ('strict', 2.5))}
    levels = replace(suite, settings={**SETTINGS, **settings})
    text = write_report(levels, tmp_path)
    assert '![noise, 8 bit: score over the level](compare_noise-8-bit_levels.png)' in text
    assert (tmp_path / 'compare_noise-8-bit_levels.png').stat().st_size > 5000
    figure = label_curves(levels, summarise(levels, records))['noise, 8 bit']
    axes = figure.axes[0]
    assert axes.get_xscale() == 'linear' and axes.get_xlabel() == 'noise, 8 bit' and list(axes.get_xticks()) == [0, 2.5]
    drawn = {tuple(line.get_ydata()) for line in axes.lines if len(line.get_xdata()) == 2}
    assert any(np.allclose(line, [0.85, 0.7]) for line in drawn)  # of A


def test_what_holds_for_all_cells_is_told_once(suite, records, tmp_path):
    for cell, record in zip(suite.cells, records, strict=True):
        write_record(tmp_path / cell.name, dict(record, code='0' * 32, inputs={}))
    assert '- another version of the mmhsi code: all of them\n' in write_report(suite, tmp_path)
    write_record(tmp_path / suite.cells[0].name, dict(records[0], code=code_digest(), inputs={}))
    assert 'mmhsi code: random, A, seed 1; random, A, seed 2; random, B_2, seed 0;' in write_report(suite, tmp_path)


def test_different_splits_are_reported(suite, records, tmp_path):
    assert split_conflicts(records) == []
    other = suite.cells[3]
    write_record(tmp_path / other.name, record_of(other, 0.7, split=dict(hash='x', train=30, val=10, test=100)))
    assert 'random, seed 0: the splits differ: A split0, B_2 x' in write_report(suite, tmp_path)


def test_a_record_is_written_whole(tmp_path):
    write_record(tmp_path, dict(status='done'))
    with pytest.raises(ValueError):
        write_record(tmp_path, dict(status=float('nan')))
    assert read_record(tmp_path) == dict(status='done') and json.loads((tmp_path / 'cell.json').read_text())
    (tmp_path / 'cell.json').write_text('{"status": "do')
    assert read_record(tmp_path) is None and read_record(tmp_path / 'nowhere') is None
