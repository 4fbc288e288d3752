"""Write small synthetic stand-ins for the public datasets, to try configs without a download.

    python tools/misc/make_toy_data.py data_toy
    MMHSI_DATA=data_toy python tools/train.py configs/classification/hypersigma-base_cls_honghu.py
    python tools/misc/make_toy_data.py data_toy --products enmap_l2a prisma_l2d        (what users of sensors download)

Names, keys, axes, types, label codes and numbers of bands and classes are those of the original files; the scenes are
small and synthetic: materials with smooth spectra in fields, mixed at their borders, with uneven light and noise.
Unknown properties of an original (type, bands, and the files where the official code has no reader) are made up as
well.
"""

import argparse
from pathlib import Path

from toy_data import DATASETS, PRODUCTS, make, make_products

from mmhsi.utils.command_line import run_tool


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', nargs='?', default='data_toy', help='folder to write to (default: data_toy)')
    parser.add_argument(
        '--datasets',
        nargs='+',
        metavar='NAME',
        choices=DATASETS,
        help=f'datasets to write, out of {", ".join(DATASETS)} (default: all)',
    )
    parser.add_argument(
        '--products',
        nargs='*',
        metavar='NAME',
        choices=PRODUCTS,
        help=f'write stand-ins for sensor products instead, out of {", ".join(PRODUCTS)} (default: all)',
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of the scenes (default: 0)')
    args = parser.parse_args(argv)
    if args.products is not None and args.datasets is not None:
        parser.error('give --datasets or --products')
    folders = (
        make(args.root, args.datasets, args.seed)
        if args.products is None
        else [path if path.is_dir() else path.parent for path in make_products(args.root, args.products, args.seed)]
    )
    for folder in folders:
        size = sum(path.stat().st_size for path in Path(folder).rglob('*') if path.is_file())
        print(f'wrote {folder} ({size / 1e6:.1f} MB)')


if __name__ == '__main__':
    run_tool(main)
