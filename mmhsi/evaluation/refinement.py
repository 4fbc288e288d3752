"""The last stage of a pixel classifier: calibrated probabilities that follow the edges of the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from mmhsi.classical.random_walker import edge_laplacian, first_component, random_walker
from mmhsi.evaluation.functional.calibration import adapt_priors, apply_temperature, class_shares, fit_temperature
from mmhsi.utils.labels import IGNORE_INDEX

STRENGTHS = (1.0, 0.3, 0.1, 0.03, 0.01)
_MARGIN = 1.5  # standard errors
_SMALLEST_SHARE = 1e-9  # of a class; none is impossible


@dataclass(frozen=True)
class Refinement:
    """A random walker on class probabilities, a temperature, and the shares of the classes, in this order.

    Attributes:
        strength (float, optional): g of :func:`mmhsi.classical.random_walker`; None for no walker.
        temperature (float): T of :func:`mmhsi.evaluation.functional.apply_temperature`.
        priors (tuple[float, ...], optional): Shares (K,) of the classes among the training pixels, see
            :func:`mmhsi.evaluation.functional.adapt_priors`; None leaves the shares as they are.
        shares (tuple[float, ...], optional): Shares (K,) of the classes in a set of scenes; None takes those of each
            image itself.
    """

    strength: float | None = None
    temperature: float = 1.0
    priors: tuple[float, ...] | None = None
    shares: tuple[float, ...] | None = None

    def walk(self, probabilities: np.ndarray, laplacian: sparse.csr_matrix | None) -> np.ndarray:
        """The walker on the probabilities (N, K) of the pixels of a graph; without a walker the graph may be None."""
        if self.strength is None:
            return probabilities
        return np.maximum(random_walker(probabilities, laplacian, self.strength), 0)

    def finish(self, probabilities: np.ndarray) -> np.ndarray:
        """Temperature and shares, for the probabilities (..., K) of a whole image behind the walker; NaN stays."""
        calibrated = apply_temperature(probabilities, self.temperature)
        return calibrated if self.priors is None else adapt_priors(calibrated, self.priors, self.shares)

    def with_shares(self, probabilities: np.ndarray) -> Refinement:
        """The same with the shares of the classes in all scenes of a set, given their probabilities (..., K) behind the
        walker."""
        shares = np.maximum(class_shares(apply_temperature(probabilities, self.temperature)), _SMALLEST_SHARE)
        return replace(self, shares=tuple(shares.tolist()))

    def settings(self) -> dict:
        """The choice in plain values; ``walker`` is 'off' without one, ``priors`` and ``shares`` are there only if they
        are known."""
        settings = dict(walker='off' if self.strength is None else self.strength, temperature=self.temperature)
        known = {name: getattr(self, name) for name in ('priors', 'shares')}
        return {**settings, **{name: list(values) for name, values in known.items() if values is not None}}

    @classmethod
    def from_settings(cls, settings: Mapping) -> Refinement:
        """The inverse of :meth:`settings`; raises a ValueError for values that no choice has."""
        walker, temperature = settings['walker'], float(settings['temperature'])
        strength = None if walker == 'off' else float(walker)
        shares = {
            name: tuple(map(float, settings[name])) for name in ('priors', 'shares') if settings.get(name) is not None
        }
        numbers = [temperature, *([] if strength is None else [strength]), *sum(shares.values(), ())]
        if not all(0 < number < np.inf for number in numbers):
            raise ValueError(
                f'walker, temperature, priors and shares of a refinement must be positive, found {dict(settings)}'
            )
        return cls(strength, temperature, **shares)


def choose_refinement(
    probabilities: np.ndarray,
    laplacian: sparse.csr_matrix | None,
    places: np.ndarray,
    labels: np.ndarray,
    strengths: Sequence[float] = STRENGTHS,
    default: float | None = None,
) -> Refinement:
    """Choose walker and temperature by the likelihood of held-out pixels; using no walker is a candidate too.

    The likelihood is more informative than the accuracy, which often ties for few pixels per class. Of equally good
    candidates the weaker one is chosen.

    Args:
        probabilities (np.ndarray): (N, K) of the pixels of the graph.
        laplacian (sparse.csr_matrix, optional): The graph; None without ``strengths``.
        places (np.ndarray): (n,) rows of ``probabilities`` of the held-out pixels.
        labels (np.ndarray): (n,) their classes, 0 to K - 1.
        strengths (Sequence[float]): Candidates, from weak to strong, which means from large to small values.
        default (float, optional): The strength that is used unless the best one is better by more than 1.5
            standard errors of the differences over the held-out pixels. Defaults to None: the best one is used.

    Returns:
        Refinement: The choice; without held-out pixels, one without effect.
    """
    if not len(places):
        return Refinement()
    found, losses = {}, {}
    for strength in (None, *strengths):
        walked = probabilities if strength is None else random_walker(probabilities, laplacian, strength)
        held_out = np.maximum(walked[places], 0)
        temperature = fit_temperature(held_out, labels)
        true = apply_temperature(held_out, temperature)[np.arange(len(labels)), labels.astype(np.int64)]
        found[strength] = Refinement(strength, temperature)
        losses[strength] = -np.log(np.maximum(true, 1e-12))
    best = None
    for strength in strengths:
        if losses[strength].mean() < losses[best].mean() - 1e-9:
            best = strength
    if default in strengths:
        lacking = losses[default] - losses[best]
        if lacking.mean() <= _MARGIN * lacking.std() / np.sqrt(len(lacking)):
            best = default
    return found[best]


def scene_laplacian(scene) -> sparse.csr_matrix:
    """The graph of the valid pixels of a scene, along the edges of the first principal component of its bands.

    Args:
        scene (Scene): The scene; bands that its preprocessing leaves out are ignored.

    Returns:
        sparse.csr_matrix: (N, N) for the N valid pixels in the order of their flat indices.
    """
    guide = np.zeros(scene.valid.shape)
    guide[scene.valid] = first_component(scene.raw_pixels(scene.subset('all')))
    return edge_laplacian(guide, scene.valid)


class SceneRefiner:
    """Refines probability maps of one scene, with settings chosen on its validation pixels or given.

    Args:
        scene (Scene): The scene.
        strengths (Sequence[float]): Candidates for the walker; without any only the temperature is chosen.
        chosen (Refinement, optional): A choice that was made before. Defaults to None: it is made here.
        default (float, optional): See :func:`choose_refinement`. Defaults to None.
        adapt (bool): Whether a choice that is made here adapts the probabilities to the shares of the classes in the
            scene. Defaults to False.
    """

    def __init__(
        self,
        scene,
        strengths: Sequence[float] = STRENGTHS,
        chosen: Refinement | None = None,
        default: float | None = None,
        adapt: bool = False,
    ) -> None:
        self.scene = scene
        self.default = default
        self.adapt = adapt
        self.strengths = tuple(strengths)
        self.chosen = chosen

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """Refine a probability map (H, W, K); NaN, where nothing was predicted, is kept."""
        walked = self.walk(probabilities)
        assert self.chosen is not None  # by the walk
        return self.chosen.finish(walked).astype(np.float32)

    def walk(self, probabilities: np.ndarray) -> np.ndarray:
        """The walker alone, float32 (H, W, K); pixels without a prediction are not part of the graph."""
        from_map = self.scene.valid & np.isfinite(probabilities).all(axis=-1)
        walks = bool(self.strengths) if self.chosen is None else self.chosen.strength is not None
        laplacian = None
        if walks:
            laplacian = scene_laplacian(self.scene)
            keep = from_map[self.scene.valid]
            if not keep.all():
                laplacian = _subgraph(laplacian, keep)
        values = probabilities[from_map].astype(np.float64)
        if self.chosen is None:
            self.chosen = self._choose(values, laplacian, from_map)
        walked = np.array(probabilities, dtype=np.float32)
        walked[from_map] = self.chosen.walk(values, laplacian)
        return walked

    def _choose(self, values: np.ndarray, laplacian: sparse.csr_matrix | None, from_map: np.ndarray) -> Refinement:
        split = self.scene.split
        held_out = np.zeros(0, np.int64) if split is None else split.val
        held_out = held_out[from_map.ravel()[held_out]]
        labels = self.scene.labels.ravel()[held_out] if len(held_out) else np.zeros(0, np.int64)
        if (labels == IGNORE_INDEX).any():
            held_out, labels = held_out[labels != IGNORE_INDEX], labels[labels != IGNORE_INDEX]
        places = np.cumsum(from_map.ravel()) - 1
        found = choose_refinement(values, laplacian, places[held_out], labels, self.strengths, self.default)
        if not self.adapt or not len(held_out):
            return found
        counts = np.bincount(self.scene.labels.ravel()[split.train], minlength=values.shape[-1])
        counts = np.maximum(counts, 0.5)  # a class without a training pixel is no impossible one
        return replace(found, priors=tuple((counts / counts.sum()).tolist()))


def _subgraph(laplacian: sparse.csr_matrix, keep: np.ndarray) -> sparse.csr_matrix:
    part = laplacian[keep][:, keep]
    adjacency = -(part - sparse.diags(part.diagonal()))
    return sparse.csr_matrix(sparse.diags(np.asarray(adjacency.sum(axis=1)).ravel()) - adjacency)
