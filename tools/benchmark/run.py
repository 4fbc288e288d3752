"""Run a suite of comparisons and write its tables, tests and plots.

    python tools/benchmark/run.py configs/benchmarks/smoke.py --dry-run
    python tools/benchmark/run.py configs/benchmarks/indian-pines.py --only "10 per class/*" --jobs 2
    python tools/benchmark/run.py configs/benchmarks/indian-pines.py --report-only

A suite names contestants, settings and seeds; see configs/benchmarks/README.md. Every cell, one contestant in one
setting with one seed, is trained, loaded in the state with the best validation score, and tested in its own process.
Finished cells are not run again unless their config or a file that they read has changed; cells that ran with other
packages or code are marked in the report. Failed cells are run again, and are shown in the report until they succeed.
"""

import argparse
import shutil
import signal
import sys
from pathlib import Path

from mmhsi.comparison import load_suite, run_cells, write_report
from mmhsi.comparison.scheduler import is_finished
from mmhsi.utils.command_line import run_tool
from mmhsi.utils.files import check_writable


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('suite', help='suite file')
    parser.add_argument(
        '--work-dir',
        type=Path,
        help='folder of records and report (default: ./work_dirs/benchmarks/<name of the suite>)',
    )
    parser.add_argument(
        '--only',
        nargs='+',
        default=[],
        metavar='PATTERN',
        help='cells by setting/contestant/seedN, with * and ?, or a part of it (default: all)',
    )
    parser.add_argument('--seeds', type=int, nargs='+', help='seeds instead of those of the suite')
    parser.add_argument(
        '--devices', nargs='+', default=['cpu'], metavar='DEVICE', help='cpu, cuda:0 ... to run cells on (default: cpu)'
    )
    parser.add_argument('--jobs', type=int, default=1, help='parallel cells on each device (default: 1)')
    parser.add_argument('--threads', type=int, default=1, help='threads per cell on a CPU (default: 1)')
    parser.add_argument('--timeout', type=float, metavar='SECONDS', help='stop a cell that takes longer')
    parser.add_argument(
        '--pictures', action='store_true', help='write maps and pictures of the whole scene for networks'
    )
    parser.add_argument('--dry-run', action='store_true', help='list the cells and whether they are finished')
    parser.add_argument('--report-only', action='store_true', help='run nothing')
    parser.add_argument(
        '--publish',
        type=Path,
        metavar='FOLDER',
        help='also write the tables to <FOLDER>/<name of the suite>.md, with the plots and a file of every run',
    )
    args = parser.parse_args(argv)
    if args.jobs < 1 or args.threads < 1:
        parser.error(f'--jobs and --threads must be at least 1, not {args.jobs} and {args.threads}')
    return args


def main(argv: list[str] | None = None) -> int:
    """Run, report and print; returns 1 if a cell failed, 2 if nothing could be started."""
    args = parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # also stops the cells
    try:
        return run(args)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2


def run(args: argparse.Namespace) -> int:
    """Run what the arguments request; returns 1 if a cell failed."""
    suite = load_suite(args.suite, args.seeds)
    root = args.work_dir or Path('work_dirs/benchmarks') / suite.name
    cells = suite.select(args.only)
    if args.dry_run:
        for cell in cells:
            print(f'{"finished" if is_finished(cell, root / cell.name) else "to run  "}  {cell.name}')
        return 0
    failed = False
    check_writable(root)
    if not args.report_only:
        records = run_cells(
            cells,
            root,
            args.devices,
            args.jobs,
            args.threads,
            args.timeout,
            args.pictures,
            lambda line: print(line, flush=True),
        )
        failed = any(record['status'] != 'done' for record in records)
    # the report includes cells of other calls
    report = write_report(suite, root)
    print(report)
    if args.publish:
        args.publish.mkdir(parents=True, exist_ok=True)
        shown = []
        for picture in sorted(root.glob('*_parameters.png')):
            name = f'{suite.name}_{picture.name}'
            shutil.copy(picture, args.publish / name)
            shown.append(f'![{picture.stem}: score over the number of parameters]({name})\n')
        (args.publish / f'{suite.name}.md').write_text('\n'.join([report, *shown]), encoding='utf-8')
        shutil.copy(root / 'runs.csv', args.publish / f'{suite.name}_runs.csv')
        for kind in ('labels', 'levels'):
            for picture in root.glob(f'{suite.name}_*_{kind}.png'):
                shutil.copy(picture, args.publish)
    print(f'report, tables and plots: {root}')
    return int(failed)


if __name__ == '__main__':
    run_tool(main, before_networks=True)
