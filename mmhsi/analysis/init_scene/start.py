"""The start of every plan: the cubes and the labels of a request, and the settings that all scenes share."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mmhsi.analysis.init_scene.found_cube import FoundCube, find_cube, summary_of, two_dates
from mmhsi.analysis.init_scene.found_labels import FoundLabels, find_labels_of_all, map_arrays, shape_of_map
from mmhsi.analysis.init_scene.plan import Plan, Request
from mmhsi.datasets.io.products import product_title
from mmhsi.datasets.io.same_ground import check_same_ground
from mmhsi.datasets.scenes.scene_list import scene_configs


def start_plan(request: Request, kind: str, number: int = 1) -> Plan:
    """Cubes and labels of the request, and the settings common to all scenes."""
    paths, keys, rest = _files(request, number)
    most, what = (2, 'abundances and endmembers') if request.task == 'unmixing' else (1, 'one file of labels')
    if len(rest) > most:
        masks = '; draw masks of changed and unchanged pixels into one map, with two values' if number == 2 else ''
        raise ValueError(f'{request.task}: {what} may follow the scene, found {", ".join(rest)}{masks}')
    scenes = _scenes(kind, paths, rest, request.task)
    if len(scenes) == 1:
        paths, rest = scenes[0]
        cubes = _cubes(request, paths, keys, rest)
        root = os.path.dirname(cubes[0].source['path'])
        plan = Plan(request.name or Path(cubes[0].source['path']).stem, root, cubes)
    else:
        each = [_cubes(request, files, keys, labels) for files, labels in scenes]
        cubes = [summary_of(alike, path) for alike, path in zip(zip(*each, strict=True), paths, strict=True)]
        root = os.path.dirname(paths[0])
        while glob.has_magic(root):
            root = os.path.dirname(root)
        plan = Plan(request.name or Path(paths[0] if os.path.isdir(paths[0]) else root).name, root, cubes)
    if request.task not in ('unmixing', 'denoising', 'super_resolution'):
        plan.label_files = [labels[0] for _, labels in scenes if labels]
        plan.labels = _labels(request, cubes[0], plan.label_files)
        if plan.labels is not None:
            plan.labels_given = rest[0] if rest else cubes[0].path
    images = tuple(relative({**cube.source, 'path': cube.path}, root) for cube in cubes)
    plan.scene = [
        ('type', kind, f'the scenes of {request.task.replace("_", " ")}'),
        ('data_root', root, 'folder that the paths start from'),
        ('image', images[0] if number == 1 else images, ' / '.join(map(image_reason, cubes))),
    ]
    if len(scenes) == 1:
        plan.scene.insert(1, ('name', plan.name, 'in the names of the products'))
    nodata = next((cube.nodata for cube in cubes if cube.nodata is not None), None)
    if nodata is not None:
        plan.scene.append(('nodata', nodata, 'the file does not declare it, but whole pixels or bands have this value'))
    if plan.left_out:
        plan.numbers.append(('left_out', plan.left_out, 'empty, constant or marked as bad; counted from 0'))
    plan.notes += [note for cube in cubes for note in _missing_data(cube)]
    return plan


def _missing_data(cube: FoundCube) -> Iterator[str]:
    """Notes on pixels without data."""
    if cube.masked > 0:
        yield f'{cube.path}: {cube.masked:.1%} of the pixels looked at hold no data; they are masked.'
    if 0.01 < cube.zeros < 1:
        yield (
            f'{cube.path}: {cube.zeros:.1%} of the pixels looked at are 0 in all bands; if this means "no data", add '
            'nodata=0 to the dataset file.'
        )


def _scenes(kind: str, paths: Sequence[str], rest: Sequence[str], task: str) -> list[tuple[list[str], list[str]]]:
    """The cubes of each scene that the paths stand for, one or two, and what follows them: its label map."""
    if not any(_stands_for_several(path) for path in paths):
        return [(list(paths), list(rest))]
    if task == 'unmixing':
        raise ValueError(
            f'{paths[0]}: endmembers belong to one scene; name one of its files, and predict the folder with what was '
            'learnt there'
        )
    image = paths[0] if len(paths) == 1 else tuple(paths)
    configs = scene_configs(dict(type=kind, image=image, labels=rest[0] if rest else None))
    return [
        (
            [config['image']] if len(paths) == 1 else list(config['image']),
            [config['labels']] if config.get('labels') is not None else [],
        )
        for config in configs
    ]


def _stands_for_several(path: str) -> bool:
    return (os.path.isdir(path) and product_title(path) is None) or (not os.path.exists(path) and glob.has_magic(path))


def _cubes(request: Request, paths: Sequence[str], keys: Sequence[str | None], rest: Sequence[str]) -> list[FoundCube]:
    """The cube of a scene, or both dates of it."""
    shape = shape_of_map(rest[0], request.labels_key) if rest and request.task != 'unmixing' else None
    cubes = [
        find_cube(path, key, request.layout, request.size, shape, request.wavelengths)
        for path, key in zip(paths, keys, strict=True)
    ]
    if len(cubes) == 2:
        check_same_ground(cubes[1].info, cubes[0].info, 'the two dates')
        if cubes[0].file_bands != cubes[1].file_bands:
            raise ValueError(
                f'the two dates must have the same bands: {paths[0]} has {cubes[0].file_bands}, {paths[1]} has '
                f'{cubes[1].file_bands}'
            )
    return cubes


def _files(request: Request, number: int) -> tuple[list[str], list[str | None], list[str]]:
    """The file of each cube, its key, and the files that follow."""
    keys = list(request.key or [])
    if number == 2 and len(request.paths) < 3:
        inside = keys if len(keys) == 2 else two_dates(request.paths[0])
        if len(inside) == 2:
            return [request.paths[0]] * 2, list(inside), request.paths[1:]
    if len(request.paths) < number:
        raise ValueError(
            f'{request.task} needs two dates: mmhsi init FIRST SECOND LABELS, or a file of two cubes of one size '
            f'(--key FIRST SECOND names them); found {len(request.paths)} file'
        )
    if len(keys) > number:
        raise ValueError(f'--key: {len(keys)} names are given, {request.task} reads {number}')
    keys = (keys or [None]) * number if len(keys) < number else keys
    return request.paths[:number], keys[:number], request.paths[number:]


def _labels(request: Request, cube: FoundCube, files: Sequence[str]) -> FoundLabels | None:
    """The label maps of all scenes: in files of their own, or beside the cubes in theirs."""
    members = cube.members or (cube,)
    infos = [member.info for member in members]
    if files:
        return find_labels_of_all(files, infos, request.labels_key)
    paths = [member.source['path'] for member in members]
    inside = map_arrays(paths[0], cube.info.shape[:2])
    if request.labels_key is None and len(inside) != 1:
        return None
    return find_labels_of_all(paths, infos, request.labels_key)


def need_labels(plan: Plan, request: Request, why: str) -> FoundLabels:
    if plan.labels is None:
        raise ValueError(
            f'{request.task} needs labels: {why}; give the label map after the scene, or its name in the file with '
            f'--labels-key{_may_be_labels(plan.cube)}'
        )
    return plan.labels


def _may_be_labels(cube: FoundCube) -> str:
    arrays = map_arrays(cube.source['path'], None)
    listed = ', '.join(f"'{name}' {item.shape}" for name, item in arrays.items())
    return (
        f'. Its file also holds {listed}; the cube has {cube.info.height} x {cube.info.width} pixels' if arrays else ''
    )


def add_labels(plan: Plan) -> None:
    found = plan.labels
    total = sum(found.counts.values())
    reason = f'{total:,} labelled pixels, {found.zeros:,} are 0'
    source = relative({**found.source, 'path': plan.labels_given}, plan.root)
    plan.scene.append(('labels', source, '; '.join([reason, *found.reasons.values()])))


def relative(source: Mapping, root: str) -> dict:
    """A source whose path starts from the root, if it lies there."""
    path = os.path.relpath(source['path'], root)
    return {**source, 'path': source['path'] if path.startswith('..') else path}


def image_reason(cube: FoundCube) -> str:
    info = cube.info
    several = f'{len(cube.members)} scenes, the first of ' if cube.members else ''
    text = f'{several}{info.height} x {info.width} pixels, {info.bands} bands, {info.dtype}'
    return '; '.join([text, *(f'{name}: {reason}' for name, reason in cube.reasons.items())])
