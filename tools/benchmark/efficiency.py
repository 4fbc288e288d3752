"""Costs of all networks of a suite: parameters, operations, memory, time of a step and throughput.

    python tools/benchmark/efficiency.py configs/benchmarks/efficiency.py --only "small/*"
    python tools/benchmark/efficiency.py configs/benchmarks/efficiency.py --device cuda:0 --publish docs/benchmark

Nothing is trained and no scene is read: each network of each setting runs on random numbers in its own process, for
prediction and for a training step. Suites are those of tools/benchmark/run.py; seeds and classical methods are ignored.
"""

import argparse
import csv
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from matplotlib.figure import Figure

from mmhsi.comparison import load_suite
from mmhsi.comparison.scheduler import process_context
from mmhsi.comparison.suite import Cell
from mmhsi.comparison.tables import markdown
from mmhsi.utils.command_line import run_tool
from mmhsi.visualization.figure import save_figure

COLUMNS = {  # heading: entry, divisor, decimals
    'parameters / 10^6': ('parameters', 1e6, 3),
    'FLOPs / 10^9': ('flops', 1e9, 3),
    'inputs / s': ('throughput', 1, 1),
    'memory / MiB': ('memory', 2**20, 0),
    'step / s': ('step', 1, 3),
    'memory of a step / MiB': ('step_memory', 2**20, 0),
}


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('suite', help='suite file')
    parser.add_argument('--only', nargs='+', default=[], metavar='PATTERN', help='networks, as in run.py')
    parser.add_argument('--device', default='cpu', help='cpu, cuda:0 ... (default: cpu)')
    parser.add_argument('--threads', type=int, default=1, help='threads on a CPU (default: 1)')
    parser.add_argument('--batch-size', type=int, default=8, help='inputs per batch (default: 8)')
    parser.add_argument(
        '--repeats', type=int, default=5, help='measured runs, of which the median is reported (default: 5)'
    )
    parser.add_argument('--publish', type=Path, help='folder of the table, the numbers and the plot (default: none)')
    return parser.parse_args(argv)


def measure(cell: Cell, device: str, threads: int, batch_size: int, repeats: int) -> dict:
    """Costs of the network of a cell, or an ``error``."""
    import torch

    from mmhsi.analysis.complexity import count_complexity
    from mmhsi.analysis.timing import time_network

    torch.set_num_threads(threads)
    try:
        cfg = cell.build_config()
        counted = count_complexity(cfg)
        options = dict(batch_size=batch_size, device=device, repeats=repeats)
        inference = time_network(cfg, **options)
        step = time_network(cfg, mode='training', **options)
    except Exception as error:  # a network that does not fit must not affect the rows of the others
        traceback.print_exc()
        return dict(error=f'{type(error).__name__}: {error}'.splitlines()[0])
    return dict(
        shape=' x '.join(map(str, counted['shape'])),
        parameters=counted['parameters'],
        flops=counted['flops'],
        throughput=batch_size / _seconds(inference),
        memory=inference['peak_memory'],
        step=_seconds(step),
        step_memory=step['peak_memory'],
        device=inference['device'],
    )


def _seconds(found: dict) -> float:
    return found['latency'] if found['processor_latency'] is None else found['processor_latency']


def report(name: str, rows: dict[str, list[tuple[str, dict]]], args: argparse.Namespace) -> str:
    """The tables of all settings as Markdown."""
    lines = [f'# {name}', '']
    for setting, found in rows.items():
        devices = sorted({row['device'] for _, row in found if 'device' in row})
        text = [['network', 'input', *COLUMNS]]
        for network, row in found:
            if 'error' in row:
                text.append([network, row['error'], *['' for _ in COLUMNS]])
                continue
            values = ((row[entry], divisor, digits) for entry, divisor, digits in COLUMNS.values())
            text.append([network, row['shape'], *('' if v is None else f'{v / by:.{n}f}' for v, by, n in values)])
        lines += [
            f'## {setting}',
            '',
            f'Batches of {args.batch_size} on {", ".join(devices)}, {args.threads} threads on a CPU. FLOPs of one '
            'input. On a CPU seconds are processor time of all threads; memory is the growth of the process plus the '
            'weights.',
            '',
            markdown(text),
        ]
    return '\n'.join(lines)


def picture(setting: str, found: list[tuple[str, dict]]) -> Figure:
    """Inputs per second over operations."""
    figure = Figure(figsize=(8, 5), layout='constrained')
    axes = figure.add_subplot()
    for network, row in found:
        if 'error' not in row:
            axes.loglog(row['flops'] / 1e9, row['throughput'], 'o')
            axes.annotate(
                network, (row['flops'] / 1e9, row['throughput']), (5, 4), textcoords='offset points', fontsize=8
            )
    axes.set(xlabel='FLOPs of an input / 10^9', ylabel='inputs / s', title=setting)
    axes.margins(x=0.15, y=0.1)
    return figure


def main(argv: list[str] | None = None) -> int:
    """Measure, print and publish; returns 1 if a network failed."""
    args = parse_args(argv)
    suite = load_suite(args.suite)
    first = {(cell.setting, cell.contestant): cell for cell in reversed(suite.select(args.only)) if cell.method is None}
    cells = [cell for cell in suite.cells if first.get((cell.setting, cell.contestant)) is cell]
    rows: dict[str, list[tuple[str, dict]]] = {}
    with ProcessPoolExecutor(1, mp_context=process_context([args.device]), max_tasks_per_child=1) as pool:
        for cell in cells:
            row = pool.submit(measure, cell, args.device, args.threads, args.batch_size, args.repeats).result()
            rows.setdefault(cell.setting, []).append((cell.contestant, row))
            print(f'{cell.setting}/{cell.contestant}: {row.get("error", "measured")}', file=sys.stderr, flush=True)
    text = report(suite.name, rows, args)
    print(text)
    if args.publish:
        args.publish.mkdir(parents=True, exist_ok=True)
        pictures = []
        for number, (setting, found) in enumerate(rows.items()):
            name = f'{suite.name}_{number}.png'
            save_figure(picture(setting, found), args.publish / name)
            pictures.append(f'![{setting}: inputs per second over operations]({name})\n')
        (args.publish / f'{suite.name}.md').write_text('\n'.join([text, *pictures]), encoding='utf-8')
        with (args.publish / f'{suite.name}.csv').open('w', encoding='utf-8', newline='') as file:
            writer = csv.writer(file, lineterminator='\n')
            entries = ['shape', *(entry for entry, *_ in COLUMNS.values()), 'device', 'error']
            writer.writerow(['setting', 'network', *entries])
            for setting, found in rows.items():
                writer.writerows([setting, network, *(row.get(e, '') for e in entries)] for network, row in found)
    return int(any('error' in row for found in rows.values() for _, row in found))


if __name__ == '__main__':
    run_tool(main, before_networks=True)
