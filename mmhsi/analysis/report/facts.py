"""Facts of a report about the data and the network of a run, derived from its config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmhsi.analysis.complexity import count_complexity
from mmhsi.datasets.scenes.scene_lookup import find_scenes
from mmhsi.inference.plan import test_dataset
from mmhsi.registry import DATASETS
from mmhsi.utils.labels import IGNORE_INDEX

_SUBSETS = ('train', 'val', 'test')


def describe_data(cfg: Config) -> dict[str, Any]:
    """The scenes that a config is tested on, read again if they are available.

    Args:
        cfg (Config): The config; one without a test, as in pre-training, is described by its training data.

    Returns:
        dict: 'scenes', for each 'name', 'facts' (text by name) and 'classes' (rows of name and pixels, with the numbers
        of the subsets of a split), and their 'columns'; 'built', the scenes themselves; 'missing', why scenes are
        described from the config only, or not at all, else None.
    """
    init_default_scope(cfg.get('default_scope', 'mmhsi'))
    config: Mapping = {}
    try:
        config = test_dataset(cfg) if cfg.get('test_dataloader') else cfg.train_dataloader.dataset
        scenes = find_scenes(DATASETS.build(config))
        return dict(
            scenes=[describe_scene(scene) for scene in scenes],
            built=scenes,
            missing=None if scenes else _source(config),
        )
    except (OSError, ValueError, KeyError, AttributeError, ImportError) as error:
        scene = config.get('scene') or {}
        stated = {key: str(scene[key]) for key in ('data_root', 'image', 'labels', 'num_bands') if key in scene}
        return dict(
            scenes=[dict(name=scene.get('name', scene.get('type')), facts=stated, columns=[], classes=[])]
            if stated
            else [],
            built=[],
            missing=f'The data cannot be read again; this is the information from the config: {error}',
        )


def _source(config: Mapping) -> str:
    path = config.get('path') or config.get('data_root')
    return f'{config.get("type")}' + (f' of {path}' if path else '') + ', which has no scenes'


def describe_scene(scene) -> dict[str, Any]:
    """Facts of one scene, and the pixels of its classes; see :func:`describe_data`."""
    info = scene.info
    facts = {
        'file': str(info.path),
        'size': f'{info.height} x {info.width} pixels, {info.bands} bands',
        'values': str(info.dtype),
    }
    for date in scene.dates[1:]:
        facts['second date'] = str(date.info.path)
    if info.wavelengths is None:
        facts['wavelengths'] = 'not stated by the file'
    else:
        low, high = np.min(info.wavelengths), np.max(info.wavelengths)
        facts['wavelengths'] = f'{low:.0f} to {high:.0f} nm'
    facts['georeference'] = 'none' if info.transform is None else str(info.crs or 'without a reference system')
    if info.nodata is not None:
        facts['no data'] = str(info.nodata)
    facts['preprocessing'] = ', '.join(type(step).__name__ for step in getattr(scene, 'transforms', ())) or 'none'
    columns, rows = _classes(scene)
    return dict(name=scene.name, facts=facts, columns=columns, classes=rows)


def _classes(scene) -> tuple[list[str], list[list]]:
    try:
        labels, classes = scene.labels.ravel(), scene.classes
    except (AttributeError, ValueError, OSError):
        return [], []  # scenes of unmixing and restoration have none
    counts = {'labelled': labels}
    try:
        if scene.split is not None:
            counts.update({name: labels[scene.subset(name)] for name in _SUBSETS})
    except ValueError:
        pass  # a split by areas counts windows, not labels
    numbers = [np.bincount(found[found != IGNORE_INDEX], minlength=len(classes)) for found in counts.values()]
    if not numbers[0].any():
        return [], []
    rows = [[label, *(int(column[index]) for column in numbers)] for index, label in enumerate(classes)]
    return [*counts], [*rows, ['all', *(int(column.sum()) for column in numbers)]]


def describe_network(cfg: Config) -> dict[str, Any]:
    """Size and cost of the network, see :func:`mmhsi.apis.count_complexity`; 'missing' says why they are unknown."""
    try:
        return dict(count_complexity(cfg), missing=None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError) as error:
        return dict(missing=f'the network was not counted: {type(error).__name__}: {error}')
