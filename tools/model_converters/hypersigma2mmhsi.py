"""Convert a checkpoint of the official HyperSIGMA code for mmhsi.

    python tools/model_converters/hypersigma2mmhsi.py spat-vit-base-ultra-checkpoint-1599.pth spat-vit-base.pth

Pre-training files are recognised by their parameters; give the kind of any other with --kind, e.g. hypersigma-cls.
"""

import argparse

from mmhsi.utils.command_line import run_tool
from mmhsi.utils.text import listed
from mmhsi.weights.checkpoint_file import read_checkpoint, write_checkpoint
from mmhsi.weights.official_checkpoint import Conversion, convert_checkpoint
from mmhsi.weights.official_classes import short_kinds


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('src', metavar='SRC', help='official checkpoint')
    parser.add_argument('dst', metavar='DST', help='file to write')
    parser.add_argument('--kind', help=f'one of {", ".join(short_kinds())}, or the official class as file:class')
    parser.add_argument(
        '--keep-background',
        action='store_true',
        help='keep output 0 of the official window classifiers, which no label uses',
    )
    parser.add_argument(
        '--trust', action='store_true', help='unpickle SRC without restriction: it can run any code that it holds'
    )
    return parser.parse_args(argv)


def describe(conversion: Conversion) -> list[str]:
    """Lines that describe the conversion."""
    lines = [conversion.summary]
    for title in ('dropped', 'unknown'):
        names = getattr(conversion, title)
        if names:
            lines.append(f'{title}: {listed(names, 8)}')
    meta = conversion.checkpoint.get('meta', {})
    if 'epoch' in meta:
        lines.append(f'epochs: {meta["epoch"]}')
    settings = meta.get('hypersigma', {}).get('args', {})
    if settings:
        lines.append('settings: ' + ', '.join(f'{name} {value}' for name, value in settings.items()))
    return lines


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    checkpoint = read_checkpoint(args.src, trust=args.trust)
    conversion = convert_checkpoint(checkpoint, args.src, args.kind, drop_background=not args.keep_background)
    write_checkpoint(conversion.checkpoint, args.dst)
    print('\n'.join([*describe(conversion), f'wrote {args.dst}']))


if __name__ == '__main__':
    run_tool(main)
