"""Evaluation of unmixing: abundance maps from tiles and endmembers from the model, compared with the ground truth."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.logging import print_log
from prettytable import PrettyTable

from mmhsi.classical.unmixing import least_squares_shares
from mmhsi.datasets import get_scene
from mmhsi.evaluation.metrics.scene_metric import SceneMetric, warn
from mmhsi.evaluation.unmixing_result import RECONSTRUCTION_NAMES, TRUTH_NAMES, UnmixingResult
from mmhsi.registry import METRICS


@METRICS.register_module()
class SceneUnmixingMetric(SceneMetric):
    """Spectral angles of the endmembers, errors of the abundances and of the reconstruction, from tiles.

    The samples hold ``abundances``, a ``PixelData`` of (P, h, w), and ``endmembers``, a tensor (C, P) that is the same
    in all of them, as predicted by :class:`~mmhsi.models.Unmixer`; see :class:`~mmhsi.evaluation.metrics.SceneMetric`
    for their meta keys.

    The metrics are ``mSAD`` (mean spectral angle distance of the endmembers, radians), ``aMSE`` (mean squared error of
    the abundances, the published error of HyperSIGMA), ``aRMSE`` (mean of the roots of the maps) and ``RMSE_overall``
    (root over all maps), if the scene has ground truth, and always ``reconstruction_RMSE`` and ``reconstruction_angle``
    (radians); for several scenes the means over those that have them. ``scene_results`` holds an
    :class:`~mmhsi.evaluation.UnmixingResult` for each scene, ``results_detail`` their summaries.

    Args:
        scene (dict | UnmixingScene | list): The tested scene or scenes, for values and ground truth. The same config as
            that of the dataset gives the same scene object.
        matching (str): 'greedy' or 'hungarian', see :func:`~mmhsi.evaluation.functional.match_endmembers`. Defaults to
            'greedy'.
        stitch (str): How overlapping tiles are blended: 'average', 'overwrite', 'linear' or 'smooth'. Defaults to
            'average'.
        abundances (str): 'network' takes those of the network; 'least_squares' takes its endmembers alone, with fully
            constrained least squares on spectra of norm 1, or on the spectra themselves where the model found even
            light (:func:`mmhsi.classical.unmixing.least_squares_shares`). A prediction does the same. Defaults to
            'network'.
        **kwargs: See :class:`~mmhsi.evaluation.metrics.SceneMetric`.

    Raises:
        ValueError: If a tile belongs to no scene of the metric, its abundances are not finite or differ in size from
            the tile, or the number of endmembers differs from the ground truth; also raises what
            :class:`~mmhsi.evaluation.metrics.SceneMetric` raises.
    """

    tile_key, windows_allowed, values = 'abundances', False, 'abundances'

    def __init__(
        self, scene, matching: str = 'greedy', stitch: str = 'average', abundances: str = 'network', **kwargs
    ) -> None:
        super().__init__(stitch=stitch, **kwargs)
        if abundances not in ('network', 'least_squares'):
            raise ValueError(f"abundances must be one of ('network', 'least_squares'), found {abundances!r}")
        self.abundances = abundances
        if matching not in ('greedy', 'hungarian'):
            raise ValueError(f"matching must be one of ('greedy', 'hungarian'), found {matching!r}")
        self._scene_configs = list(scene) if isinstance(scene, Sequence) else [scene]
        self.matching = matching
        self._endmembers: np.ndarray | None = None
        self._even_light = False

    def read_tile(self, scene: str, sample: dict) -> np.ndarray:
        """(h, w, P) float64 abundances of a tile; the endmembers are kept."""
        abundances = torch.as_tensor(sample['abundances']['data'])
        where = f'scene {scene}: the tile at row {sample["top"]}, column {sample["left"]}'
        if 'endmembers' not in sample:
            raise ValueError(f'{where} comes without endmembers; it holds {sorted(sample)}')
        endmembers = torch.as_tensor(sample['endmembers'])
        if abundances.ndim != 3 or endmembers.ndim != 2 or endmembers.shape[1] != len(abundances):
            raise ValueError(
                f'{where} has abundances of shape {tuple(abundances.shape)} and endmembers of shape '
                f'{tuple(endmembers.shape)}, expected (P, h, w) and (C, P)'
            )
        if not abundances.isfinite().all():
            raise ValueError(
                f'{where}: {int((~abundances.isfinite()).sum())} of {abundances.numel()} abundances are NaN or infinite'
            )
        self._even_light = bool(sample.get('even_light', False))
        self._endmembers = endmembers.detach().cpu().double().numpy().T
        return abundances.detach().cpu().double().numpy().transpose(1, 2, 0)

    def evaluate_scene(self, name: str, prediction: np.ndarray, target: np.ndarray) -> UnmixingResult:
        """Evaluate the abundance maps of a scene."""
        scenes = {scene.name: scene for scene in map(get_scene, self._scene_configs)}
        if name not in scenes:
            raise ValueError(
                f'SceneUnmixingMetric got tiles of scene {name!r}, but knows {", ".join(scenes)}: give it '
                'the scene of the test dataset'
            )
        scene = scenes[name]
        if prediction.shape[:2] != (scene.height, scene.width):
            raise ValueError(
                f'scene {name}: the tiles are of a scene of {prediction.shape[0]} x {prediction.shape[1]} '
                f'pixels, that of the metric has {scene.height} x {scene.width}'
            )
        empty = np.count_nonzero(scene.valid & np.isnan(prediction).any(axis=-1))
        if empty:
            warn(f'scene {name}: {empty} pixels have no abundances and are left out of the scores')
        assert self._endmembers is not None  # set by the processed predictions
        if self.abundances == 'least_squares':
            found = scene.valid & ~np.isnan(prediction).any(axis=-1)
            prediction = np.full(prediction.shape, np.nan)
            pixels = scene.pixels(np.flatnonzero(found))
            prediction[found] = least_squares_shares(pixels, self._endmembers, self._even_light)
        return UnmixingResult.of_scene(
            scene,
            self._endmembers,
            np.moveaxis(prediction, -1, 0),
            self.matching,
            dict(stitch=self.blend, abundances=self.abundances),
        )

    def summarise(self) -> dict[str, float]:
        """The mean of each score over the scenes."""
        self.results_detail = {name: result.summary() for name, result in self.scene_results.items()}
        metrics = {}
        for key in (*TRUTH_NAMES, *RECONSTRUCTION_NAMES):
            values = [result.scores[key] for result in self.scene_results.values() if key in result.scores]
            if values:
                metrics[key] = float(np.mean(values))
        for name, result in self.scene_results.items():
            table = PrettyTable([f'Endmember of {name}', 'SAD', 'MSE', 'RMSE'])
            table.align = 'r'
            table.align[f'Endmember of {name}'] = 'l'
            for index, label in enumerate(result.names):
                table.add_row(
                    [
                        label,
                        *(
                            f'{result.scores[key][index]:.4f}' if key in result.scores else '-'
                            for key in ('SAD', 'MSE', 'RMSE')
                        ),
                    ]
                )
            print_log('unmixing:\n' + table.get_string(), logger='current')
        return metrics
