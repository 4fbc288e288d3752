"""Files of a scene in which targets or anomalies were sought."""

from pathlib import Path

import numpy as np

from mmhsi.datasets.io import write_raster
from mmhsi.evaluation import DetectionResult
from mmhsi.utils.labels import IGNORE_INDEX
from mmhsi.visualization.change_map import detection_map_figure
from mmhsi.visualization.figure import save_figure
from mmhsi.visualization.heat_map import heat_map_figure, heat_style
from mmhsi.visualization.palette import LINES, UNLABELLED_CHANGE, resolve_palette
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
from mmhsi.visualization.roc import roc_figure, threshold_figure


@write_scene_result.register
def write_detection(result: DetectionResult, folder: str | Path, scene=None) -> None:
    """Write the maps and pictures of a detector.

    ``<scene>_false_colour.png``, ``_ground_truth.png`` (all labels), ``_spectra.png`` (means of both classes, with the
    scene alone), ``_scores.png`` (heat map with colour bar), ``_scores.npy`` (float64, NaN without score) and
    ``_scores.tif`` (float32, NaN no data, with the georeference of the scene); if the curves are defined, ``_roc.png``
    and ``_roc_threshold.png``; with a binary map ``_error.png`` (hits, misses, false alarms), ``_detected.npy`` (uint8,
    1 detected, 0 not, 255 without score) and ``_detected.tif`` (uint8, 2 detected, 1 not, 0 no data). Pixels that hold
    no data have no score in the files.

    Args:
        result (DetectionResult): The evaluated scene; the name of its second class chooses the colours of the heat map.
        folder (str or Path): Folder to write into; it is made if it is not there.
        scene (Scene, optional): See :func:`write_scene_result`.
    """
    folder, name = result_folder(folder, result.name)
    classes, palette = result.classes, resolve_palette(result.palette, 2)
    picture = write_false_colour(folder, name, scene)
    write_ground_truth(folder, name, result.target, classes, palette, scene, UNLABELLED_CHANGE)
    write_spectra(folder, name, classes, LINES[:2], scene)

    scores = mask_invalid(result.scores, scene, np.nan)
    areas = '   '.join(f'{label} {result.metrics[key]:.4f}' for label, key in (
        ('AUC', 'AUC'), ('AUC(Pd,τ)', 'AUC_Pd_tau'), ('AUC(Pf,τ)', 'AUC_Pf_tau')) if result.metrics)
    areas = areas or f'AUC is undefined: {result.undefined}'
    save_figure(
        heat_map_figure(scores, f'{name}: scores', areas, heat_style(classes[1])), folder / f'{name}_scores.png')
    np.save(folder / f'{name}_scores.npy', scores)
    write_raster(folder / f'{name}_scores.tif', scores.astype(np.float32), like=scene_info(scene), nodata=np.nan,
                 band_names=['score'])

    if result.curves is not None:
        method = {str(result.settings.get('detector', 'scores')): result}
        counts = f'{result.curves.num_targets:,} target and {result.curves.num_background:,} background pixels'
        save_figure(roc_figure(method, f'{name}: ROC', counts), folder / f'{name}_roc.png')
        save_figure(
            threshold_figure(method, f'{name}: detection and false alarms over the threshold',
                             f'{counts}   areas under both curves in the legend'), folder / f'{name}_roc_threshold.png')
    if result.detected is not None:
        detected = mask_invalid(result.detected, scene, IGNORE_INDEX)
        counts = result.counts()
        save_figure(
            detection_map_figure(detected, result.target, f'{name}: hits and errors',
                                 f'{counts["hits"]:,} of {counts["targets"]:,} target pixels found, '
                                 f'{counts["false_alarms"]:,} false alarms', picture), folder / f'{name}_error.png')
        write_label_map(folder, f'{name}_detected', detected, palette, scene)
