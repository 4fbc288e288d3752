"""Text output: findings about the files of a scene, and the next commands."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
from rasterio.crs import CRS

from mmhsi.analysis.init_scene.found_cube import FoundCube
from mmhsi.analysis.init_scene.plan import Plan, Request


def describe_cube(cube: FoundCube) -> list[tuple[str, str]]:
    """Description of a cube, as pairs of a term and a sentence."""
    info = cube.info
    rows = [
        ('file', ', '.join([cube.path, *(f'{key} {value}' for key, value in _how(cube).items())])),
        (
            'format',
            ('list of pixels' if 'size' in cube.source else info.format) + (f', {info.sensor}' if info.sensor else ''),
        ),
        ('size', f'{_sizes(cube)} pixels, {cube.file_bands} bands, {info.dtype}'),
    ]
    if info.wavelengths is None:
        rows.append(
            (
                'wavelengths',
                'the file states none; --wavelengths FIRST LAST gives them, for false colour and matching of bands',
            )
        )
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
            f'1st percentile {low:.4g}, median {middle:.4g}, 99th {high:.4g}, largest {cube.largest:.4g}{scaled}: '
            f'{_unit(cube)}',
        )
    )
    return rows


def _sizes(cube: FoundCube) -> str:
    sizes = list(dict.fromkeys(f'{each.info.height} x {each.info.width}' for each in cube.members or (cube,)))
    listed = ', '.join(sizes[:4]) + (', ...' if len(sizes) > 4 else '')
    return f'{len(cube.members)} scenes, {listed}' if cube.members else listed


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
    """Description of the labels, as pairs of a term and a sentence."""
    found = plan.labels
    if found is None:
        return []
    counts = ', '.join(f'{code}: {count:,}' for code, count in list(found.counts.items())[:40])
    rows = [('labels', plan.labels_given or found.source['path']), ('pixels by label', f'{counts}; 0: {found.zeros:,}')]
    return rows + [('not labels', reason) for reason in found.reasons.values()]


def commands(config: Path, plan: Plan, request: Request) -> list[tuple[str, str]]:
    """The next commands, as pairs of a command and its description."""
    work_dir = f'work_dirs/{config.stem}'
    paths = [cube.path if os.path.exists(cube.path) else cube.source['path'] for cube in plan.cubes]
    if plan.places:
        place = {name: value for name, value, _ in plan.numbers}['test'][0]
        paths = [str(Path(plan.root, place, *Path(path).relative_to(plan.root).parts[1:])) for path in paths]
    state = 'last' if request.task in ('target_detection', 'anomaly_detection', 'unmixing') else 'best'
    scored = [
        (('test', config, state), f'scores, maps and the comparison with classical methods in {work_dir}'),
        (('baseline', config), 'classical methods alone, on the same pixels'),
    ]
    listed = [
        (('data', config), 'reads every file once'),
        (('train', config), 'trains; the log says which settings followed from the scene'),
        *(scored if plan.scored else []),
        (('predict', *paths, '-c', config, '-w', state, '-o', f'{work_dir}/maps'), 'maps of this scene or of others'),
    ]
    return [(shlex.join(map(str, [*_program(), *words])), text) for words, text in listed]


def _program() -> list[str]:
    """The words that call the command: its name, or its path where the shell does not find the name."""
    beside = Path(sys.executable).with_name('mmhsi')
    found = shutil.which('mmhsi')
    if found is not None and (not beside.exists() or os.path.samefile(found, beside)):
        return ['mmhsi']
    if beside.exists():
        inside = beside.is_relative_to(Path.cwd())
        return [str(beside.relative_to(Path.cwd()) if inside else beside)]
    return [sys.executable, '-m', 'mmhsi.cli']
