"""Write a trained network as a file that runs without mmhsi, with its fitted preprocessing inside.

    mmhsi export CONFIG work_dirs/hypersigma-tiny_seg_indian-pines/epoch_50.pth
    mmhsi export CONFIG best --format torch-export --out network.pt2
    mmhsi export CONFIG CHECKPOINT --input-scale 255          (for a program that divides bytes by 255)

The output of the file is compared with that of PyTorch before success is reported. ONNX needs the packages
of pip install "mmhsi[export]".
"""

import argparse
import sys
from pathlib import Path

from mmhsi.utils.command_line import check_checkpoint, command_parser, default_work_dir, find_config

_SUFFIXES = {'onnx': '.onnx', 'torch-export': '.pt2'}


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = command_parser(__doc__)
    parser.add_argument('config', help="config file, or 'mmhsi::' and a path below configs/")
    parser.add_argument('checkpoint', help="checkpoint file; 'best' or 'last' of the work dir of the config")
    parser.add_argument('--format', choices=tuple(_SUFFIXES), default='onnx', help='format of the file (default: onnx)')
    parser.add_argument('--out', metavar='FILE', help='file to write (default: beside the checkpoint)')
    parser.add_argument(
        '--num-bands', type=int, metavar='N', help='bands of a scene, if the checkpoint does not state them'
    )
    parser.add_argument('--input-scale', type=float, default=1.0, metavar='F', help='factor of the input (default: 1)')
    parser.add_argument('--trust', action='store_true', help='trust the checkpoint: unpickle it without restriction')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Write the file; returns 2 if it cannot be written."""
    args = parse_args(argv)
    try:
        config = find_config(args.config)
        check_checkpoint(args.checkpoint)
        from mmhsi.engine.run_checkpoints import named_checkpoint

        checkpoint = named_checkpoint(args.checkpoint, default_work_dir(config))
        out = Path(args.out or Path(checkpoint).with_suffix(_SUFFIXES[args.format]))
        if not out.parent.is_dir():
            raise FileNotFoundError(f'{out.parent}: there is no such folder')
        from mmengine.config import Config

        from mmhsi.inference.export import export_network

        cfg = Config.fromfile(config)
        described = export_network(cfg, checkpoint, out, args.format, args.num_bands, args.input_scale, args.trust)
    except (OSError, ValueError, ImportError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    shapes = [f'({", ".join(map(str, described[name]))})' for name in ('input_shape', 'output_shape')]
    print(f'{out}: {out.stat().st_size / 2**20:.1f} MiB, {described["input"]} {shapes[0]} to {described["output"]}')
    print(f'{" " * len(str(out))}  {shapes[1]}; largest difference from PyTorch {described["error"]:.1e}')
    return 0
