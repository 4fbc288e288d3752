"""The dataset file of each task: the arguments of its scene, each with a reason."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from mmhsi.analysis.init_scene.found_cube import FoundCube, find_cube
from mmhsi.analysis.init_scene.found_labels import FoundLabels, find_labels
from mmhsi.analysis.init_scene.found_mixture import find_abundances, find_endmembers, number_of_maps, number_of_spectra
from mmhsi.analysis.init_scene.plan import Plan, Request, identifier
from mmhsi.analysis.init_scene.start import add_labels, image_reason, need_labels, relative, start_plan
from mmhsi.datasets.io import read_labels
from mmhsi.datasets.io.class_names import class_names
from mmhsi.datasets.io.folders import scene_files
from mmhsi.datasets.scenes.cube_source import CubeSource
from mmhsi.datasets.scenes.pair_scene import CHANGE_CLASSES
from mmhsi.datasets.scenes.target_spectrum import read_target_spectrum

_BAND_FILES = tuple(f'b{band}{suffix}' for band in ('01', '02', '8a') for suffix in ('.tif', '.tiff', '.jp2'))
_SECOND = re.compile(r'post|after|later', re.IGNORECASE)
_OTHER_UNITS = 50  # ratio of typical values that no target has in the units of the scene
_SMALL_CLASS = 16  # labelled pixels: 10 to train, 5 to validate, 1 to test


def make_plan(request: Request) -> Plan:
    """Inspect the files and decide on the content of the dataset file.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the files lack something that the task needs; the message says what is missing.
    """
    return _PLANS[request.task](request)


def _classification(request: Request) -> Plan:
    plan = start_plan(request, 'Scene')
    found = need_labels(plan, request, 'a classifier learns from labelled pixels')
    add_labels(plan)
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
    plan = start_plan(request, 'DetectionScene')
    target = request.task == 'target_detection'
    names = tuple(request.classes or ('background', 'target' if target else 'anomaly'))
    plan.scene.append(('classes', names, 'what is sought comes second'))
    if plan.labels is None:
        plan.scored = False
        plan.scene.append(('labels', None, 'there are none'))
        plan.notes.append('There are no labels: the network trains and predicts, but nothing can be scored.')
    else:
        add_labels(plan)
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
    plan = start_plan(request, 'PairScene', 2)
    found = need_labels(plan, request, 'a change detector learns from labelled pixels')
    add_labels(plan)
    ordered, how = _two_codes(found, False)
    plan.scene.append(('label_codes', dict(zip(CHANGE_CLASSES, ordered, strict=True)), how))
    if 0 in ordered and len(request.paths) > 2:
        plan.notes.append(
            f'{found.zeros:,} pixels of label 0 are taken for {CHANGE_CLASSES[ordered.index(0)]}. If some of them are '
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
    plan = start_plan(request, 'UnmixingScene')
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
        plan.scene.append(('abundances', relative(truth, plan.root), 'the truth; for the scores alone'))
    if spectra is not None:
        plan.scene.append(('endmembers', relative(spectra, plan.root), 'the truth; for the scores alone'))
    if request.classes:
        plan.scene.append(('endmember_names', tuple(request.classes), 'in the order of the truth'))
    plan.scene.append(('num_endmembers', number, 'of the truth' if truth or spectra else 'as you said'))
    if truth is None and spectra is None:
        plan.scored = False
        plan.notes.append('There is no truth: abundances and endmembers are found, but nothing can be scored.')
    return plan


def _denoising(request: Request) -> Plan:
    plan = start_plan(request, 'Scene')
    plan.notes.append(
        'The scene is taken for clean, and noise is added to it. Its own noise bounds what the network can learn.'
    )
    return plan


def _super_resolution(request: Request) -> Plan:
    if request.scale not in (2, 4):
        raise ValueError(f'--scale {request.scale}: expected 2 or 4')
    plan = start_plan(request, 'Scene')
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
        re.search(r'(?:^|/)imgs_[12]', f'{place}/{name}') and name.lower().endswith(_BAND_FILES)
        for place, names in files.items()
        for name in names
    ):
        cities = os.path.dirname(root) if 'imgs_1' in files else root
        raise ValueError(
            f'{root}: the folders imgs_1 and imgs_2 hold a file for each band, as the release of OSCD does; bring all '
            f'cities to one grid first: python tools/dataset_converters/oscd.py {cities} --out data/oscd'
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
            ' / '.join(map(image_reason, kept)) + f' of {first}',
        ),
        ('labels', source(labels.source, label_name), 'the changes'),
        ('label_codes', dict(zip(CHANGE_CLASSES, ordered, strict=True)), how),
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
