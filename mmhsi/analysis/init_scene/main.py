"""Own data first: from the files of a scene to a config that trains on it."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
from rasterio.crs import CRS

from mmhsi.analysis.init_scene.found_cube import FoundCube
from mmhsi.analysis.init_scene.plans import TASKS, Plan, Request, make_plan
from mmhsi.analysis.init_scene.write import write_files

_DESCRIPTION = """Write a dataset file and a config for a scene of your own.

    SCENE [LABELS] --task classification        one cube and its label map
    FIRST SECOND LABELS --task change_detection two dates and the map of the changes
    SCENE --task unmixing --endmembers 4        a cube, whose file may hold the truth as well

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
    parser.add_argument('--key', help='name of the cube in a file of several arrays')
    parser.add_argument('--layout', choices=('hwc', 'chw', 'bil', 'cwh', 'whc'), help='axes of the array in the file')
    parser.add_argument('--size', nargs=2, type=int, metavar=('H', 'W'), help='size of an image stored as a pixel list')
    parser.add_argument(
        '--wavelengths', nargs=2, type=float, metavar=('FIRST', 'LAST'), help='nm, of a file that states none'
    )
    parser.add_argument('--labels-key', metavar='KEY', help='name of the label map, or of the abundances, in its file')
    parser.add_argument('--classes', nargs='+', metavar='NAME', help='names of the classes, by rising label')
    parser.add_argument('--target-spectrum', metavar='FILE', help='spectrum that a target detector looks for')
    parser.add_argument('--target-name', metavar='NAME', help='its name in a file of several')
    parser.add_argument('--endmembers', type=int, metavar='NUMBER', help='number of endmembers of unmixing')
    parser.add_argument('--scale', type=int, default=2, help='factor of super-resolution, 2 or 4 (default: 2)')
    parser.add_argument('--overwrite', action='store_true', help='replace files that are there')
    return parser.parse_args(argv)


def describe_cube(cube: FoundCube) -> list[tuple[str, str]]:
    """What a cube is, as pairs of a word and a sentence."""
    info = cube.info
    rows = [
        ('file', ', '.join([cube.source['path'], *(f'{key} {value}' for key, value in _how(cube).items())])),
        (
            'format',
            ('list of pixels' if 'size' in cube.source else info.format) + (f', {info.sensor}' if info.sensor else ''),
        ),
        ('size', f'{info.height} x {info.width} pixels, {info.bands + len(cube.marked_bad)} bands, {info.dtype}'),
    ]
    if info.wavelengths is None:
        rows.append(('wavelengths', 'the file states none'))
    else:
        low, high = np.nanmin(info.wavelengths), np.nanmax(info.wavelengths)
        rows.append(('wavelengths', f'{low:.0f} to {high:.0f} nm'))
    bad = [f'{len(cube.marked_bad)} are marked as bad'] if cube.marked_bad else []
    bad += [f'{len(cube.without_data)} are empty or constant'] if cube.without_data else []
    rows.append(('bands left out', ', '.join(bad) or 'none'))
    declared = 'none declared' if info.nodata is None else f'declared as {np.unique(info.nodata)}'
    if cube.nodata is not None:
        declared = f'not declared, but {cube.nodata:g} looks like it'
    rows.append(('no data', f'{declared}; {cube.masked:.1%} of the pixels looked at'))
    rows.append(('place', _place(info)))
    low, middle, high = cube.percentiles
    scaled = ' after the scale that the file states' if info.scaled else ''
    rows.append(
        (
            'values',
            f'1 % {low:.4g}, median {middle:.4g}, 99 % {high:.4g}, largest {cube.largest:.4g}{scaled}: {_unit(cube)}',
        )
    )
    return rows


def _how(cube: FoundCube) -> dict:
    return {name: value for name, value in cube.source.items() if name != 'path'}


def _place(info) -> str:
    if info.transform is None:
        return 'the file states none'
    a, b, _, d, e, _ = info.transform
    try:
        system = CRS.from_wkt(info.crs).to_string() if info.crs else 'no coordinate system'
    except ValueError:
        system = 'a coordinate system that is not understood'
    return f'{system[:60]}, pixels of {np.hypot(a, d):g} x {np.hypot(b, e):g}'


def _unit(cube: FoundCube) -> str:
    if cube.info.units:
        return cube.info.units
    low, _, high = cube.percentiles
    if low >= -0.2 and high <= 2:
        return 'they look like reflectance'
    if low >= -2000 and 1000 < high <= 20000:
        return 'they look like reflectance times 10000, or digital numbers'
    return 'digital numbers or radiance'


def describe_labels(plan: Plan) -> list[tuple[str, str]]:
    """What the labels are, as pairs of a word and a sentence."""
    found = plan.labels
    if found is None:
        return []
    counts = ', '.join(f'{code}: {count:,}' for code, count in list(found.counts.items())[:40])
    rows = [('labels', found.source['path']), ('pixels by label', f'{counts}; 0: {found.zeros:,}')]
    return rows + [('not labels', reason) for reason in found.reasons.values()]


def commands(config: Path, plan: Plan, request: Request) -> list[tuple[str, str]]:
    """What to type next, as pairs of a command and what it does."""
    work_dir = f'work_dirs/{config.stem}'
    method = (
        []
        if plan.labels is None and request.task in ('change_detection',)
        else [(f'{_program("test_classical")} {config}', 'classical methods on the same pixels')]
    )
    scenes = ' '.join(f'"{path}"' if ' ' in path else path for path in request.paths[: len(plan.cubes)])
    if plan.places:
        place = {name: value for name, value, _ in plan.numbers}['test'][0]
        scenes = ' '.join(str(Path(request.paths[0], *Path(cube.source['path']).parts)) for cube in plan.cubes)
        scenes = scenes.replace('{name}', place)
    train = [(f'{_program("train")} {config}', 'trains; the log says which settings followed from the scene')]
    test = [(f'{_program("test")} {config} last', f'scores and maps in {work_dir}')] if plan.scored else []
    predict = [
        (f'{_program("predict")} {scenes} -c {config} -w last -o {work_dir}/maps', 'maps of this scene or of others')
    ]
    check = [(f'{_program("verify_dataset")} {config}', 'reads every file once')]
    return [*check, *train, *test, *(method if plan.scored else []), *predict]


def _program(name: str) -> str:
    """How a command is called: by the installed program if it is there, else by the script of the repository."""
    if importlib.util.find_spec('mmhsi.cli') is not None:
        return f'mmhsi {dict(test_classical="test-classical", verify_dataset="verify").get(name, name)}'
    return f'python tools/{"misc/" if name == "verify_dataset" else ""}{name}.py'


def init_scene(request: Request, folder: Path, overwrite: bool = False) -> tuple[Plan, Path, Path]:
    """Look at the files and write both of ours; see :func:`make_plan` and :func:`write_files`."""
    plan = make_plan(request)
    return plan, *write_files(plan, request.task, folder, overwrite, request.scale)


def main(argv: list[str] | None = None) -> int:
    """Report, write and say what to type; returns 0, or 2 if the files do not do."""
    args = parse_args(argv)
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
