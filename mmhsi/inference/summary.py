"""The file that tells of a finished scene: what was made of it, and with which settings."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmhsi.inference.inputs import SceneInput
from mmhsi.inference.products import Prediction
from mmhsi.inference.raster_product import DRIVERS
from mmhsi.inference.request import Request
from mmhsi.inference.run_scene import Trial
from mmhsi.inference.units import file_units

SUFFIX = '_prediction.json'
"""Ending of its name, behind that of the scene."""


def scene_settings(scene: SceneInput, request: Request, model: Any, weights: str | None) -> dict:
    """What the layers of a scene depend on, as JSON can hold it; what is long is told by a checksum.

    Args:
        scene (SceneInput): The scene.
        request (Request): What is asked of it.
        model (Any): Config of the model.
        weights (str, optional): Its weights.

    Returns:
        dict: The settings.
    """
    identity: Any = weights
    if weights is not None and os.path.isfile(weights):
        status = os.stat(weights)
        identity = [weights, status.st_size, status.st_mtime_ns]
    wanted, plan = request.wanted, request.plan
    described = dict(
        preprocessing=plan.scene, tiles=(plan.window, plan.grid, plan.pad_mode, plan.loading), model=model,
        bands=None if wanted is None else wanted.wavelengths.tolist(), spectrum=_plain(request.target_spectrum))
    return dict(
        scene=scene.identity(), weights=identity, nodata=_plain(request.nodata), matching=request.match_bands,
        scores=request.scores, **({'uncertainty': True} if request.uncertainty else {}),
        **{name: hashlib.sha256(repr(value).encode()).hexdigest()[:16] for name, value in described.items()})


def summarize(prediction: Prediction, stream, trial: Trial, **facts: Any) -> dict:
    """Describe a predicted scene in plain values, ready for JSON.

    Args:
        prediction (Prediction): The scene.
        stream (CubeView | PairView): The scene it was made of.
        trial (Trial): What the network was run with.
        **facts: Further entries.

    Returns:
        dict: ``scene``, ``family``, ``source`` (files), ``size`` (rows, columns), ``georeferenced``, ``bands`` (how
        they were compared), ``batch_size``, the facts; for class maps ``pixels`` of each class; for spectra ``units``.
    """
    summary: dict = dict(
        scene=prediction.name, family=prediction.family,
        source=[date.info.path for date in getattr(stream, 'dates', (stream, ))],
        size=[stream.height, stream.width], georeferenced=prediction.info.transform is not None, bands=stream.matched,
        batch_size=trial.batch_size, **facts)
    for name in ('classes', 'detected'):
        if name in prediction.layers:
            counts = sum(np.bincount(row, minlength=256) for row in prediction.layers[name][0])
            summary['pixels'] = {label: int(counts[value])
                                 for value, label in enumerate(('no data', *prediction.classes))}
    if prediction.family in ('denoising', 'super_resolution', 'unmixing'):
        known = file_units(stream.transforms) is not None
        summary['units'] = 'those of the scene' if known else 'those of the preprocessed scene'
    return summary


def finished_scene(name: str, request: Request, settings: Mapping) -> dict | None:
    """What a scene left that was finished with the same settings.

    Args:
        name (str): Name of the scene.
        request (Request): What is asked now.
        settings (Mapping): What :func:`scene_settings` returns now.

    Returns:
        dict | None: Its entry among the predictions; None if it is to be predicted.
    """
    folder = request.folder
    path = folder / f'{name}{SUFFIX}'
    if not path.is_file():
        return None
    try:
        summary = json.loads(path.read_text(encoding='utf-8'))
        files = {key: folder / file for key, file in summary['files'].items()}
        same = summary['settings'] == json.loads(json.dumps(settings))
    except (ValueError, KeyError, AttributeError):
        return None
    suffixes = {file.suffix for file in files.values()}
    wanted = {DRIVERS[request.driver], *(['.png'] if request.pictures else [])}
    if not same or not wanted <= suffixes or not all(file.is_file() for file in files.values()):
        return None
    return dict(name=name, family=summary['family'], summary=summary, skipped=True,
                files={**{key: str(file) for key, file in files.items()}, 'summary': str(path)})


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value if value is None or isinstance(value, (int, float, str)) else repr(value)
