"""Interactive scenes of a run: false colour, truth and prediction with the spectrum under the pointer."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2.utils import markupsafe

from mmhsi.analysis.report.run_folder import RunFolder
from mmhsi.analysis.scene_page.data import MAX_VALUES, scene_data, shifted_labels
from mmhsi.analysis.scene_page.page import scene_fragment
from mmhsi.datasets.io import read_labels
from mmhsi.tasks.product import CLASS_LAYERS

_MOST_SCENES = 4


def looks(scenes: Sequence, run: RunFolder) -> list[markupsafe.Markup]:
    """The parts of a page that show the first scenes of a run, as many as fit the size of one page.

    Args:
        scenes (Sequence[BaseScene]): The scenes that were tested, read anew.
        run (RunFolder): The run, for the class maps of its network.
    """
    shown = list(scenes[:_MOST_SCENES])
    return [scene_fragment(scene.name, _data(scene, run, MAX_VALUES // len(shown))) for scene in shown]


def _data(scene, run: RunFolder, max_values: int) -> dict:
    maps, classes, palette = {}, (), ()
    if scene.has_labels:
        classes, palette = scene.classes, scene.palette
        for layer in CLASS_LAYERS if run.results else ():
            path = run.results[0].folder / f'{scene.name.replace("/", "_")}_{layer}.tif'
            labels = read_labels(path) if path.is_file() else None
            if labels is not None and labels.shape == (scene.height, scene.width):
                maps['prediction'] = shifted_labels(labels)
        maps['ground truth'] = scene.labels
    return scene_data(scene, maps, classes, palette, max_values=max_values)
