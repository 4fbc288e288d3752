"""What a finished test leaves behind: metrics, pictures and the classified map."""

import json
from pathlib import Path

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from mmhsi.datasets.io import write_raster
from mmhsi.engine.hooks.scene_lookup import find_scenes
from mmhsi.evaluation.scene_result import IGNORE_INDEX, SceneResult
from mmhsi.registry import HOOKS
from mmhsi.visualization import (
    class_map_figure,
    confusion_figure,
    error_map_figure,
    false_colour_figure,
    resolve_palette,
    save_figure,
    select_rgb_bands,
    stretch,
)


@HOOKS.register_module()
class SceneResultHook(Hook):
    """Write the results of a test into ``<work_dir>/<time>/results``.

    ``metrics.json`` holds the metrics of the run and, for every scene, its scores, those of each class, the confusion
    matrix and the pixel counts. Per scene there are ``<scene>_false_colour.png``, ``_ground_truth.png`` (all labels),
    ``_prediction.png``, ``_error.png``, ``_confusion_matrix.png``, ``_prediction.npy`` (uint8, classes 0 .. K - 1, 255
    not predicted) and ``_prediction.tif`` (uint8, classes 1 .. K, 0 no data, with a colour table and the georeference
    of the scene).

    Args:
        out_dir (str): Name of the folder below the log folder of the run. Defaults to 'results'.
    """

    priority = 'LOW'

    def __init__(self, out_dir: str = 'results') -> None:
        self.out_dir = out_dir

    def after_test_epoch(self, runner, metrics: dict | None = None) -> None:
        """Write everything, on the main process.

        Args:
            runner (Runner): The runner; its test evaluator holds a metric with ``scene_results``.
            metrics (dict, optional): The metrics of the run.
        """
        if not is_main_process():
            return
        results: dict[str, SceneResult] = {}
        for metric in runner.test_evaluator.metrics:
            for name, result in getattr(metric, 'scene_results', {}).items():
                results.setdefault(name, result)
        if not results:
            runner.logger.warning('SceneResultHook found no metric with scene results: nothing is written')
            return
        folder = Path(runner.log_dir) / self.out_dir
        folder.mkdir(parents=True, exist_ok=True)
        scenes = {scene.name: scene for scene in find_scenes(runner.test_dataloader.dataset)}
        write_metrics(folder / 'metrics.json', metrics or {}, results)
        for name, result in results.items():
            write_scene_result(folder, result, scenes.get(name))
        runner.logger.info(f'Results of {", ".join(results)} are in {folder}')


def write_metrics(path: Path, metrics: dict, results: dict[str, SceneResult]) -> None:
    """Write the metrics of a run and of its scenes as JSON; undefined scores become null.

    Args:
        path (Path): File to write.
        metrics (dict): The scalars of the run by name.
        results (dict[str, SceneResult]): The scenes by name.
    """
    scalars = {name: float(value) for name, value in metrics.items() if np.ndim(value) == 0}
    summary = {
        'metrics': {name: value if np.isfinite(value) else None for name, value in scalars.items()},
        'scenes': {name: result.summary() for name, result in results.items()}}
    path.write_text(json.dumps(summary, indent=2, allow_nan=False) + '\n', encoding='utf-8')


def write_scene_result(folder: Path, result: SceneResult, scene=None) -> None:
    """Write the maps and pictures of one scene.

    Args:
        folder (Path): Folder to write into; it exists.
        result (SceneResult): The classified scene.
        scene (Scene, optional): The scene itself, for its values, all its labels and its georeference. Without it
            there is no false-colour picture and the ground truth shows the evaluated pixels only.
    """
    name, classes = result.name.replace('/', '_'), result.classes
    palette = resolve_palette(result.palette, len(classes))
    labels = result.target if scene is None else scene.labels

    if scene is not None:
        bands = select_rgb_bands(scene.info.bands, scene.info.wavelengths)
        picture = stretch(*scene.stored_bands(bands))
        save_figure(
            false_colour_figure(picture, f'{name}: false colour', bands, scene.info.wavelengths),
            folder / f'{name}_false_colour.png')
    counts = np.bincount(labels[labels != IGNORE_INDEX], minlength=len(classes))
    save_figure(
        class_map_figure(labels, classes, palette, f'{name}: ground truth', f'{counts.sum():,} labelled pixels',
                         [f'{count:,}' for count in counts]), folder / f'{name}_ground_truth.png')
    scores = '   '.join(f'{key} {result.scores[key]:.4f}' for key in ('OA', 'AA', 'kappa'))
    recall = ['–' if np.isnan(value) else f'{100 * value:.1f} %' for value in result.scores['recall']]
    save_figure(
        class_map_figure(result.prediction, classes, palette, f'{name}: prediction',
                         f'{scores}   recall of each class in the legend', recall,
                         ignore_label='not predicted'), folder / f'{name}_prediction.png')
    save_figure(error_map_figure(result.prediction, result.target, f'{name}: errors'), folder / f'{name}_error.png')
    save_figure(
        confusion_figure(result.matrix, classes, f'{name}: confusion matrix', f'per cent of the true class   {scores}'),
        folder / f'{name}_confusion_matrix.png')

    np.save(folder / f'{name}_prediction.npy', result.prediction)
    stored = np.where(result.prediction == IGNORE_INDEX, 0, result.prediction.astype(np.uint16) + 1).astype(np.uint8)
    colours = {0: (0, 0, 0), **{index + 1: tuple(colour) for index, colour in enumerate(palette.tolist())}}
    write_raster(
        folder / f'{name}_prediction.tif',
        stored,
        like=None if scene is None else scene.info,
        nodata=0,
        colormap=colours,
        band_names=['class'])
