"""Convert a checkpoint of mmhsi for the official HyperSIGMA code.

    python tools/model_converters/mmhsi2hypersigma.py work_dirs/spat-mae-base/epoch_1600.pth checkpoint-1599.pth

Pre-training checkpoints are recognised by their parameters; give the kind of any other with --kind, e.g.
hypersigma-cls.
"""

import argparse

from mmhsi.utils.command_line import run_tool
from mmhsi.utils.text import listed
from mmhsi.weights.checkpoint_file import read_checkpoint, write_checkpoint
from mmhsi.weights.official_checkpoint import revert_checkpoint
from mmhsi.weights.official_classes import short_kinds


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('src', metavar='SRC', help='checkpoint of mmhsi')
    parser.add_argument('dst', metavar='DST', help='file to write')
    parser.add_argument('--kind', help=f'one of {", ".join(short_kinds())}, or the official class as file:class')
    parser.add_argument(
        '--no-background',
        action='store_true',
        help='do not add the output 0 of the official window classifiers, which no label uses',
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    conversion = revert_checkpoint(
        read_checkpoint(args.src), args.src, args.kind, add_background=not args.no_background
    )
    write_checkpoint(conversion.checkpoint, args.dst)
    print(conversion.summary)
    if conversion.unknown:
        print(f'unknown to the official code: {listed(conversion.unknown, 8)}')
    print(f'wrote {args.dst}')


if __name__ == '__main__':
    run_tool(main)
