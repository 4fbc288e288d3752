"""Write a checkpoint in another format: .safetensors or .pth, according to the suffix of DST.

    python tools/model_converters/convert_format.py work_dirs/hypersigma/best_OA_epoch_80.pth model.safetensors
    python tools/model_converters/convert_format.py best_OA_epoch_80.pth encoder.safetensors --prefix backbone.spatial.

A whole model keeps its config, split and fitted preprocessing, so that the file suffices for prediction. The state of
the optimiser is not kept: resume a training from the original.
"""

import argparse

from mmhsi.utils.command_line import run_tool
from mmhsi.weights.checkpoint_file import parameters_of, read_checkpoint, write_checkpoint
from mmhsi.weights.safetensors_file import LEFT_OUT


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('src', metavar='SRC', help='checkpoint of either format')
    parser.add_argument('dst', metavar='DST', help='file to write, with the suffix .safetensors or .pth')
    parser.add_argument('--prefix', help='write only the parameters with this prefix, and strip it from their names')
    args = parser.parse_args(argv)
    if not args.dst.endswith(('.safetensors', '.pth')):
        parser.error(f'DST must end in .safetensors or .pth, found {args.dst!r}')
    return args


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    checkpoint = read_checkpoint(args.src)
    if args.prefix:
        parameters = parameters_of(checkpoint, args.src)
        chosen = {
            name.removeprefix(args.prefix): parameter
            for name, parameter in parameters.items()
            if name.startswith(args.prefix)
        }
        if not chosen:
            raise ValueError(
                f'{args.src} has no parameter whose name starts with {args.prefix!r}; there are '
                f'{", ".join(sorted({name.split(".")[0] for name in parameters}))}'
            )
        checkpoint = dict(state_dict=chosen)
    elif 'state_dict' in checkpoint:
        checkpoint = {key: value for key, value in checkpoint.items() if key not in LEFT_OUT}
    write_checkpoint(checkpoint, args.dst)
    print(f'wrote {len(parameters_of(checkpoint, args.src))} parameters to {args.dst}')


if __name__ == '__main__':
    run_tool(main)
