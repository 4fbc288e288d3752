"""The summary file of a finished scene: its products and the settings."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmhsi.datasets.scenes.cube_source import CubeSource
from mmhsi.datasets.transforms.units import file_units
from mmhsi.inference.inputs import SceneInput
from mmhsi.inference.plan import Plan
from mmhsi.tasks.networks import Network
from mmhsi.tasks.product import CLASS_LAYERS, DRIVERS, Product, write_gis_files
from mmhsi.utils.files import parse_json
from mmhsi.utils.identity import content_digest, data_files, files_of_config
from mmhsi.utils.precision import FULL
from mmhsi.weights.sharded_checkpoint import RUN_FILE

SUFFIX = '_prediction.json'
"""Suffix of its name, after that of the scene."""

_BEGINNINGS = {'.tif': (b'II', b'MM'), '.png': b'\x89PNG'}


def scene_settings(scene: SceneInput, plan: Plan, model: Any, weights: str | None) -> dict:
    """Everything that the layers of a scene depend on, as JSON values; long values as checksums.

    Args:
        scene (SceneInput): The scene.
        plan (Plan): The prediction plan.
        model (Any): Config of the model.
        weights (str, optional): Its weights.

    Returns:
        dict: The settings.
    """
    identity: Any = weights
    file = None if weights is None else os.path.join(weights, RUN_FILE) if os.path.isdir(weights) else weights
    if file is not None and os.path.isfile(file):
        identity = [weights, content_digest(file)]  # the file of a folder holds the checksums of the others
    spectrum: Any = plan.target_spectrum
    path = spectrum.get('path') if isinstance(spectrum, Mapping) else spectrum
    if isinstance(path, (str, os.PathLike)):
        root = spectrum.get('data_root') if isinstance(spectrum, Mapping) else None
        files = data_files(os.path.join(root or '', path))
        if files:
            spectrum = [repr(spectrum), [[name, content_digest(name)] for name in files]]
    wanted = plan.wanted
    widths = None if wanted is None or plan.match_bands != 'resample' else wanted.fwhm
    # such as statistics of the bands
    named = files_of_config([plan.scene.get('preprocessing'), plan.loading])
    described = dict(
        preprocessing=plan.scene,
        tiles=(plan.window, plan.grid, plan.pad_mode, plan.loading),
        model=model,
        metric=plan.metric,
        bands=None if wanted is None else wanted.wavelengths.tolist(),
        spectrum=_plain(spectrum),
    )
    return dict(
        task=plan.task.name,
        scene=scene.identity(),
        weights=identity,
        matching=plan.match_bands,
        scores=plan.scores,
        uncertainty=plan.uncertainty,
        not_finite=plan.not_finite,
        # only what is not the default, so that scenes that were finished before the choice existed stay so
        **({} if plan.precision == FULL else dict(precision=plan.precision.name)),
        **({} if plan.lattice == 1 else dict(lattice=plan.lattice)),
        **({} if plan.driver == 'GTiff' else dict(driver=plan.driver)),
        **({} if widths is None else dict(widths=widths.tolist())),
        **({} if not named else dict(files={name: content_digest(name) for name in named})),
        **{name: hashlib.sha256(repr(value).encode()).hexdigest()[:16] for name, value in described.items()},
    )


def summarize(product: Product, view, network: Network, **facts: Any) -> dict:
    """Describe a predicted scene in plain values for JSON.

    Args:
        product (Product): Its product.
        view (CubeView | PairView): The scene.
        network (Network): The network.
        **facts: Further entries.

    Returns:
        dict: ``scene``, ``task``, ``source`` (files), ``size`` (rows, columns), ``georeferenced``, ``bands`` (how they
        were matched), ``batch_size``, ``precision``, the facts; for class maps ``pixels`` of each class; for spectra
        ``units``.
    """
    summary: dict = dict(
        scene=product.name,
        task=product.task,
        source=[date.info.path for date in view.dates],
        size=[view.height, view.width],
        georeferenced=view.info.placed,
        bands=view.matched,
        batch_size=network.batch_size,
        precision=network.precision.name,
        **facts,
    )
    for name in CLASS_LAYERS:
        if name in product.layers:
            counts = sum(np.bincount(row, minlength=256) for row in product.layers[name][0])
            summary['pixels'] = {label: int(counts[value]) for value, label in enumerate(('no data', *product.classes))}
    if 'restored' in product.layers or product.endmembers is not None:
        known = file_units(view.transforms) is not None
        summary['units'] = 'those of the scene' if known else 'those of the preprocessed scene'
    return summary


def finished_scene(scene: SceneInput, plan: Plan, settings: Mapping) -> dict | None:
    """The result of a scene that was already finished with the same settings.

    Args:
        scene (SceneInput): The scene.
        plan (Plan): The current plan.
        settings (Mapping): The current result of :func:`scene_settings`.

    Returns:
        dict | None: Its entry among the predictions; None if it has to be predicted.

    Raises:
        ValueError: If a file with the name of its summary is not a summary, or describes another scene with this name.
    """
    folder, name = plan.folder, scene.name
    path = folder / f'{name}{SUFFIX}'
    if not path.is_file():
        return None
    try:
        summary = parse_json(path.read_text(encoding='utf-8'))
    except ValueError:
        print_log(f'{path} is damaged; the scene is predicted again', 'current', logging.WARNING)
        return None
    if not isinstance(summary, dict) or not {'scene', 'source', 'settings', 'files'} <= set(summary):
        raise ValueError(
            f'{path}: a file of this name exists and does not describe a prediction; choose another folder, '
            'or overwrite it'
        )
    if summary['source'] != scene.paths:
        raise ValueError(
            f'{path}: there are products of another scene of this name, {summary["source"]}; '
            'choose another folder, or overwrite them'
        )
    if not isinstance(summary['files'], dict) or not all(
        isinstance(name, str) and name == os.path.basename(name) for name in summary['files'].values()
    ):
        print_log(f'{path} is damaged; the scene is predicted again', 'current', logging.WARNING)
        return None
    files = {key: folder / file for key, file in summary['files'].items()}
    written = summary.get('bytes', {})  # of former versions unknown
    if not isinstance(written, dict) or not all(type(size) is int and size > 0 for size in written.values()):
        print_log(f'{path} is damaged; the scene is predicted again', 'current', logging.WARNING)
        return None
    suffixes = {file.suffix for file in files.values()}
    wanted = {DRIVERS[plan.driver], *(['.png'] if plan.pictures else [])}
    if (
        summary['settings'] != json.loads(json.dumps(settings))
        or not wanted <= suffixes
        or not all(_is_whole(file, written) for file in files.values())
    ):
        return None
    return dict(
        name=name,
        task=plan.task.name,
        summary=summary,
        skipped=True,
        files={**{key: str(file) for key, file in files.items()}, 'summary': str(path)},
    )


def _is_whole(file: Path, written: Mapping[str, int]) -> bool:
    """Whether a product is there, not shorter than it was written, and begins as its format does: after a power cut
    some file systems hold zeros in its place."""
    if not file.is_file() or file.stat().st_size < written.get(file.name, 1):
        return False
    with file.open('rb') as stream:
        return stream.read(4).startswith(_BEGINNINGS.get(file.suffix, b''))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value if value is None or isinstance(value, (int, float, str)) else repr(value)


def lattice_note(step: int, pixels: int, predicted_windows: int | None = None) -> str:
    """The note of a product that was predicted by a lattice, for a scene of so many pixels."""
    note = f'by a lattice: cells of {step} x {step} pixels whose corners agree are filled in'
    return note if predicted_windows is None else f'{note}; {predicted_windows} of {pixels} pixels were predicted'


def add_gis_files(scene: SceneInput, plan: Plan, files: Mapping[str, str]) -> None:
    """Write the styles and items that the files of a finished scene lack."""
    source = CubeSource(scene.sources[0])
    acquired = source.info.acquired
    source.close()
    for layer, file in files.items():
        path = Path(file)
        beside = path.with_suffix('.json'), path.with_suffix('.qml')
        if path.suffix == DRIVERS[plan.driver] and not any(file.is_file() for file in beside):
            write_gis_files(path, layer, scene.name, plan.task.name, acquired)
