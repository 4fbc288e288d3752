"""The dataset file of each task: the arguments of its scene, each with a reason."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmhsi.analysis.init_scene.found_cube import FoundCube, find_cube, summary_of, two_dates
from mmhsi.analysis.init_scene.found_labels import (
    FoundLabels,
    find_labels,
    find_labels_of_all,
    map_arrays,
    shape_of_map,
)
from mmhsi.analysis.init_scene.found_mixture import find_abundances, find_endmembers, number_of_maps, number_of_spectra
from mmhsi.datasets.io import read_labels
from mmhsi.datasets.io.class_names import class_names
from mmhsi.datasets.io.folders import scene_files
from mmhsi.datasets.io.products import product_title
from mmhsi.datasets.io.same_ground import check_same_ground
from mmhsi.datasets.scenes.cube_source import CubeSource
from mmhsi.datasets.scenes.scene_list import scene_configs
from mmhsi.datasets.scenes.target_spectrum import read_target_spectrum

_BAND_FILES = tuple(f'b{band}{suffix}' for band in ('01', '02', '8a') for suffix in ('.tif', '.tiff', '.jp2'))
_SECOND = re.compile(r'post|after|later', re.IGNORECASE)
CHANGE_NAMES = ('unchanged', 'changed')
_OTHER_UNITS = 50  # ratio of typical values that no target has in the units of the scene
_SMALL_CLASS = 16  # labelled pixels: 10 to train, 5 to validate, 1 to test


@dataclass
class Request:
    """The request of the user.

    Attributes:
        paths (list[str]): Files of the scene and of its labels, absolute.
        task (str): Name of the task.
        name (str, optional): Name of the scene.
        key (Sequence[str], optional): Name of the cube in its file, or that of each of two dates.
        layout, size: Of the cube, see :func:`find_cube`.
        labels_key (str, optional): Name of the label map in its file.
        classes (list[str], optional): Names of the classes, in ascending order of their labels.
        target_spectrum, target_name (str, optional): File of the target spectrum, and its name in it.
        endmembers (int, optional): Number of endmembers.
        scale (int): Factor of super-resolution.
        folder (str): Folder that the files are written to.
        wavelengths (tuple[float, float], optional): Of the first and the last band, in nm.
    """

    paths: list[str]
    task: str
    name: str | None = None
    key: Sequence[str] | None = None
    layout: str | None = None
    size: tuple[int, int] | None = None
    labels_key: str | None = None
    classes: list[str] | None = None
    target_spectrum: str | None = None
    target_name: str | None = None
    endmembers: int | None = None
    scale: int = 2
    folder: str = '.'
    wavelengths: tuple[float, float] | None = None


@dataclass
class Plan:
    """The files to be written.

    Attributes:
        name (str): Name of the scene.
        root (str): Folder that the paths start from.
        cubes (list[FoundCube]): The cube, or those of two dates.
        labels (FoundLabels | None): The labels.
        labels_given (str): Their file, or the folder or pattern of those of several scenes.
        label_files (list[str]): The file of each scene, if they have files of their own.
        scene (list[tuple[str, object, str]]): Arguments of the scene: name, value, reason.
        numbers (list[tuple[str, object, str]]): Other values that the config takes from the dataset file, in the same
            form.
        files (dict[str, str]): Further files by name, in the folder of the dataset file.
        notes (list[str]): Messages for the user.
        scored (bool): Whether there is ground truth for scores.
        places (bool): Whether the scene stands for many, one in each folder.
    """

    name: str
    root: str
    cubes: list[FoundCube]
    labels: FoundLabels | None = None
    labels_given: str = ''
    label_files: list[str] = field(default_factory=list)
    scene: list[tuple[str, object, str]] = field(default_factory=list)
    numbers: list[tuple[str, object, str]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    scored: bool = True
    places: bool = False

    @property
    def cube(self) -> FoundCube:
        """The first cube."""
        return self.cubes[0]

    @property
    def left_out(self) -> list[int | tuple[int, int]]:
        """Bands of the file to leave out, as spans; empty if the file itself marks them all."""
        each = [member for cube in self.cubes for member in cube.members or (cube,)]
        without = {band for cube in each for band in cube.without_data}
        marked = [cube.marked_bad for cube in each]
        if not without and all(bands == marked[0] for bands in marked):
            return []  # marked bands are left out anyway
        return _spans(sorted(without.union(*marked)))


def make_plan(request: Request) -> Plan:
    """Inspect the files and decide on the content of the dataset file.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the files lack something that the task needs; the message says what is missing.
    """
    return _PLANS[request.task](request)


def identifier(name: str) -> str:
    """The name of a scene as a Python identifier."""
    plain = re.sub(r'\W+', '_', name).strip('_').lower()
    return plain if plain and not plain[0].isdigit() else f'scene_{plain}'


def _spans(bands: Sequence[int]) -> list[int | tuple[int, int]]:
    spans: list[list[int]] = []
    for band in bands:
        if spans and band == spans[-1][1] + 1:
            spans[-1][1] = band
        else:
            spans.append([band, band])
    return [first if first == last else (first, last) for first, last in spans]


def _relative(source: Mapping, root: str) -> dict:
    """A source whose path starts from the root, if it lies there."""
    path = os.path.relpath(source['path'], root)
    return {**source, 'path': source['path'] if path.startswith('..') else path}


def _image_reason(cube: FoundCube) -> str:
    info = cube.info
    several = f'{len(cube.members)} scenes, the first of ' if cube.members else ''
    text = f'{several}{info.height} x {info.width} pixels, {info.bands} bands, {info.dtype}'
    return '; '.join([text, *(f'{name}: {reason}' for name, reason in cube.reasons.items())])


def _start(request: Request, kind: str, number: int = 1) -> Plan:
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
        plan = Plan(request.name or Path(paths[0] if os.path.isdir(paths[0]) else root).name, root, cubes)
    if request.task not in ('unmixing', 'denoising', 'super_resolution'):
        plan.label_files = [labels[0] for _, labels in scenes if labels]
        plan.labels = _labels(request, cubes[0], plan.label_files)
        if plan.labels is not None:
            plan.labels_given = rest[0] if rest else cubes[0].path
    images = tuple(_relative({**cube.source, 'path': cube.path}, root) for cube in cubes)
    plan.scene = [
        ('type', kind, f'the scenes of {request.task.replace("_", " ")}'),
        ('data_root', root, 'folder that the paths start from'),
        ('image', images[0] if number == 1 else images, ' / '.join(map(_image_reason, cubes))),
    ]
    if len(scenes) == 1:
        plan.scene.insert(1, ('name', plan.name, 'in the names of the products'))
    nodata = next((cube.nodata for cube in cubes if cube.nodata is not None), None)
    if nodata is not None:
        plan.scene.append(('nodata', nodata, 'the file does not declare it, but whole pixels or bands have this value'))
    if plan.left_out:
        plan.numbers.append(('left_out', plan.left_out, 'empty, constant or marked as bad; counted from 0'))
    for cube in cubes:
        if cube.masked > 0:
            plan.notes.append(f'{cube.path}: {cube.masked:.1%} of the pixels looked at hold no data; they are masked.')
        if 0.01 < cube.zeros < 1:
            plan.notes.append(
                f'{cube.path}: {cube.zeros:.1%} of the pixels looked at are 0 in all bands; if this means '
                '"no data", add nodata=0 to the dataset file.'
            )
    return plan


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
    return (os.path.isdir(path) and product_title(path) is None) or (not os.path.exists(path) and '*' in path)


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


def _need_labels(plan: Plan, request: Request, why: str) -> FoundLabels:
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


def _add_labels(plan: Plan) -> None:
    found = plan.labels
    total = sum(found.counts.values())
    reason = f'{total:,} labelled pixels, {found.zeros:,} are 0'
    source = _relative({**found.source, 'path': plan.labels_given}, plan.root)
    plan.scene.append(('labels', source, '; '.join([reason, *found.reasons.values()])))


def _classification(request: Request) -> Plan:
    plan = _start(request, 'Scene')
    found = _need_labels(plan, request, 'a classifier learns from labelled pixels')
    _add_labels(plan)
    counted = found.counts
    if found.zeros and len(request.classes or ()) == len(counted) + 1:
        counted = {0: found.zeros, **counted}
    stated = class_names(found.source['path'])
    named = [stated.get(code, '') for code in counted]
    named = named if all(named) and len(set(named)) == len(named) else []
    names = request.classes or named or [f'class {code}' for code in counted]
    if len(names) != len(counted):
        raise ValueError(
            f'{len(names)} class names are given ({", ".join(names)}), but the label map has {len(counted)} '
            f'values: {", ".join(map(str, counted))}; others are unlabelled{_zero_may_be_a_class(found)}'
        )
    if len(names) < 2:
        raise ValueError(
            f'{found.source["path"]}: there is only one class ({next(iter(counted))}), a classifier needs two; '
            f'other pixels are unlabelled{_zero_may_be_a_class(found)}'
        )
    if found.zeros and 0 not in counted and (found.ignored or found.without):
        marks = [f'{value:g}' for value in found.ignored] + ['"no data"'] * bool(found.without)
        plan.notes.append(f'Pixels marked {" and ".join(marks)} are unlabelled{_zero_may_be_a_class(found)}.')
    counts = ', '.join(f'{count:,}' for count in counted.values())
    origin = '' if request.classes else '; named in the label map' if named else '; no names were given: put yours here'
    plan.scene.append(('classes', tuple(names), f'{counts} pixels{origin}'))
    if list(counted) != list(range(1, len(counted) + 1)):
        codes = dict(zip(names, counted, strict=True))
        plan.scene.append(('label_codes', codes, 'values of the classes in the label map'))
    plan.scene.append(
        (
            'split',
            dict(type='NumberSplit', train=10, val=5, seed=0),
            'labelled pixels of each class for training and validation; all others are for the test',
        )
    )
    if plan.cube.members:
        plan.notes.append(
            'Pixels of all scenes are in the training; whole scenes for the test, split=dict(type="SceneSplit", '
            f'test=["{Path(plan.cube.members[-1].path).stem}"]), tell more about new ground.'
        )
    small = [f'{name} ({count})' for name, count in zip(names, counted.values(), strict=True) if count < _SMALL_CLASS]
    if small:
        plan.notes.append(
            f'Classes with fewer than {_SMALL_CLASS} labelled pixels train on fewer than ten: {", ".join(small)}.'
        )
    return plan


def _zero_may_be_a_class(found: FoundLabels) -> str:
    if not found.zeros:
        return ''
    codes = [0, *found.counts]
    names = ' '.join(f'NAME_OF_{code}' for code in codes[:3]) + (' and so on' if len(codes) > 3 else '')
    return f'; so is 0 ({found.zeros:,} pixels). If 0 is a class, name all classes: --classes {names}'


def _two_codes(found: FoundLabels, first_is_zero: bool) -> tuple[list[int], str]:
    """Codes of the frequent and of the rare class of a map of two, and how they were distinguished."""
    codes = dict(found.counts)
    if first_is_zero or len(codes) == 1:
        codes = {0: found.zeros, **codes}
    if len(codes) != 2:
        raise ValueError(
            f'{found.source["path"]}: two values are expected besides unlabelled pixels, found '
            f'{", ".join(map(str, codes))}'
        )
    ordered = sorted(codes, key=codes.get, reverse=True)
    return ordered, f'{codes[ordered[0]]:,} and {codes[ordered[1]]:,} pixels: the rarer value is taken for the second'


def _detection(request: Request) -> Plan:
    plan = _start(request, 'DetectionScene')
    target = request.task == 'target_detection'
    names = tuple(request.classes or ('background', 'target' if target else 'anomaly'))
    plan.scene.append(('classes', names, 'what is sought comes second'))
    if plan.labels is None:
        plan.scored = False
        plan.scene.append(('labels', None, 'there are none'))
        plan.notes.append('There are no labels: the network trains and predicts, but nothing can be scored.')
    else:
        _add_labels(plan)
        ordered, how = _two_codes(plan.labels, plan.labels.zeros > 0 and len(plan.labels.counts) == 1)
        plan.scene.append(('label_codes', dict(zip(names, ordered, strict=True)), how))
    if target and request.target_spectrum is not None:
        spectrum = dict(path=os.path.abspath(request.target_spectrum))
        if request.target_name is not None:
            spectrum['name'] = request.target_name
        _check_target(plan, spectrum)
        plan.scene.append(('target_spectrum', spectrum, "what is sought; scale=... if its units are not the scene's"))
    elif target:
        if plan.labels is None:
            raise ValueError(
                'target_detection needs the spectrum of the target: a file, --target-spectrum FILE, or labels to take '
                'it from'
            )
        name = f'{identifier(plan.name)}_target.csv'
        plan.files[name] = _mean_of_targets(plan, ordered[1])
        path = os.path.join(os.path.abspath(request.folder), name)
        plan.scene.append(
            ('target_spectrum', dict(path=path), 'the mean of all labelled target pixels, as is customary in papers')
        )
        plan.notes.append(
            'The target spectrum is the mean of the labelled targets: scores are those of someone who knows them. '
            '--target-spectrum FILE takes it from elsewhere.'
        )
    return plan


def _check_target(plan: Plan, spectrum: Mapping) -> None:
    """Read the target spectrum as the scene will, and compare its values with those of the cube."""
    source = CubeSource(plan.cube.source, plan.cube.nodata, keep_bad_bands=bool(plan.left_out))
    info = source.info
    source.close()
    values = read_target_spectrum(bands=info.bands, wavelengths=info.wavelengths, **spectrum)
    low, middle, high = plan.cube.percentiles
    typical = float(np.nanmedian(np.abs(values)))
    if typical == 0 or not 1 / _OTHER_UNITS < max(abs(middle), abs(high - low)) / typical < _OTHER_UNITS:
        plan.notes.append(
            f'{spectrum["path"]}: the target spectrum lies between {np.nanmin(values):.4g} and '
            f'{np.nanmax(values):.4g}, the scene between {low:.4g} and {high:.4g}. If their units differ, add '
            'scale=... to target_spectrum in the dataset file.'
        )


def _mean_of_targets(plan: Plan, code: int) -> str:
    """Mean spectrum of the pixels with a label, as a table over the bands that the scene reads; 0 without data."""
    cubes = plan.cube.members or (plan.cube,)
    files = plan.label_files or [cube.source['path'] for cube in cubes]
    total = count = np.zeros(1)
    for cube, path in zip(cubes, files, strict=True):
        rows, columns = np.nonzero(read_labels(**{**plan.labels.source, 'path': path}) == code)
        source = CubeSource(cube.source, plan.cube.nodata, keep_bad_bands=bool(plan.left_out))
        info = source.info
        for row, column in zip(rows, columns, strict=True):
            stored = source.stored((int(row), int(column), 1, 1))[0, 0]
            missing = info.no_data(stored, nodata=plan.cube.nodata)
            total, count = total + np.where(missing, 0, info.physical(stored)), count + ~missing
        source.close()
    if not count.any():
        raise ValueError(f'{plan.labels.source["path"]}: the pixels with the label {code} hold no data')
    values = total / np.maximum(count, 1)
    if info.wavelengths is None:
        lines = ['target', *(f'{value:.9g}' for value in values)]
    else:
        lines = ['wavelength (nm),target']
        lines += [f'{wave:.9g},{value:.9g}' for wave, value in zip(info.wavelengths, values, strict=True)]
    return '\n'.join([*lines, ''])


def _change(request: Request) -> Plan:
    plan = _start(request, 'PairScene', 2)
    found = _need_labels(plan, request, 'a change detector learns from labelled pixels')
    _add_labels(plan)
    ordered, how = _two_codes(found, False)
    plan.scene.append(('label_codes', dict(zip(CHANGE_NAMES, ordered, strict=True)), how))
    if 0 in ordered and len(request.paths) > 2:
        plan.notes.append(
            f'{found.zeros:,} pixels of label 0 are taken for {CHANGE_NAMES[ordered.index(0)]}. If some of them are '
            'unlabelled instead, no score can be right: name a map of the unchanged pixels as well, '
            "labels=[dict(path='changed.bmp', codes=dict(changed=255)), "
            "dict(path='unchanged.bmp', codes=dict(unchanged=255))] without label_codes."
        )
    fewest = min(found.counts.get(code, found.zeros) for code in ordered)
    train, val = min(100, fewest // 3), min(50, fewest // 6)
    if val < 1:
        raise ValueError(
            f'{found.source["path"]}: a class has only {fewest} pixels, too few for training, validation and test'
        )
    plan.scene.append(
        (
            'split',
            dict(type='NumberSplit', train=train, val=val, seed=0),
            'labelled pixels per class to train and to validate on; all others are for the test',
        )
    )
    return plan


def _unmixing(request: Request) -> Plan:
    plan = _start(request, 'UnmixingScene')
    cube, paths = plan.cube, [*request.paths[1:], plan.cube.source['path']]
    truth = next(
        (found for path in paths if (found := find_abundances(path, cube, request.labels_key)) is not None), None
    )
    number = request.endmembers
    if truth is not None:
        maps = number_of_maps(truth, cube.info.shape[:2])
        if number not in (None, maps):
            raise ValueError(f'{truth["path"]}: there are {maps} abundance maps, but --endmembers is {number}')
        number = maps
    spectra = next(
        (
            found
            for path in paths
            if (found := find_endmembers(path, cube, number, () if truth is None else (truth['key'],))) is not None
        ),
        None,
    )
    if number is None and spectra is not None:
        number = number_of_spectra(spectra)
    if number is None:
        raise ValueError(f'{cube.source["path"]}: the number of endmembers is not known; give --endmembers NUMBER')
    if truth is not None:
        plan.scene.append(('abundances', _relative(truth, plan.root), 'the truth; for the scores alone'))
    if spectra is not None:
        plan.scene.append(('endmembers', _relative(spectra, plan.root), 'the truth; for the scores alone'))
    if request.classes:
        plan.scene.append(('endmember_names', tuple(request.classes), 'in the order of the truth'))
    plan.scene.append(('num_endmembers', number, 'of the truth' if truth or spectra else 'as you said'))
    if truth is None and spectra is None:
        plan.scored = False
        plan.notes.append('There is no truth: abundances and endmembers are found, but nothing can be scored.')
    return plan


def _denoising(request: Request) -> Plan:
    plan = _start(request, 'Scene')
    plan.notes.append(
        'The scene is taken for clean, and noise is added to it. Its own noise bounds what the network can learn.'
    )
    return plan


def _super_resolution(request: Request) -> Plan:
    if request.scale not in (2, 4):
        raise ValueError(f'--scale {request.scale}: expected 2 or 4')
    plan = _start(request, 'Scene')
    return plan


def _multispectral(request: Request) -> Plan:
    if len(request.paths) > 1:
        return _change(request)
    root = request.paths[0]
    if not os.path.isdir(root):
        raise ValueError(
            f'{root}: multispectral_change_detection needs FIRST SECOND LABELS, or a folder with a folder for each '
            'place, each with two dates and a map of the changes under the same names'
        )
    places = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    files = {
        place: {path.relative_to(Path(root, place)).as_posix() for path in scene_files(Path(root, place), True, True)}
        for place in places
    }
    files = {place: found for place, found in files.items() if found}
    if any(
        re.match(r'imgs_[12]', name) and name.lower().endswith(_BAND_FILES) for name in set().union(*files.values())
    ):
        raise ValueError(
            f'{root}: the folders imgs_1 and imgs_2 hold a file for each band, as the release of OSCD does; bring them '
            f'to one grid first: python tools/dataset_converters/oscd.py {root} --out data/oscd'
        )
    if len(files) < 3:
        raise ValueError(f'{root}: {len(files)} places with files, expected at least 3: to train, validate and test')
    common = sorted(set.intersection(*files.values()), key=lambda name: (bool(_SECOND.search(name)), name))
    first = next(iter(files))
    cubes: dict[str, FoundCube] = {}
    maps: dict[str, FoundLabels] = {}
    for name in common:
        path = str(Path(root, first, name))
        found = find_cube(path, None if request.key is None else request.key[0], request.layout)
        if found.info.bands > 3:
            cubes[name] = found
        else:
            maps[name] = find_labels(path, found.info)
    if len(cubes) != 2 or len(maps) != 1:
        raise ValueError(
            f'{root}: the places share the files {", ".join(common) or "none"}, of which {len(cubes)} are cubes and '
            f'{len(maps)} maps; expected two dates and one map of the changes'
        )
    (label_name, labels), kept = next(iter(maps.items())), list(cubes.values())
    ordered, how = _two_codes(labels, labels.zeros > 0)
    plan = Plan(request.name or Path(root).name, root, kept, labels)

    def source(found: Mapping, name: str) -> dict:
        return {**found, 'path': f'{{name}}/{name}'}

    plan.scene = [
        ('type', 'PairScene', 'the scenes of change detection'),
        ('data_root', root, 'folder with a folder for each place'),
        (
            'image',
            tuple(source(cube.source, name) for name, cube in cubes.items()),
            ' / '.join(map(_image_reason, kept)) + f' of {first}',
        ),
        ('labels', source(labels.source, label_name), 'the changes'),
        ('label_codes', dict(zip(CHANGE_NAMES, ordered, strict=True)), how),
    ]
    names = list(files)
    plan.places = True
    plan.notes.append('{} is taken for the first date, {} for the second.'.format(*cubes))
    held_out, chosen = max(1, len(names) // 3), max(1, len(names) // 8)
    plan.numbers = [
        ('bands', kept[0].bands, 'bands of one date'),
        ('train', names[: -held_out - chosen], 'by name; choose the places as they should be'),
        ('val', names[-held_out - chosen : -held_out], 'choose the best state'),
        ('test', names[-held_out:], 'are scored'),
    ]
    return plan


_PLANS: dict[str, Callable[[Request], Plan]] = {
    'classification': _classification,
    'target_detection': _detection,
    'anomaly_detection': _detection,
    'change_detection': _change,
    'unmixing': _unmixing,
    'denoising': _denoising,
    'super_resolution': _super_resolution,
    'multispectral_change_detection': _multispectral,
}
