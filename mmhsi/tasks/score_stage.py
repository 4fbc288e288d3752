"""The last stage of a detecting network in test and prediction: classical detectors, joined with it by their ranks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmhsi.classical import ANOMALY_DETECTORS, TARGET_DETECTORS, smoothed_cube
from mmhsi.tasks.strips import strips

NETWORK_PART = 'network'
_WIDEST = 50  # pixels


def surprise(scores: np.ndarray) -> np.ndarray:
    r"""Scores as :math:`-\log` of the share of pixels that score at least as much; NaN stays.

    The sum of such values over detectors is the logarithm of the product of their ranks, as in Fisher's combination of
    tests.

    Args:
        scores (np.ndarray): Any shape.

    Returns:
        np.ndarray: float64, at least 0.
    """
    found = np.full(scores.shape, np.nan)
    known = np.isfinite(scores)
    if known.any():
        from scipy.stats import rankdata  # takes a second to import

        found[known] = -np.log(rankdata(-scores[known], method='average') / np.count_nonzero(known))
    return found


class ScoreStage:
    """Joins the scores of a network with those of classical detectors, by weighted products of ranks.

    The binary map has as many detected pixels as the network alone would detect.

    Args:
        detectors (Mapping[str, tuple[str, Mapping]]): Name and options of each detector by its title; see
            :data:`mmhsi.classical.ANOMALY_DETECTORS` and :data:`mmhsi.classical.TARGET_DETECTORS`.
        weights (Mapping[str, float]): Weight of each detector and of the 'network'; those without any are not computed.
        spectrum (np.ndarray, optional): Target spectrum (C,) before the preprocessing, for target detectors.
        smoothing (float): Standard deviation in pixels of a Gaussian: half of the weight of a detector is that of its
            smoothed scores, because a sensor spreads what it sees over neighbouring pixels. Defaults to 0: none.
    """

    def __init__(
        self,
        detectors: Mapping[str, tuple[str, Mapping]],
        weights: Mapping[str, float],
        spectrum: np.ndarray | None = None,
        smoothing: float = 0.0,
    ) -> None:
        self.detectors = {title: (method, dict(options)) for title, (method, options) in detectors.items()}
        self.weights = dict(weights)
        self.spectrum = None if spectrum is None else np.asarray(spectrum, np.float64)
        if not 0 <= smoothing <= _WIDEST:
            raise ValueError(f'the smoothing of scores must be 0 to {_WIDEST} pixels, found {smoothing}')
        self.smoothing = smoothing

    def detect(self, title: str, view) -> np.ndarray:
        """Scores (H, W) of a detector on the values before the preprocessing, NaN where there is no data."""
        method, options = self.detectors[title]
        found = np.full((view.height, view.width), np.nan)
        for strip in strips(view):
            if not strip.valid.any():
                continue
            if method in ANOMALY_DETECTORS:
                options = _fitting_windows(options, strip.valid.shape)
                scores = ANOMALY_DETECTORS[method](strip.raw, valid=strip.valid, **options)
            elif self.spectrum is None:
                raise ValueError(f'{title} looks for a target spectrum, but none is known')
            else:
                scores = TARGET_DETECTORS[method](strip.raw, self.spectrum, valid=strip.valid, **options)
            found[strip.rows] = scores[strip.inner]
        return found

    def parts(self, view, margin: np.ndarray) -> dict[str, np.ndarray]:
        """Scores (H, W) of the network and of each detector that has a weight."""
        return {
            NETWORK_PART: margin,
            **{title: self.detect(title, view) for title in self.detectors if self.weights.get(title)},
        }

    def join(self, parts: Mapping[str, np.ndarray]) -> np.ndarray:
        """The weighted sum of :func:`surprise` of the parts, scaled to 0 .. 1."""
        joined = sum(weight * self._height(title, parts[title]) for title, weight in self.weights.items() if weight)
        return joined / np.log(np.count_nonzero(np.isfinite(joined)) + 1) / sum(self.weights.values())

    def _height(self, title: str, scores: np.ndarray) -> np.ndarray:
        if title == NETWORK_PART or not self.smoothing:
            return surprise(scores)
        known = np.isfinite(scores)
        smoothed = smoothed_cube(scores[..., None], known, self.smoothing)[..., 0]
        return (surprise(scores) + surprise(np.where(known, smoothed, np.nan))) / 2

    def __call__(self, view, margin: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """Difference of the logits (H, W) of the network → scores (H, W), detected bool (H, W), and the parts."""
        parts = self.parts(view, margin)
        scores = self.join(parts)
        return scores, as_many(scores, int(np.count_nonzero(margin > 0))), parts

    def describe(self) -> str:
        """The weights in words."""
        return ', '.join(f'{title} {weight:.2f}' for title, weight in self.weights.items())

    def record(self) -> dict:
        """The choice for a checkpoint, in plain values."""
        return dict(
            detectors={title: [method, options] for title, (method, options) in self.detectors.items()},
            weights=self.weights,
            spectrum=None if self.spectrum is None else self.spectrum.tolist(),
            smoothing=self.smoothing,
        )

    @classmethod
    def from_record(cls, record: Mapping) -> ScoreStage:
        """The inverse of :meth:`record`."""
        return cls(record['detectors'], record['weights'], record['spectrum'], record.get('smoothing', 0.0))


def as_many(scores: np.ndarray, count: int) -> np.ndarray:
    """The ``count`` pixels with the highest scores, bool; pixels that tie with the last one are left out."""
    known = scores[np.isfinite(scores)]
    if not 0 < count < known.size:
        return np.isfinite(scores) & (count > 0)
    return scores > np.partition(known, known.size - count - 1)[known.size - count - 1]


def _fitting_windows(options: Mapping, shape: tuple[int, int]) -> dict:
    """Options whose outer window is no larger than the scene."""
    options = dict(options)
    largest = min(shape) - (min(shape) + 1) % 2
    if options.get('outer', 0) > largest:
        options['outer'] = largest
        options['inner'] = min(options.get('inner', 3), max(largest // 2 - (largest // 2 + 1) % 2, 1))
    return options
