"""Inspect training logs: curves of several runs in one figure, and the time of their iterations.

    python tools/analysis_tools/analyze_logs.py plot_curve work_dirs/a work_dirs/b --keys loss OA --out curves.png
    python tools/analysis_tools/analyze_logs.py cal_train_time work_dirs/a

A log is <work_dir>/<time>/vis_data/scalars.json; a work dir stands for the log of its newest training.
"""

import argparse
import sys

import numpy as np

from mmhsi.analysis.training_log import TrainingLog, default_keys, read_log
from mmhsi.utils.command_line import run_tool
from mmhsi.visualization.figure import figure_to_rgb, save_figure
from mmhsi.visualization.training_curves import training_curves_figure


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='task', required=True)
    plot = commands.add_parser('plot_curve', help='plot keys of logs')
    plot.add_argument('--keys', nargs='+', help='keys to plot, one panel each (default: the loss and the scores)')
    plot.add_argument('--start-epoch', type=float, default=0, help='leave out earlier values')
    plot.add_argument('--legend', nargs='+', help='a name for each log (default: its folder)')
    plot.add_argument('--title', default='', help='title of the figure')
    plot.add_argument(
        '--out', default='curves.png', help='file to write; the suffix sets the format (default: curves.png)'
    )
    time = commands.add_parser('cal_train_time', help='print the time of iterations')
    time.add_argument(
        '--include-outliers',
        action='store_true',
        help='include the first logged value of every epoch, which is often slow',
    )
    for command in (plot, time):
        command.add_argument(
            'json_logs', nargs='+', metavar='LOG', help='scalars.json, the folder of a run, or a work dir'
        )
    return parser.parse_args(argv)


def plot_curve(args: argparse.Namespace, logs: list[TrainingLog]) -> None:
    """Plot the keys of the logs."""
    names = args.legend or [log.name for log in logs]
    if len(names) != len(logs):
        raise ValueError(f'--legend needs a name for each of the {len(logs)} logs, found {len(names)}')
    units = {log.unit for log in logs}
    if len(units) > 1:
        raise ValueError(
            'some logs count epochs and some iterations, which one figure cannot show: '
            + ', '.join(f'{log.path} ({log.unit})' for log in logs)
        )
    keys = args.keys or default_keys(logs)
    runs: dict[str, dict] = {}
    for number, (name, log) in enumerate(zip(names, logs, strict=True), 1):
        curves = {}
        for key in keys if args.keys else [key for key in keys if key in sum(log.keys().values(), [])]:
            places, values = log.curve(key)
            curves[key] = places[places >= args.start_epoch], values[places >= args.start_epoch]
        runs[name if name not in runs else f'{name} ({number})'] = curves
    figure = training_curves_figure(runs, units.pop(), args.title, logs[0].name if len(logs) == 1 else '')
    figure_to_rgb(figure)  # lays out the texts before the file is opened
    print(f'curves of {", ".join(keys)}: {save_figure(figure, args.out)}')


def cal_train_time(args: argparse.Namespace, logs: list[TrainingLog]) -> None:
    """Print the slowest and the fastest epoch and the mean time of an iteration."""
    for log in logs:
        times = log.epoch_times()
        if not args.include_outliers:
            times = {epoch: seconds[1:] if len(seconds) > 1 else seconds for epoch, seconds in times.items()}
        means = {epoch: seconds.mean() for epoch, seconds in times.items()}
        slowest, fastest = max(means, key=means.get), min(means, key=means.get)
        print(f'----- {log.path} -----')
        print(f'slowest epoch {slowest}, average time is {means[slowest]:.4f} s/iter')
        print(f'fastest epoch {fastest}, average time is {means[fastest]:.4f} s/iter')
        print(f'time std over epochs is {np.std(list(means.values())):.4f}')
        print(f'average iter time: {np.concatenate(list(times.values())).mean():.4f} s/iter')


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns 2 for logs that cannot be used."""
    args = parse_args(argv)
    try:
        logs = [read_log(path) for path in args.json_logs]
        (plot_curve if args.task == 'plot_curve' else cal_train_time)(args, logs)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    run_tool(main, before_networks=True)
