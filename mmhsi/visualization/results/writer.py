"""Writing results: one function for all kinds of results, and the metrics of a run beside them."""

import json
from collections.abc import Mapping
from functools import singledispatch
from pathlib import Path

import numpy as np

from mmhsi.evaluation.json_values import json_number


@singledispatch
def write_scene_result(result, folder: str | Path, scene=None) -> None:
    """Write the maps and pictures of one scene; :func:`write_results` adds the metrics.

    Each kind of result registers a function of its own with ``write_scene_result.register``.

    Args:
        result (SceneResult | DetectionResult | ChangeResult | RestorationResult): The evaluated scene.
        folder (str or Path): Folder to write into; it is made if it is not there.
        scene (Scene | PairScene, optional): The scene itself, for its values, all its labels, its masked pixels and its
            georeference. Without it there is no false-colour picture and the ground truth shows the evaluated pixels
            only.

    Raises:
        TypeError: If the kind of result is unknown.
    """
    raise TypeError(f'results of type {type(result).__name__} cannot be written: no function is registered for them')


def write_results(folder: str | Path,
                  results: Mapping,
                  metrics: Mapping | None = None,
                  scenes: Mapping | None = None) -> None:
    """Write the results of several scenes and ``metrics.json``.

    Args:
        folder (str or Path): Folder to write into; it is made if it is not there.
        results (Mapping): Results by the name of the scene.
        metrics (Mapping, optional): The scalars of the run by name. Defaults to None.
        scenes (Mapping, optional): Scenes by name, as far as they are at hand. Defaults to None.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_metrics(folder / 'metrics.json', metrics or {}, results)
    for name, result in results.items():
        write_scene_result(result, folder, (scenes or {}).get(getattr(result, 'scene_name', name)))


def write_metrics(path: str | Path, metrics: Mapping, results: Mapping) -> None:
    """Write the metrics of a run and the summaries of its scenes as JSON; undefined scores become null.

    Args:
        path (str or Path): File to write.
        metrics (Mapping): The scalars of the run by name.
        results (Mapping): Results by the name of the scene.
    """
    summary = {
        'metrics': {name: json_number(value) for name, value in metrics.items() if np.ndim(value) == 0},
        'scenes': {name: result.summary() for name, result in results.items()}}
    Path(path).write_text(json.dumps(summary, indent=2, allow_nan=False) + '\n', encoding='utf-8')
