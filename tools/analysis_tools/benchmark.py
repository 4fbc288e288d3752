"""Measure speed and memory of the network of a config, in inference and in training.

    python tools/analysis_tools/benchmark.py configs/classification/hypersigma-tiny_cls_indian-pines.py
    python tools/analysis_tools/benchmark.py CONFIG --batch-sizes 1 8 32 --modes inference --device cuda:0

Inference is measured as prediction runs it; a training step consists of forward pass, loss, backward pass and update
with the config's optimiser. The data are random numbers with the shape of the config's windows or tiles, or, with
--data config, its first samples; reading is not timed. Memory is the peak of allocated tensors on a GPU; on a CPU, the
weights plus the peak growth of the process.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from prettytable import PrettyTable

from mmhsi.analysis.timing import MODES, time_network
from mmhsi.utils.command_line import add_config_arguments, load_config, run_tool


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config_arguments(parser)
    parser.add_argument(
        '--shape',
        nargs='+',
        type=int,
        metavar='N',
        help='height and width, or channels, height and width of an input (default: as in the config)',
    )
    parser.add_argument(
        '--batch-sizes', nargs='+', type=int, default=[1], metavar='N', help='inputs per batch (default: 1)'
    )
    parser.add_argument(
        '--modes', nargs='+', choices=MODES, default=list(MODES), help='what is measured (default: both)'
    )
    parser.add_argument('--data', choices=('random', 'config'), default='random', help='inputs (default: random)')
    parser.add_argument('--device', help='such as cpu or cuda:0 (default: an accelerator if there is one)')
    parser.add_argument('--warmup', type=int, default=2, help='runs before the measured ones (default: 2)')
    parser.add_argument('--repeats', type=int, default=10, help='measured runs (default: 10)')
    parser.add_argument('--out', help='JSON file to write')
    return parser.parse_args(argv)


def measure(args: argparse.Namespace) -> list[dict]:
    """A measurement for each mode and batch size, with 'error' if it did not fit into memory."""
    found = []
    for mode in args.modes:
        for batch_size in args.batch_sizes:
            try:
                found.append(
                    time_network(
                        load_config(args),
                        args.shape,
                        batch_size=batch_size,
                        mode=mode,
                        device=args.device,
                        warmup=args.warmup,
                        repeats=args.repeats,
                        data=args.data,
                    )
                )
            except torch.cuda.OutOfMemoryError:
                torch.cuda.empty_cache()
                found.append(dict(mode=mode, batch_size=batch_size, error='out of memory'))
    return found


def main(argv: list[str] | None = None) -> int:
    """Measure; returns 2 if the network cannot be run."""
    args = parse_args(argv)
    try:
        found = measure(args)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    table = PrettyTable(['mode', 'batch size', 'latency (ms)', 'std (ms)', 'samples/s', 'peak memory (MiB)'])
    table.align = 'r'
    for row in found:
        numbers = (
            ['-', '-', '-', row['error']]
            if 'error' in row
            else [
                f'{1e3 * row["latency"]:.2f}',
                f'{1e3 * row["latency_std"]:.2f}',
                f'{row["throughput"]:.2f}',
                '-' if row['peak_memory'] is None else f'{row["peak_memory"] / 2**20:.0f}',
            ]
        )
        table.add_row([row['mode'], row['batch_size'], *numbers])
    print(table)
    for row in [row for row in found if 'error' not in row][:1]:
        channels, height, width = row['shape']
        print(
            f'{row["device"]}, {row["threads"]} threads; inputs of {channels} channels and {height} x {width} pixels;'
            f' latency is the median of {args.repeats} runs after {args.warmup}'
        )
    if args.out:
        Path(args.out).write_text(json.dumps(found, indent=2) + '\n', encoding='utf-8')
    return 0


if __name__ == '__main__':
    run_tool(main, before_networks=True)
