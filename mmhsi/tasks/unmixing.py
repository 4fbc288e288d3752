"""Unmixing: the spectra of the materials of a scene, and their shares in each pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmhsi import visualization
from mmhsi.datasets.transforms.units import file_units
from mmhsi.evaluation import UnmixingResult
from mmhsi.registry import TASKS
from mmhsi.tasks.contest import Contestant
from mmhsi.tasks.product import Product, write_table
from mmhsi.tasks.scene_pictures import false_colour_figures
from mmhsi.tasks.task import Layer, Task
from mmhsi.tasks.unmixers import UNMIXING_METHODS, evaluate_unmixer

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

    from mmhsi.tasks.networks import Network


@TASKS.register_module(name='unmixing')
class Unmixing(Task):
    """Scenes: :class:`mmhsi.datasets.UnmixingScene`. Networks: :class:`mmhsi.models.Unmixer` on tiles. Products:
    'abundances' (a band for each endmember, in the order of the network; of the network itself or of least squares with
    its endmembers, depending on the metric), 'endmembers' (spectra, in the units of the file if the preprocessing can
    be undone). Metric: :class:`mmhsi.evaluation.SceneUnmixingMetric`. Classical methods: fully constrained least
    squares and sparse non-negative matrix factorisation."""

    name = 'unmixing'
    noun = 'endmember'
    blend = 'average'
    result = UnmixingResult
    score = 'aRMSE', False

    def network(self, model: nn.Module, windows: bool, meta: Mapping | None = None) -> Network:
        from mmhsi.tasks.networks import Abundances, LeastSquaresAbundances  # with torch

        by_network = self.metric.get('abundances', 'network') == 'network'
        return (Abundances if by_network else LeastSquaresAbundances)(model)

    def prepare(self, cfg, meta: Mapping, network: Network, view) -> None:
        self.name_classes(cfg, meta, network.outputs)
        self.layers = {'abundances': Layer(network.outputs)}
        self._endmembers = _in_file_units(network.model.endmembers.detach().cpu().double().numpy().T, view)

    def names_in_config(self, scene: Mapping) -> tuple[tuple[str, ...], Sequence | None]:
        names = scene.get('endmember_names')
        return (() if names is None or isinstance(names, Mapping) else tuple(names)), None

    def finish(self, values: np.ndarray) -> dict[str, np.ndarray]:
        return {'abundances': values}

    def arrays(self, stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """'abundances' (P, H, W) and 'endmembers' (P, C)."""
        return {'abundances': stored['abundances'], 'endmembers': self._endmembers}

    def product(self, name: str, view, stored: Mapping[str, np.ndarray], zoom: int = 1) -> Product:
        return self._with_spectra(super().product(name, view, stored, zoom), self._endmembers, view)

    def product_of_result(self, result: UnmixingResult, scene=None) -> Product:
        order = np.argsort(result.order)  # from the order of the ground truth back to that of the network
        product = Product(
            result.name,
            self.name,
            getattr(scene, 'info', None),
            {'abundances': result.abundances[order].astype(np.float32)},
            {'abundances': np.nan},
            tuple(result.names[index] for index in order),
        )
        return self._with_spectra(product, _in_file_units(result.endmembers[order], scene), scene)

    @staticmethod
    def _with_spectra(product: Product, endmembers: np.ndarray, view) -> Product:
        waves, info = getattr(view, 'wavelengths', None), getattr(view, 'info', None)
        same = (
            waves is not None and info is not None and info.fwhm is not None and np.array_equal(waves, info.wavelengths)
        )
        return replace(product, endmembers=endmembers, wavelengths=waves, fwhm=info.fwhm if info and same else None)

    def figures(self, product: Product) -> dict[str, Figure]:
        assert product.endmembers is not None  # every product of unmixing has them
        return {
            'abundances': visualization.abundance_figure(
                product.thinned('abundances'),
                names=product.classes,
                title=f'{product.name}: abundances',
                subtitle=product.size,
            ),
            'endmembers': visualization.endmember_figure(
                product.endmembers,
                names=product.classes,
                wavelengths=product.wavelengths,
                title=f'{product.name}: endmembers',
            ),
        }

    def result_figures(self, result: UnmixingResult, product: Product, scene=None) -> dict[str, Figure]:
        """``false_colour``, ``abundances`` (estimate, truth and difference with colour bars), ``endmembers`` (spectra
        beside the true ones) and ``reconstruction`` (angle of each pixel and its mixture, radians)."""
        name = product.name
        scores = {key: value for key, value in result.scores.items() if np.ndim(value) == 0}
        line = '   '.join(
            f'{label} {scores[key]:.4f}'
            for key, label in (
                ('mSAD', 'mSAD'),
                ('aRMSE', 'aRMSE'),
                ('aMSE', 'aMSE'),
                ('reconstruction_angle', 'reconstruction angle'),
            )
            if np.isfinite(scores.get(key, np.nan))
        )

        def notes(key: str) -> list[str]:
            return [f'{key} {value:.4f}' for value in result.scores[key]] if key in result.scores else []

        figures = {} if scene is None else false_colour_figures(scene, name)
        figures['abundances'] = visualization.abundance_figure(
            result.abundances, result.true_abundances, result.names, f'{name}: abundances', line, notes('RMSE')
        )
        figures['endmembers'] = visualization.endmember_figure(
            result.endmembers,
            result.true_endmembers,
            result.names,
            product.wavelengths,
            f'{name}: endmembers',
            line,
            notes('SAD'),
        )
        figures['reconstruction'] = visualization.heat_map_figure(
            result.angles, f'{name}: angle of pixel and mixture (radians)', line, 'anomaly'
        )
        return figures

    def write_more(self, result: UnmixingResult, product: Product, folder: Path) -> None:
        """``<scene>_true_endmembers.csv``, in the units of the preprocessed scene, if they are known."""
        if result.true_endmembers is not None:
            write_table(
                folder / f'{product.name}_true_endmembers.csv',
                result.names,
                result.true_endmembers,
                product.wavelengths,
            )

    def methods(self, scene) -> dict[str, Callable]:
        return {name: partial(evaluate_unmixer, method=name) for name in UNMIXING_METHODS}

    def contestants(self, scene) -> list[Contestant]:
        """On spectra of unit norm, which gives the best results, and on unscaled spectra."""
        return [
            Contestant('FCLS on norm 1', 'fcls', dict(unit_norm=True)),
            Contestant('FCLS', 'fcls'),
            Contestant('L1/2-NMF on norm 1', 'sparse_nmf', dict(unit_norm=True)),
            Contestant('L1/2-NMF', 'sparse_nmf'),
        ]


def _in_file_units(spectra: np.ndarray, view: Any) -> np.ndarray:
    units = None if view is None else file_units(view.transforms)
    return spectra if units is None else spectra * units[0] + units[1]
