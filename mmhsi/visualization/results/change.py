"""Files of a pair of dates in which changes were sought."""

from pathlib import Path

import numpy as np

from mmhsi.evaluation import ChangeResult
from mmhsi.utils.labels import IGNORE_INDEX
from mmhsi.visualization.change_map import change_map_figure
from mmhsi.visualization.figure import save_figure
from mmhsi.visualization.palette import UNLABELLED_CHANGE, resolve_palette
from mmhsi.visualization.results.scene_files import (
    mask_invalid,
    result_folder,
    write_false_colour,
    write_ground_truth,
    write_label_map,
)
from mmhsi.visualization.results.writer import write_scene_result


@write_scene_result.register
def write_change(result: ChangeResult, folder: str | Path, scene=None) -> None:
    """Write the maps and pictures of change detection.

    ``<scene>_false_colour_1.png`` and ``_2.png`` (both dates in the same stretch), ``_ground_truth.png`` (all labels),
    ``_change.png`` (found changes white, unchanged black, false alarms red, missed changes green, else grey),
    ``_change.npy`` (uint8, 1 changed, 0 unchanged, 255 not predicted) and ``_change.tif`` (uint8, 2 changed, 1
    unchanged, 0 no data, with a colour table and the georeference of the first date). Pixels that hold no data are not
    predicted in the files.

    Args:
        result (ChangeResult): The evaluated pair.
        folder (str or Path): Folder to write into; it is made if it is not there.
        scene (PairScene, optional): See :func:`write_scene_result`.
    """
    folder, name = result_folder(folder, result.name)
    palette = resolve_palette(result.palette, 2)
    write_false_colour(folder, name, scene)
    write_ground_truth(folder, name, result.target, result.classes, palette, scene, UNLABELLED_CHANGE)
    prediction = mask_invalid(result.prediction, scene, IGNORE_INDEX)
    scores = '   '.join(f'{key} {result.scores[key]:.4f}' for key in ('OA', 'kappa', 'F1', 'precision', 'recall', 'IoU')
                        if not np.isnan(result.scores[key]))
    save_figure(change_map_figure(prediction, result.target, f'{name}: changes', scores), folder / f'{name}_change.png')
    write_label_map(folder, f'{name}_change', prediction, palette, scene)
