"""Plot where a token attends: sampled points and attention weights of each layer over the false-colour image.

    python tools/visualization/vis_ssa.py CONFIG CHECKPOINT SCENE --pixel 60 45 --out points.png

The network sees the window around the pixel, or the tile in which the pixel is most central. The token is that of the
spatial branch whose patch contains the pixel. Rows and columns count from 0.
"""

import argparse
import sys
from pathlib import Path

from mmhsi.analysis.sampling_points import look_at
from mmhsi.apis import HSIInferencer
from mmhsi.engine.run_checkpoints import named_checkpoint
from mmhsi.utils.command_line import add_config_arguments, default_work_dir, load_config, run_tool
from mmhsi.visualization.figure import save_figure
from mmhsi.visualization.sampling_map import sampling_figure


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help="checkpoint; 'best' or 'last' of the work dir")
    parser.add_argument('scene', nargs='+', help='file of the scene; two files for a pair of dates')
    parser.add_argument('--pixel', nargs=2, type=int, required=True, metavar=('ROW', 'COL'), help='the pixel')
    parser.add_argument('--key', help='name of the array in .mat, HDF5 and .npz files')
    parser.add_argument('--layout', choices=('auto', 'hwc', 'chw', 'bil'), help='axes of arrays in files')
    parser.add_argument('--target-spectrum', metavar='FILE', help='spectrum that a target detector looks for')
    parser.add_argument('--layers', nargs='+', type=int, metavar='N', help='layers to plot, from 1 (default: all)')
    parser.add_argument('--device', help='such as cpu or cuda:0 (default: an accelerator if there is one)')
    parser.add_argument('--out', default='sampling_points.png', help='picture to write (default: sampling_points.png)')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Plot; returns 2 if there is nothing to plot."""
    args = parse_args(argv)
    try:
        weights = named_checkpoint(args.checkpoint, default_work_dir(args.config))
        inferencer = HSIInferencer(load_config(args), weights, args.device, show_progress=False)
        view = look_at(
            inferencer,
            args.scene[0] if len(args.scene) == 1 else tuple(args.scene),
            *args.pixel,
            key=args.key,
            layout=args.layout,
            target_spectrum=args.target_spectrum,
        )
        numbers = args.layers or range(1, len(view.layers) + 1)
        if not all(1 <= number <= len(view.layers) for number in numbers):
            raise ValueError(f'--layers must lie between 1 and {len(view.layers)}, found {args.layers}')
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    layers = [view.layers[number - 1] for number in numbers]
    row, col = args.pixel
    top, left, height, width = view.area
    figure = sampling_figure(
        view.picture,
        view.patch,
        [layer.points for layer in layers],
        [layer.weights for layer in layers],
        [f'layer {number}' for number in numbers],
        f'{Path(args.scene[0]).name}: where the token at row {row}, column {col} looks',
        f'rows {top} to {top + height - 1}, columns {left} to {left + width - 1}; bands '
        + ', '.join(str(band + 1) for band in view.bands)
        + ' as red, green, blue',
    )
    print(f'{save_figure(figure, args.out)}: {", ".join(layer.layer for layer in layers)}')
    return 0


if __name__ == '__main__':
    run_tool(main, before_networks=True)
