"""The report of a suite: tables and pictures from the records of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmhsi.comparison.plots import label_curves, size_figure
from mmhsi.comparison.records import differences, whole_record, why_no_record
from mmhsi.comparison.run_cell import identity
from mmhsi.comparison.suite import Cell, Suite, slug
from mmhsi.comparison.summary import Row, main_score, split_conflicts, summarise
from mmhsi.comparison.tables import columns, latex, long_csv, markdown, mean_csv
from mmhsi.visualization.figure import save_figure

REPORT = 'report.md'


def collect_records(cells: Sequence[Cell], root: Path) -> list[dict]:
    """The records of cells, without those that have not been run."""
    found = [(cell, whole_record(root / cell.name)) for cell in cells]
    # current names from the suite
    return [{**record, **identity(cell)} for cell, record in found if record is not None]


def write_report(suite: Suite, root: str | Path, cells: Sequence[Cell] | None = None) -> str:
    """Write the report of all cells that have been run.

    ``report.md`` holds all tables, followed by the failures, ``runs.csv`` holds every run, and for each setting there
    are ``<setting>.csv``, ``<setting>.tex`` and ``<setting>_parameters.png``, for each curve
    ``<suite>_<curve>_labels.png``, or ``_levels.png`` if its settings have levels, which ``report.md`` shows.

    Args:
        suite (Suite): The suite.
        root (str | Path): Its folder.
        cells (Sequence[Cell], optional): The cells to report. Defaults to all.

    Returns:
        str: The text of ``report.md``.
    """
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    cells = suite.cells if cells is None else cells
    records = collect_records(cells, root)
    table = summarise(suite, records)
    sections = [f'# {suite.name}', '']
    for setting, rows in table.items():
        text = columns(suite, setting, rows)
        sections += [f'## {setting}', '', *_notes(suite, setting, rows), '', markdown(text)]
        (root / f'{slug(setting)}.csv').write_text(mean_csv(text), encoding='utf-8')
        (root / f'{slug(setting)}.tex').write_text(latex(text, f'{suite.name}, {setting}'), encoding='utf-8')
        figure = size_figure(suite, setting, rows)
        if figure is not None:
            save_figure(figure, root / f'{slug(setting)}_parameters.png')
    for curve, figure in label_curves(suite, table).items():
        of_levels = suite.has_levels(curve)
        name = f'{suite.name}_{slug(curve)}_{"levels" if of_levels else "labels"}.png'
        save_figure(figure, root / name)
        abscissa = 'the level' if of_levels else 'the number of training pixels'
        sections += [f'![{curve}: score over {abscissa}]({name})', '']
    sections += _warnings(records)
    foreign = [f'- {sentence}' for sentence in (why_no_record(root / cell.name) for cell in cells) if sentence]
    if foreign:
        sections += ['## Not read', '', *foreign, '']
    text = '\n'.join(sections)
    (root / 'runs.csv').write_text(long_csv(suite, table), encoding='utf-8')
    (root / REPORT).write_text(text, encoding='utf-8')
    return text


def _notes(suite: Suite, setting: str, rows: Sequence[Row]) -> list[str]:
    options = suite.settings[setting]
    sizes = {
        (record['split']['train'], record['split']['val'], record['split']['test'])
        for row in rows
        for record in row.records.values()
        if record.get('split')
    }
    lines = [
        f'Mean ± standard deviation over the seeds. Tests compare {main_score(suite, setting)} with that of the '
        'contestant marked *.'
    ]
    if options.get('note'):
        lines.append(options['note'])
    if options.get('customary'):
        lines.append(f'Leakage: {main_score(suite, setting)} of "{options["customary"]}" less that of this setting.')
    if sizes:
        lines.append(
            'Training, validation and test pixels: '
            + '; '.join(', '.join(map(str, size)) for size in sorted(sizes))
            + '.'
        )
    machines = sorted({record['device'] for row in rows for record in row.records.values()})
    if machines:
        lines.append(f'Seconds on {", ".join(machines)}; those of a CPU are processor time of all cores together.')
    return lines


def _warnings(records: Sequence[dict]) -> list[str]:
    lines = []
    conflicts = split_conflicts(records)
    if conflicts:
        lines += ['## Not comparable', '', *(f'- {sentence}' for sentence in conflicts), '']
    marked: dict[str, list[str]] = {}
    done = [record for record in records if record['status'] == 'done']
    for record in done:
        for sentence in differences(record):
            marked.setdefault(sentence, []).append(
                f'{record["setting"]}, {record["contestant"]}, seed {record["seed"]}'
            )
    if marked:
        lines += [
            '## Made otherwise',
            '',
            'Scores from other files, packages or code than the current ones:',
            '',
            *(
                f'- {sentence}: {"all of them" if 1 < len(cells) == len(done) else "; ".join(cells)}'
                for sentence, cells in marked.items()
            ),
            '',
        ]
    failed = [record for record in records if record['status'] != 'done']
    if failed:
        lines += ['## Failed', '']
        for record in failed:
            lines += [
                f'{record["setting"]}, {record["contestant"]}, seed {record["seed"]}: {record["error"]}',
                '',
                '```text',
                *record['last_lines'],
                '```',
                '',
            ]
    return lines
