"""Write one HTML file about a run: config, data, curves, scores, pictures, network, warnings.

    mmhsi report work_dirs/hypersigma-tiny_cls_indian-pines
    mmhsi report WORK_DIR --out report.html

The file contains all pictures and needs no other files. For a work dir, the newest training and the newest test are
shown; for a folder <work_dir>/<time>, that run only.
"""

import argparse
import sys
from pathlib import Path

from mmhsi.utils.command_line import add_custom_imports, command_parser, import_user_modules


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = command_parser(__doc__)
    parser.add_argument('work_dir', help='work dir, or the folder of one run in it')
    parser.add_argument('--out', help='file to write (default: report.html in the folder)')
    parser.add_argument(
        '--max-scenes', type=int, default=20, metavar='N', help='scenes whose pictures are shown (default: 20)'
    )
    parser.add_argument(
        '--no-flops', action='store_true', help='do not count operations, which builds the network and runs it once'
    )
    parser.add_argument('-c', '--config', help='config file, instead of the one in the folder of the run')
    add_custom_imports(parser)
    parser.add_argument('--trust', action='store_true', help='run the config in the folder as a program')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Write the report; returns 2 if there is no run."""
    args = parse_args(argv)
    if not Path(args.work_dir).is_dir():
        print(f'error: {args.work_dir}: there is no such folder', file=sys.stderr)
        return 2
    from mmhsi.analysis.report import make_report

    try:
        import_user_modules(args.custom_imports)
        path = make_report(args.work_dir, args.out, args.max_scenes, not args.no_flops, args.config, args.trust)
    except (OSError, ValueError, ImportError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(f'{path}: {path.stat().st_size / 2**20:.1f} MiB')
    return 0
