"""The command ``mmhsi init``: from the files of a scene to a config that trains on it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

TASKS = (
    'classification',
    'target_detection',
    'anomaly_detection',
    'change_detection',
    'unmixing',
    'denoising',
    'super_resolution',
    'multispectral_change_detection',
)
_DESCRIPTION = """Write a dataset file and a config for a scene of your own.

    mmhsi init SCENE [LABELS] --task classification         one cube and its label map
    mmhsi init FIRST SECOND LABELS --task change_detection  two dates and the map of the changes, or one file with all
    mmhsi init SCENE --task unmixing --endmembers 4         a cube, whose file may hold the truth as well
    mmhsi init IMAGES LABELS --task classification          folders or patterns: several scenes as one set of data

The files are read, what they hold is reported, and each value that is written stands beside its reason. Nothing else
is changed."""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'paths', nargs='+', metavar='SCENE', help='files: the scene, of some tasks two dates; the labels'
    )
    parser.add_argument('--task', required=True, choices=TASKS)
    parser.add_argument(
        '--out', default='experiments', metavar='DIR', help='folder of both files (default: experiments)'
    )
    parser.add_argument('--name', help='name of the scene (default: that of its file)')
    parser.add_argument(
        '--key', nargs='+', metavar='KEY', help='name of the cube in a file of several arrays; of each date in turn'
    )
    parser.add_argument('--layout', choices=('hwc', 'chw', 'bil', 'cwh', 'whc'), help='axes of the array in the file')
    parser.add_argument('--size', nargs=2, type=int, metavar=('H', 'W'), help='size of an image stored as a pixel list')
    parser.add_argument(
        '--wavelengths', nargs=2, type=float, metavar=('FIRST', 'LAST'), help='in nm, if the file states none'
    )
    parser.add_argument('--labels-key', metavar='KEY', help='name of the label map, or of the abundances, in its file')
    parser.add_argument(
        '--classes',
        nargs='+',
        metavar='NAME',
        help='names of the classes, by ascending label; one name more than there are labels makes 0 the first class',
    )
    parser.add_argument('--target-spectrum', metavar='FILE', help='file of the spectrum of the target')
    parser.add_argument('--target-name', metavar='NAME', help='name of the spectrum in a file of several')
    parser.add_argument('--endmembers', type=int, metavar='NUMBER', help='number of endmembers')
    parser.add_argument('--scale', type=int, default=2, help='scale factor of super-resolution, 2 or 4 (default: 2)')
    parser.add_argument('--overwrite', action='store_true', help='replace existing files')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Report, write the files and print the next commands; returns 0, or 2 if the files are not suitable."""
    args = parse_args(argv)
    from mmhsi.analysis.init_scene.findings import commands, describe_cube, describe_labels
    from mmhsi.analysis.init_scene.plan import Request
    from mmhsi.analysis.init_scene.write import init_scene

    request = Request(
        [os.path.abspath(path) for path in args.paths],
        args.task,
        args.name,
        args.key,
        args.layout,
        None if args.size is None else tuple(args.size),
        args.labels_key,
        args.classes,
        args.target_spectrum,
        args.target_name,
        args.endmembers,
        args.scale,
        args.out,
        None if args.wavelengths is None else tuple(args.wavelengths),
    )
    try:
        plan, dataset, config = init_scene(request, Path(args.out), args.overwrite)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    rows = [row for cube in plan.cubes for row in describe_cube(cube)] + describe_labels(plan)
    print('Found')
    for word, sentence in rows:
        print(f'  {word:<16}{sentence}')
    for note in plan.notes:
        print(f'Note: {note}')
    print(f'Wrote\n  {dataset}\n  {config}')
    for name in plan.files:
        print(f'  {Path(args.out, name)}')
    print('Next')
    for command, what in commands(config, plan, request):
        print(f'  {command}\n      {what}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
