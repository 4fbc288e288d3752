"""Writing the results of a test: products, pictures, and the metrics of the run."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmhsi.tasks.product import write_figures, write_product
from mmhsi.tasks.task import Task, task_of_result
from mmhsi.utils.files import json_number


def write_scene_result(result: Any, folder: str | Path, scene=None, task: Task | None = None) -> None:
    """Write the product and the pictures of one tested scene; :func:`write_results` adds the metrics.

    Args:
        result (SceneResult | DetectionResult | ChangeResult | UnmixingResult | RestorationResult): The tested scene.
        folder (str or Path): Folder to write into; it is created if it does not exist.
        scene (BaseScene, optional): The scene itself, for its values, all its labels, its masked pixels and its
            georeference. Without it there is no false-colour picture, and the ground truth shows the evaluated pixels
            only.
        task (Task, optional): The task. Defaults to the one whose results are of this kind.

    Raises:
        TypeError: If no task has results of this kind.
    """
    task = task_of_result(result, scene) if task is None else task
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    product = task.product_of_result(result, scene)
    if product is None:
        return
    product = replace(product, name=product.name.replace('/', '_'))
    write_product(product, folder)
    write_figures(task.result_figures(result, product, scene), product.name, folder)
    task.write_more(result, product, folder)


def write_results(
    folder: str | Path,
    results: Mapping,
    metrics: Mapping | None = None,
    scenes: Mapping | None = None,
    task: Task | None = None,
) -> None:
    """Write the results of several scenes and ``metrics.json``.

    Args:
        folder (str or Path): Folder to write into; it is created if it does not exist.
        results (Mapping): Results by the name of the scene.
        metrics (Mapping, optional): The scalars of the run by name. Defaults to None.
        scenes (Mapping, optional): Scenes by name, as far as they are available. Defaults to None.
        task (Task, optional): See :func:`write_scene_result`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_metrics(folder / 'metrics.json', metrics or {}, results)
    for name, result in results.items():
        write_scene_result(result, folder, (scenes or {}).get(getattr(result, 'scene_name', name)), task)


def write_metrics(path: str | Path, metrics: Mapping, results: Mapping) -> None:
    """Write the metrics of a run and the summaries of its scenes as JSON; undefined scores become null.

    Of several scenes that can be pooled (class maps, scores of detectors), ``pooled`` is the summary of all of their
    pixels together.

    Args:
        path (str or Path): File to write.
        metrics (Mapping): The scalars of the run by name.
        results (Mapping): Results by the name of the scene.
    """
    summary = {
        'metrics': {name: json_number(value) for name, value in metrics.items() if np.ndim(value) == 0},
        'scenes': {name: result.summary() for name, result in results.items()},
    }
    listed = list(results.values())
    if len(listed) > 1 and hasattr(type(listed[0]), 'pool'):
        summary['pooled'] = type(listed[0]).pool(listed).summary()
    Path(path).write_text(json.dumps(summary, indent=2, allow_nan=False) + '\n', encoding='utf-8')
