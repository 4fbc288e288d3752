"""Files of a classified scene."""

from pathlib import Path

import numpy as np

from mmhsi.datasets.io import write_raster
from mmhsi.evaluation import SceneResult
from mmhsi.visualization.class_map import class_map_figure
from mmhsi.visualization.confusion import confusion_figure
from mmhsi.visualization.error_map import error_map_figure
from mmhsi.visualization.figure import save_figure
from mmhsi.visualization.palette import resolve_palette
from mmhsi.visualization.results.scene_files import (
    mask_invalid,
    result_folder,
    scene_info,
    write_false_colour,
    write_ground_truth,
    write_label_map,
    write_spectra,
)
from mmhsi.visualization.results.writer import write_scene_result
from mmhsi.visualization.uncertainty import uncertainty_figures


@write_scene_result.register
def write_classification(result: SceneResult, folder: str | Path, scene=None) -> None:
    """Write the maps and pictures of a classified scene.

    ``<scene>_false_colour.png``, ``_ground_truth.png`` (all labels), ``_spectra.png`` (means of the classes, with the
    scene alone), ``_prediction.png``, ``_error.png``, ``_confusion_matrix.png``, ``_prediction.npy`` (uint8, classes
    0 .. K - 1, 255 not predicted) and ``_prediction.tif`` (uint8, classes 1 .. K, 0 no data, with a colour table and
    the georeference of the scene). With the uncertainty of its pixels ``_confidence.png`` (probability of the predicted
    class), ``_entropy.png`` and ``_uncertainty.tif`` (float32, both as bands, NaN no data).

    Args:
        result (SceneResult): The classified scene.
        folder (str or Path): Folder to write into; it is made if it is not there.
        scene (Scene, optional): See :func:`write_scene_result`.
    """
    folder, name = result_folder(folder, result.name)
    classes, palette = result.classes, resolve_palette(result.palette, len(result.classes))
    write_false_colour(folder, name, scene)
    write_ground_truth(folder, name, result.target, classes, palette, scene)
    write_spectra(folder, name, classes, palette, scene)
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
    write_label_map(folder, f'{name}_prediction', result.prediction, palette, scene)
    if result.confidence is not None:
        _write_uncertainty(result, folder, name, scene)


def _write_uncertainty(result: SceneResult, folder: Path, name: str, scene) -> None:
    maps = [mask_invalid(values, scene, np.nan) for values in (result.confidence, result.entropy)]
    for kind, figure in uncertainty_figures(*maps, name, len(result.classes)).items():
        save_figure(figure, folder / f'{name}_{kind}.png')
    write_raster(folder / f'{name}_uncertainty.tif', np.stack(maps, axis=-1).astype(np.float32), like=scene_info(scene),
                 nodata=np.nan, band_names=['confidence', 'entropy'])
