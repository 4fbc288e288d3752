"""Classical pixel classifiers joined with a network by likelihood: fitted on, and stored as, its training pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from mmhsi.classical.kernel_ridge import leave_one_out, squared_distances
from mmhsi.classical.smoothing import smoothed_cube
from mmhsi.evaluation.functional.calibration import apply_temperature, fit_temperature
from mmhsi.tasks.pixel_classifiers import PIXELS, SVM_GRID, class_probabilities
from mmhsi.tasks.strips import Strip, strips

_SIGMAS = (0.5, 1.0, 2.0, 3.0, 4.0)  # pixels
_POWERS = 0.15, 0.5  # of the noise fractions that classifiers of means of one width use: nearly whitened, and not
_PRIOR = 0.5  # pixels credited to each part in advance, so that few validation pixels do not remove it
_EXPERT_PRIOR = 0.05  # the same for experts among each other, for which more pixels decide
_FOLDS = 5
_MOST = 600  # labelled pixels that decide on the width of the smoothing
_SMALLEST_WEIGHT = 0.01  # of a part that is kept
EXPERTS = (
    'SVM on spectra',
    'forest on spectra',
    'SVM on smoothed fractions',
    'SVM on fractions',
    'forest on fractions',
    'SVM on the input of the network',
    'SVM on differences',
    'SVM on smoothed differences',
)


@dataclass(frozen=True, eq=False)
class Features:
    """The features that an expert uses.

    Attributes:
        widths (tuple[float, ...]): Gaussians whose means of the preprocessed values it sees, in pixels; none for the
            raw spectrum.
        scales (tuple[float, ...]): Divisors of the means, one for each width.
        factors (np.ndarray, optional): Factor of each band, (C',).
        difference (bool): Whether it sees the second date minus the first one instead of both.
    """

    widths: tuple[float, ...] = ()
    scales: tuple[float, ...] = ()
    factors: np.ndarray | None = None
    difference: bool = False

    def __call__(self, strip: Strip) -> np.ndarray:
        """Features (h, w, D) float32 of a strip."""
        if not self.widths:
            return strip.raw.astype(np.float32)
        if self.difference:
            bands = strip.values.shape[-1] // 2
            values = strip.values[..., bands:] - strip.values[..., :bands]
        else:
            values = strip.values
        values = values if self.factors is None else values * self.factors.astype(np.float32)
        return np.concatenate(
            [
                smoothed_cube(values, strip.valid, width) / np.float32(scale)
                for width, scale in zip(self.widths, self.scales, strict=True)
            ],
            axis=-1,
        )

    def at(self, view, indices: np.ndarray) -> np.ndarray:
        """Features (N, D) of sorted flat indices."""
        found = []
        for strip in strips(view):
            first, last = strip.rows.start * view.width, strip.rows.stop * view.width
            inside = indices[(indices >= first) & (indices < last)] - strip.top * view.width
            if len(inside):
                features = self(strip)
                found.append(features.reshape(-1, features.shape[-1])[inside])
        return np.concatenate(found)


@dataclass(frozen=True, eq=False)
class Expert:
    """A classical classifier, kept as its training pixels and settings: it is fitted again where it is needed.

    Attributes:
        kind (str): 'svm' (RBF kernel, one against one) or 'forest'.
        features (Features): What it sees.
        pixels (np.ndarray): Features of the training pixels, float32 (N, D).
        labels (np.ndarray): Their classes (N,).
        options (Mapping): ``C`` and ``gamma`` of an SVM.
        temperature (float): Temperature of its probabilities, see
            :func:`mmhsi.evaluation.functional.apply_temperature`.
        seed (int): Seed of a forest.
    """

    kind: str
    features: Features
    pixels: np.ndarray
    labels: np.ndarray
    options: Mapping = field(default_factory=dict)
    temperature: float = 1.0
    seed: int = 0

    @cached_property
    def model(self):
        """The fitted estimator."""
        if self.kind == 'forest':
            estimator = RandomForestClassifier(n_estimators=300, random_state=self.seed)
        else:
            estimator = _svm(self.features, **self.options)
        return estimator.fit(self.pixels, self.labels)

    def probabilities(self, features: np.ndarray, classes: int) -> np.ndarray:
        """Probabilities (N, K) of pixels with features (N, D)."""
        found = np.zeros((len(features), classes))
        for start in range(0, len(features), PIXELS):
            part = slice(start, start + PIXELS)
            found[part] = class_probabilities(self.model, features[part], classes)
        # no class is impossible, although a forest of few labels gives many the probability 0
        found = (found + 1e-3) / (1 + 1e-3 * classes)
        return apply_temperature(found, self.temperature)


def _svm(features: Features, C: float = 100.0, gamma: float | str = 'scale'):
    # the scale of smoothed fractions is informative, that of bands is not
    scaled = bool(features.widths) and not features.difference
    return make_pipeline(FunctionTransformer() if scaled else StandardScaler(), SVC(C=C, gamma=gamma))


def fit_expert(kind: str, features: Features, pixels: np.ndarray, labels: np.ndarray, seed: int = 0) -> Expert:
    """Fit an expert; C and gamma of an SVM are chosen by stratified cross-validation on the training pixels."""
    options = {}
    folds = min(int(np.unique(labels, return_counts=True)[1].min()), 5)
    if kind == 'svm' and folds > 1:
        search = GridSearchCV(_svm(features), SVM_GRID, cv=StratifiedKFold(folds, shuffle=True, random_state=seed))
        best = search.fit(pixels, labels).best_params_
        options = dict(C=best['svc__C'], gamma=best['svc__gamma'])
    return Expert(kind, features, pixels, labels, options, seed=seed)


def mixture_weights(likelihoods: np.ndarray, prior: float = _PRIOR) -> np.ndarray:
    """Weights of a mixture by expectation maximisation.

    Args:
        likelihoods (np.ndarray): (N, J), the probability that each of J parts gives the true class of N pixels.
        prior (float): Pixels credited to each part in advance. Defaults to 0.5.

    Returns:
        np.ndarray: (J,), not negative, with sum 1.
    """
    weights = np.full(likelihoods.shape[1], 1 / likelihoods.shape[1])
    for _ in range(500):
        shares = likelihoods * weights
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
        weights = shares.sum(axis=0) + prior
        weights /= weights.sum()
    return weights


class Mixture:
    """Probabilities of a network and of experts, averaged with weights.

    Args:
        experts (Mapping[str, Expert]): The experts by title.
        weights (Mapping[str, float]): Weight of each and of the 'network'.
        temperature (float): Temperature of the probabilities of the network.
    """

    def __init__(self, experts: Mapping[str, Expert], weights: Mapping[str, float], temperature: float) -> None:
        self.experts, self.weights, self.temperature = dict(experts), dict(weights), temperature

    @classmethod
    def fit(
        cls,
        scene,
        probabilities: np.ndarray,
        titles: Sequence[str] = EXPERTS,
        widths: Sequence[float] = (),
        scales: Sequence[float] = (),
        seed: int = 0,
    ) -> Mixture:
        """Fit experts on the training pixels of a scene and weight them.

        The smoothing of each is that whose leave-one-out likelihood on training and validation pixels is best.
        Temperatures and weights of the experts among each other follow from five-fold cross-validation on these pixels,
        and the weight of the network beside all of them from the validation pixels, on which it was not trained. Parts
        with less than 1 % are left out.

        Args:
            scene (BaseScene): The scene, with a split.
            probabilities (np.ndarray): Probabilities of the network, (H, W, K).
            titles (Sequence[str]): Experts that take part, of :data:`EXPERTS`.
            widths, scales (Sequence[float]): Smoothing of the input of the network.
            seed (int): Seed of folds and forest. Defaults to 0.

        Returns:
            Mixture: The mixture.
        """
        view, labels, split = scene.view, scene.labels.ravel(), scene.split
        classes = probabilities.shape[-1]
        known = np.isfinite(probabilities).all(axis=-1).ravel()
        train, val = np.sort(split.train), np.sort(split.val[known[split.val]])
        true = labels[val]
        both = np.sort(np.concatenate([train, val]))
        is_train = np.isin(both, train)
        network = probabilities.reshape(-1, classes)[val]
        temperature = fit_temperature(network, true)
        experts, crossed, held_out = {}, [], []
        folds = _folds(labels[both], seed)
        for title, (kind, candidates) in _candidates(scene, titles, widths, scales).items():
            features, pixels = _best_features(view, candidates, both, labels[both], seed)
            expert = fit_expert(kind, features, pixels[is_train], labels[train], seed)
            values = _cross_validated(expert, pixels, labels[both], folds, classes)
            expert = replace(expert, temperature=fit_temperature(values, labels[both]))
            experts[title] = expert
            crossed.append(apply_temperature(values, expert.temperature)[np.arange(len(both)), labels[both]])
            held_out.append(expert.probabilities(pixels[~is_train], classes)[np.arange(len(val)), true])
        if not experts:
            return cls({}, {'network': 1.0}, temperature)
        shares = mixture_weights(np.stack(crossed, axis=1), _EXPERT_PRIOR)
        together = np.stack(held_out, axis=1) @ shares
        alone = apply_temperature(network, temperature)[np.arange(len(val)), true]
        own, theirs = mixture_weights(np.stack([alone, together], axis=1))
        weights = {'network': float(own), **dict(zip(experts, (theirs * shares).tolist(), strict=True))}
        weights = {title: weight for title, weight in weights.items() if weight >= _SMALLEST_WEIGHT}
        total = sum(weights.values())
        return cls(
            {title: expert for title, expert in experts.items() if title in weights},
            {'network': 0.0, **{title: weight / total for title, weight in weights.items()}},
            temperature,
        )

    def parts(self, view, probabilities: np.ndarray) -> dict[str, np.ndarray]:
        """Probabilities (H, W, K) of the network and of each expert; NaN where the network has none."""
        found = {'network': apply_temperature(probabilities, self.temperature).astype(np.float32)}
        known = np.isfinite(probabilities).all(axis=-1)
        for title, expert in self.experts.items():
            values = np.full(probabilities.shape, np.nan, np.float32)
            for strip in strips(view):
                wanted = known[strip.rows]
                features = expert.features(strip)[strip.inner][wanted]
                values[strip.rows][wanted] = expert.probabilities(features, probabilities.shape[-1])
            found[title] = values
        return found

    def __call__(self, parts: Mapping[str, np.ndarray]) -> np.ndarray:
        """The weighted mean of the parts."""
        joined = np.zeros_like(next(iter(parts.values())))
        for title, values in parts.items():
            joined += np.float32(self.weights[title]) * values
        return joined

    def record(self) -> dict:
        """The mixture as plain values and arrays, for a checkpoint."""
        return dict(
            weights=self.weights,
            temperature=self.temperature,
            experts={
                title: dict(
                    kind=expert.kind,
                    widths=list(expert.features.widths),
                    scales=list(expert.features.scales),
                    factors=expert.features.factors,
                    difference=expert.features.difference,
                    pixels=expert.pixels,
                    labels=expert.labels.astype(np.uint8),
                    options=dict(expert.options),
                    temperature=expert.temperature,
                    seed=expert.seed,
                )
                for title, expert in self.experts.items()
            },
        )

    @classmethod
    def from_record(cls, record: Mapping) -> Mixture:
        """The inverse of :meth:`record`."""
        experts = {}
        for title, stored in record['experts'].items():
            stored = dict(stored)
            features = Features(
                tuple(stored.pop('widths')),
                tuple(stored.pop('scales')),
                _array(stored.pop('factors')),
                stored.pop('difference'),
            )
            experts[title] = Expert(
                features=features, **{**stored, 'pixels': _array(stored['pixels']), 'labels': _array(stored['labels'])}
            )
        return cls(experts, record['weights'], record['temperature'])


def _folds(labels: np.ndarray, seed: int) -> np.ndarray:
    """Fold (N,) of each pixel, the pixels of a class spread evenly."""
    found = np.empty(len(labels), np.int64)
    rng = np.random.RandomState(seed)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        found[rng.permutation(own)] = np.arange(len(own)) % _FOLDS
    return found


def _cross_validated(
    expert: Expert, pixels: np.ndarray, labels: np.ndarray, folds: np.ndarray, classes: int
) -> np.ndarray:
    """Probabilities (N, K) of pixels by an expert of the same settings that was fitted on the other folds."""
    found = np.full((len(labels), classes), 1 / classes)
    for fold in np.unique(folds):
        inside = folds == fold
        if len(np.unique(labels[~inside])) > 1:
            other = replace(expert, pixels=pixels[~inside], labels=labels[~inside], temperature=1.0)
            found[inside] = other.probabilities(pixels[inside], classes)
    return found


def _best_features(
    view, candidates: Sequence[Features], places: np.ndarray, labels: np.ndarray, seed: int
) -> tuple[Features, np.ndarray]:
    """The features with the best leave-one-out likelihood, and their values (N, D) at sorted flat indices."""
    found = [features.at(view, places) for features in candidates]
    if len(found) == 1:
        return candidates[0], found[0]
    some = np.arange(len(places))
    if len(places) > _MOST:
        some = np.random.RandomState(seed).choice(len(places), _MOST, replace=False)
    losses = []
    for pixels in found:
        part = pixels[some].astype(np.float64)
        losses.append(leave_one_out(squared_distances(part, part), labels[some]).loss)
    best = int(np.argmin(losses))
    return candidates[best], found[best]


def _array(values) -> np.ndarray | None:
    return None if values is None else np.asarray(values)


def _candidates(
    scene, titles: Sequence[str], widths: Sequence[float], scales: Sequence[float]
) -> dict[str, tuple[str, list[Features]]]:
    """Kind, and features that compete, for each title; a title is left out if the scene does not have its features."""
    unknown = set(titles) - set(EXPERTS)
    if unknown:
        raise ValueError(f'experts are {", ".join(EXPERTS)}; found {", ".join(sorted(unknown))}')
    spectra, last = Features(), scene.transforms[-1] if scene.transforms else None
    known = {'SVM on spectra': ('svm', [spectra]), 'forest on spectra': ('forest', [spectra])}
    if last is not None and hasattr(last, 'ratio'):
        steep, flat = (_fractions(scene, last, power) for power in _POWERS)
        known['SVM on smoothed fractions'] = 'svm', [steep(sigma) for sigma in _SIGMAS]
        known['SVM on fractions'] = 'svm', [flat(sigma) for sigma in (0.0, *_SIGMAS)]
        known['forest on fractions'] = 'forest', [flat(sigma) for sigma in (0.0, 1.0, 2.0)]
    if widths:
        own = Features(tuple(map(float, widths)), tuple(map(float, scales or [1] * len(widths))))
        known['SVM on the input of the network'] = 'svm', [own]
    if len(scene.dates) > 1:
        known['SVM on differences'] = 'svm', [Features((0.0,), (1.0,), difference=True)]
        known['SVM on smoothed differences'] = (
            'svm',
            [Features((sigma,), (1.0,), difference=True) for sigma in _SIGMAS[:3]],
        )
    return {title: known[title] for title in titles if title in known}


def _fractions(scene, last, power: float) -> Callable[[float], Features]:
    """Features of means of the noise fractions to a power, by the width of the smoothing."""
    factors = np.maximum(last.ratio, 1e-9) ** (power - last.power)
    if len(scene.dates) > 1:
        factors = np.tile(factors, len(scene.dates))
    scale = float((scene.pixels(np.sort(scene.split.train)) * factors).std()) or 1.0
    return lambda sigma: Features((sigma,), (scale,), factors)
