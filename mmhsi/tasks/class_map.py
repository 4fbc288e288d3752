"""Base of the tasks that assign a class to each pixel: layers of the map, of scores and of uncertainty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import softmax

from mmhsi import visualization
from mmhsi.evaluation.functional.classification import class_uncertainty
from mmhsi.tasks.product import Product, labels_of, stored_labels
from mmhsi.tasks.task import NETWORK, Layer, Task
from mmhsi.visualization.palette import resolve_palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

    from mmhsi.tasks.networks import Network
    from mmhsi.tasks.pixel_stage import PixelStage


class ClassMapTask(Task):
    """A class for each pixel.

    The layer 'classes' holds 1 to K and 0 where there is no data; 'scores' the probabilities, for two classes only that
    of the second; 'uncertainty' the largest probability and the normalised entropy, see
    :func:`mmhsi.evaluation.functional.classification.class_uncertainty`.
    """

    _stage: PixelStage | None = None

    @classmethod
    def check_model(cls, model: nn.Module, windows: bool) -> None:
        if not windows and not hasattr(model, 'inference'):
            raise ValueError(f'the test dataset has no window_size, which the classifier {type(model).__name__} needs')

    def network(self, model: nn.Module, windows: bool, meta: Mapping | None = None) -> Network:
        from mmhsi.tasks.networks import Classifier, Segmentor  # with torch

        return Classifier(model) if windows else Segmentor(model, meta)

    def prepare(self, cfg, meta: Mapping, network: Network, view) -> None:
        self.name_classes(cfg, meta, network.outputs)
        self._logits = network.logits
        self.layers = {'classes': Layer(1, 'uint8', 0)}
        if self._stage is not None:
            self.layers[NETWORK] = Layer(len(self.classes))
        if self.scores:
            self.layers['scores'] = Layer(1 if len(self.classes) == 2 else len(self.classes))
        if self.uncertainty:
            self.layers['uncertainty'] = Layer(2)

    def use_record(self, record: Mapping | None, name: str) -> None:
        """The ``refinement`` of the record, see :class:`mmhsi.engine.hooks.RefinementHook`."""
        choices = (record or {}).get('refinement') or {}
        chosen = choices.get(name) or next(iter(choices.values()), None)
        if chosen is None:
            self._stage = None
        else:
            from mmhsi.tasks.pixel_stage import PixelStage  # with torch

            self._stage = PixelStage.from_record(chosen)

    def last_stage(self, view, stored: Mapping[str, np.ndarray]) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
        """The refined probabilities of all pixels, as layers like those of :meth:`finish`."""
        if self._stage is None:
            return
        probabilities = np.moveaxis(np.asarray(stored[NETWORK]), 0, -1)
        probabilities = probabilities / probabilities.sum(axis=-1, keepdims=True)
        refined = np.moveaxis(self._stage(view, probabilities)[0], -1, 0)
        valid = np.isfinite(refined[0])
        self._logits = False
        made = self._layers_of(np.where(valid, refined, 1 / len(refined)))
        yield (
            slice(0, view.height),
            {name: np.where(valid, array, self.layers[name].nodata) for name, array in made.items()},
        )

    def finish(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Layers of joined values; with a last stage only the probabilities."""
        if self._stage is not None:
            return {NETWORK: softmax(values, axis=0) if self._logits else values}
        return self._layers_of(values)

    def _layers_of(self, values: np.ndarray) -> dict[str, np.ndarray]:
        layers = {'classes': values.argmax(axis=0)[None].astype(np.uint8) + np.uint8(1)}
        if not {'scores', 'uncertainty'} & set(self.layers):
            return layers
        probabilities = softmax(values, axis=0) if self._logits else values
        if 'scores' in self.layers:
            layers['scores'] = probabilities[1:] if len(values) == 2 else probabilities
        if 'uncertainty' in self.layers:
            layers['uncertainty'] = np.stack(class_uncertainty(probabilities))
        return layers

    def arrays(self, stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """'classes' counts from 0, with 255 where there is no data."""
        arrays = super().arrays(stored)
        arrays['classes'] = labels_of(arrays['classes'])
        return arrays

    def product_of_result(self, result: Any, scene=None) -> Product:
        valid = None if scene is None else scene.valid
        layers, nodata = {'classes': stored_labels(result.prediction, valid)}, {'classes': 0, 'uncertainty': np.nan}
        if getattr(result, 'confidence', None) is not None:
            known = np.ones(result.prediction.shape, bool) if valid is None else valid
            layers['uncertainty'] = np.where(known, np.stack([result.confidence, result.entropy]), np.nan).astype(
                np.float32
            )
        return Product(
            result.name,
            self.name,
            getattr(scene, 'info', None),
            layers,
            nodata,
            tuple(result.classes),
            resolve_palette(result.palette, len(result.classes)),
        )

    def figures(self, product: Product) -> dict[str, Figure]:
        labels = product.labels('classes')
        counts = np.bincount(labels[labels != 255], minlength=len(product.classes))
        shares = [f'{100 * count / max(int(counts.sum()), 1):.1f} %' for count in counts]
        figures = {
            'classes': visualization.class_map_figure(
                labels,
                product.classes,
                product.palette,
                f'{product.name}: classes',
                product.size,
                shares,
                ignore_label='no data',
                background=self.background,
            )
        }
        if len(product.layers.get('scores', ())) == 1:
            figures['scores'] = visualization.heat_map_figure(
                product.thinned('scores')[0],
                f'{product.name}: scores',
                product.size,
                visualization.heat_style(product.classes[-1]),
            )
        return {**figures, **self.uncertainty_figures(product)}

    def uncertainty_figures(self, product: Product) -> dict[str, Figure]:
        """``confidence`` and ``entropy``, if the product has them."""
        if 'uncertainty' not in product.layers:
            return {}
        confidence, entropy = product.thinned('uncertainty')
        return visualization.uncertainty_figures(confidence, entropy, product.name, len(product.classes))
