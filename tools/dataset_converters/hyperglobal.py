"""Cut hyperspectral scenes into tiles for pre-training, without bad bands and bad tiles, in memory-mapped files.

    # one machine
    python tools/dataset_converters/hyperglobal.py data/hyperglobal --source raw --workers 8
    # a job array: each job converts its part, one job at the end writes the index
    python tools/dataset_converters/hyperglobal.py data/hyperglobal --source raw --part 3/40 --workers 4
    python tools/dataset_converters/hyperglobal.py data/hyperglobal --merge
    # check sizes, counts and checksums; write mean and standard deviation of each band
    python tools/dataset_converters/hyperglobal.py data/hyperglobal --verify --statistics
    # compare with the sources, too, and convert damaged and outdated scenes again
    python tools/dataset_converters/hyperglobal.py data/hyperglobal --source raw --verify

The same command continues an interrupted conversion. A scene counts as finished as long as the content of its sources
and of its tiles has not changed. The exit status is 1 if a source could not be read. The format is described and
justified in mmhsi/datasets/tile_shards/index.py, the settings in mmhsi/datasets/tile_shards/settings.py.
"""

import argparse
import sys
from pathlib import Path

from mmengine.config import Config, DictAction

from mmhsi.datasets.tile_shards import ShardSettings, convert, merge, verify, write_statistics
from mmhsi.utils.command_line import run_tool
from mmhsi.utils.parts import parse_part

DEFAULTS = Path(__file__).with_name('hyperglobal_config.py')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', help='folder of the shards')
    parser.add_argument('--source', help='folder of the scenes, searched recursively')
    parser.add_argument('--config', default=str(DEFAULTS), help=f'file of settings (default: {DEFAULTS.name})')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='settings that override those of the file, e.g. tile_size=128',
    )
    parser.add_argument('--workers', type=int, default=1, help='number of processes (default: 1)')
    parser.add_argument('--part', metavar='I/N', help='convert only the I-th of N parts, and write no index')
    parser.add_argument('--merge', action='store_true', help='write the index after all parts are converted')
    parser.add_argument('--verify', action='store_true', help='read all shards and compare them with their records')
    parser.add_argument('--statistics', action='store_true', help='write mean and standard deviation of each band')
    args = parser.parse_args(argv)
    if args.source is None and not (args.merge or args.verify or args.statistics):
        parser.error('nothing to do: give --source, --merge, --verify or --statistics')
    if args.source is None and args.part is not None:
        parser.error('--part needs --source')
    return args


def load_settings(args: argparse.Namespace) -> ShardSettings:
    """The settings of the config file, with the overrides of the command line."""
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options or {})
    return ShardSettings.from_config(cfg.to_dict())


def counted(numbers: dict[str, int]) -> str:
    """Counts by reason, as text."""
    return ', '.join(f'{number} {reason}' for reason, number in numbers.items()) or 'none'


def run(args: argparse.Namespace) -> int:
    """Run what the arguments request; returns 1 if a source could not be read or a check found a problem."""
    failed = problems = 0
    if args.source is not None:
        part = (1, 1) if args.part is None else parse_part(args.part)
        done = convert(args.source, args.out, load_settings(args), part, args.workers, read_again=args.verify)
        failed = done['failed']
        print(
            f'{args.out}: {done["scenes"]} scenes, {done["converted"]} of them converted now, gave {done["tiles"]} '
            f'tiles; tiles left out: {counted(done["skipped"])}; files not read: {failed}'
        )
    if args.merge or (args.source is not None and args.part is None):
        index = merge(args.out)
        failed = max(failed, len(index['failed']))
        print(
            f'{args.out}: index of {index["tiles"]} tiles in {len(index["shards"])} shards; tiles left out: '
            f'{counted(index["skipped"])}; files not read: {len(index["failed"])}'
        )
    if args.statistics:
        for sensor in write_statistics(args.out):
            print(f'{args.out}: statistics of {sensor["tiles"]} tiles of a sensor of {sensor["source_bands"]} bands')
    if args.verify:
        found, tiles = verify(args.out, args.workers, args.source)
        problems = len(found)
        for problem in found:
            print(problem)
        print(
            f'{args.out}: {tiles} tiles checked, {problems or "no"} problems found'
            + ('; the conversion with --source and --verify converts damaged scenes again' if problems else '')
        )
    if failed:
        print(f'error: {failed} source files could not be read; index.json names them', file=sys.stderr)
    return int(bool(failed or problems))


def main(argv: list[str] | None = None) -> int:
    try:
        return run(parse_args(argv))
    except (ValueError, OSError, RuntimeError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2


if __name__ == '__main__':
    run_tool(main)
