"""Count parameters, operations and activations of the network of a config.

    python tools/analysis_tools/get_flops.py configs/classification/hypersigma-base_cls_indian-pines.py
    python tools/analysis_tools/get_flops.py CONFIG --shape 64 64
    python tools/analysis_tools/get_flops.py CONFIG --shape 100 64 64 --out flops.json

Convolutions, linear layers, matrix products, attention and sparse sampling attention are counted, as inference runs
them on one input. A MAC is one multiplication and one addition; 1 MAC = 2 FLOPs. Papers often write FLOPs and mean
MACs. Normalisation, activation functions, softmax and interpolation of maps are not counted.
"""

import argparse
import json
import sys
from pathlib import Path

from prettytable import PrettyTable

from mmhsi.analysis.complexity import count_complexity
from mmhsi.utils.command_line import add_config_arguments, load_config, run_tool

_UNITS = ((1e12, 'T'), (1e9, 'G'), (1e6, 'M'), (1e3, 'K'))


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config_arguments(parser)
    parser.add_argument(
        '--shape',
        nargs='+',
        type=int,
        metavar='N',
        help='height and width, or channels, height and '
        'width of the input (default: the windows or tiles of the config, its bands after the '
        'preprocessing)',
    )
    parser.add_argument('--out', help='JSON file to write')
    return parser.parse_args(argv)


def readable(count: int) -> str:
    """A number with three decimals and an SI prefix, e.g. '5.104 G'."""
    for size, prefix in _UNITS:
        if count >= size:
            return f'{count / size:.3f} {prefix}'
    return str(count)


def main(argv: list[str] | None = None) -> int:
    """Count; returns 2 if the network cannot be run."""
    args = parse_args(argv)
    try:
        found = count_complexity(load_config(args), args.shape)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    table = PrettyTable(['part', 'parameters', 'MACs', 'FLOPs'])
    table.align = 'r'
    table.align['part'] = 'l'
    for name, part in found['parts'].items():
        table.add_row([name, readable(part['parameters']), readable(part['flops'] // 2), readable(part['flops'])])
    table.add_row(['whole model', *(readable(found[key]) for key in ('parameters', 'macs', 'flops'))])
    print(table)
    channels, height, width = found['shape']
    print(
        f'input: {channels} channels, {height} x {width} pixels; 1 MAC = 2 FLOPs\n'
        f'parameters {readable(found["parameters"])} ({readable(found["trainable"])} trainable), '
        f'MACs {readable(found["macs"])}, FLOPs {readable(found["flops"])}, '
        f'activations {readable(found["activations"])}'
    )
    if args.out:
        Path(args.out).write_text(json.dumps(found, indent=2) + '\n', encoding='utf-8')
    return 0


if __name__ == '__main__':
    run_tool(main, before_networks=True)
