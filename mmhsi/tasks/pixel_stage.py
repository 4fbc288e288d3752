"""The last stage of a pixel classifier in test and prediction: classical classifiers, a walker, a temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from mmhsi.evaluation.refinement import STRENGTHS, Refinement, SceneRefiner
from mmhsi.tasks.experts import Mixture
from mmhsi.tasks.strips import strips

_WALKER = 0.03  # strength of the walker behind a mixture, unless another is clearly better


class PixelStage:
    """Joins the probabilities of a network with those of experts, and refines them along the edges of the image.

    What was chosen on the validation pixels of a scene holds for every other one.

    Args:
        mixture (Mixture, optional): Experts and weights; None for the network alone.
        refinement (Refinement): Walker and temperature.
    """

    def __init__(self, mixture: Mixture | None, refinement: Refinement) -> None:
        self.mixture, self.refinement = mixture, refinement

    @classmethod
    def fit(
        cls,
        scene,
        probabilities: np.ndarray,
        experts: Sequence[str] = (),
        strengths: Sequence[float] = STRENGTHS,
        widths: Sequence[float] = (),
        scales: Sequence[float] = (),
        adapt: bool = False,
        together: bool = False,
    ) -> PixelStage:
        """Choose on the validation pixels of a scene; without any, nothing is changed.

        Args:
            scene (BaseScene): The scene.
            probabilities (np.ndarray): Probabilities of the network, (H, W, K), NaN where nothing was predicted.
            experts (Sequence[str]): See :class:`mmhsi.tasks.experts.Mixture`; none by default.
            strengths (Sequence[float]): Strengths of the walker, see :class:`mmhsi.evaluation.refinement.SceneRefiner`.
            widths, scales (Sequence[float]): Smoothing of the input of the network.
            adapt (bool): Whether probabilities are adapted to the shares of the classes in a scene. Defaults to False.
            together (bool): Whether the scene holds all scenes of a set, whose shares then count for each of them.
                Defaults to False.
        """
        known = np.isfinite(probabilities).all(axis=-1).ravel()
        held_out = scene.split is not None and known[scene.split.val].any() and len(scene.split.train)
        mixture = None
        if experts and held_out:
            mixture = Mixture.fit(scene, probabilities, experts, widths, scales)
            probabilities = mixture(mixture.parts(scene.view, probabilities))
        refiner = SceneRefiner(scene, strengths, default=_WALKER if mixture else None, adapt=adapt)
        walked = refiner.walk(probabilities)
        chosen = refiner.chosen or Refinement()
        return cls(mixture, chosen.with_shares(walked) if together and chosen.priors is not None else chosen)

    def __call__(self, view, probabilities: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Probabilities (H, W, K) of the network → those of the whole, and those of each part and step by name."""
        parts: dict[str, np.ndarray] = {}
        joined = probabilities
        if self.mixture is not None:
            parts = self.mixture.parts(view, probabilities)
            joined = self.mixture(parts)
            parts['mean of the parts'] = joined
        walked = np.empty(joined.shape, np.float32)
        for strip in strips(view):
            rows = slice(strip.top, strip.top + strip.height)
            walked[strip.rows] = SceneRefiner(strip, chosen=self.refinement).walk(joined[rows])[strip.inner]
        if parts and self.refinement.priors is not None:
            parts['mean, after the walker'] = walked
        return self.refinement.finish(walked).astype(np.float32), parts

    def settings(self) -> dict:
        """The choice in plain values."""
        settings = self.refinement.settings()
        if self.mixture is not None:
            settings['weights'] = {name: round(weight, 4) for name, weight in self.mixture.weights.items()}
        return settings

    def describe(self) -> str:
        """The choice in words."""
        words = f'walker {self.settings()["walker"]}, temperature {self.refinement.temperature:.2f}'
        if self.refinement.priors is not None:
            whose = 'the scene' if self.refinement.shares is None else 'all scenes'
            words += f', adapted to the shares of the classes in {whose}'
        if self.mixture is not None:
            weights = ', '.join(f'{name} {weight:.2f}' for name, weight in self.mixture.weights.items())
            words = f'weights {weights}; {words}'
        return words

    def record(self) -> dict:
        """The choice for a checkpoint: plain values and tensors."""
        record = self.refinement.settings()
        if self.mixture is not None:
            record['mixture'] = _tensors(self.mixture.record())
        return record

    @classmethod
    def from_record(cls, record: Mapping) -> PixelStage:
        """The inverse of :meth:`record`."""
        mixture = record.get('mixture')
        return cls(None if mixture is None else Mixture.from_record(mixture), Refinement.from_settings(record))


def _tensors(values):
    if isinstance(values, Mapping):
        return {name: _tensors(value) for name, value in values.items()}
    return torch.from_numpy(np.ascontiguousarray(values)) if isinstance(values, np.ndarray) else values
