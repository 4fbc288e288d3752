"""Weight of a network among target detectors, chosen on targets implanted into the scene itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from mmhsi.datasets.implant import implant_targets
from mmhsi.tasks.score_stage import NETWORK_PART, ScoreStage, surprise

_FRACTIONS = ((0.05, 0.2), (0.2, 0.5), (0.5, 1.0))  # abundances of the targets of a set
_PIXELS = 40  # targets of a set
_BRIGHTNESS = 0.1  # standard deviation of the logarithm
_STEPS = 4  # the weight of the network is a multiple of one over it
_GAIN = 0.9  # with the network less than this share of what the area of the detectors misses to one must be missing


def choose_weights(scene, stage: ScoreStage, network: Callable[[np.ndarray], np.ndarray]) -> dict[str, float]:
    """Choose how much a network counts beside classical detectors, which count equally.

    Three sets of single pixels hold 5 to 20, 20 to 50 and 50 to 100 % of the target spectrum, of differing brightness
    and with the noise of the scene. Of the weights 0, 1/4, 1/2, 3/4 and 1 of the network in the product of ranks, the
    one with the largest mean area under the ROC curve is chosen if it is at least a tenth closer to one than the
    product without the network, and 0 otherwise. Such targets say little about the detectors among each other, because
    the spectra of real ones differ. No ground truth is used.

    Args:
        scene (DetectionScene): The scene, with a target spectrum.
        stage (ScoreStage): All detectors, each with a weight.
        network (Callable): Preprocessed values (H, W, C') → difference of the logits (H, W).

    Returns:
        dict[str, float]: Weights with sum 1, by the titles of the stage and 'network'.
    """
    rng = np.random.default_rng(0)
    view, valid = scene.view, scene.valid
    raw = np.where(valid[..., None], view.raw_window(0, 0, view.height, view.width), 0).astype(np.float64)
    steps = np.diff(raw, axis=1)[valid[:, 1:] & valid[:, :-1]]
    noise = 1.4826 * np.median(np.abs(steps), axis=0) / np.sqrt(2)  # half of the steps show more than noise
    titles = [NETWORK_PART, *stage.detectors]
    candidates = _weights(len(stage.detectors))
    total = np.zeros(len(candidates))
    for low, high in _FRACTIONS:
        count = min(_PIXELS, max(int(np.count_nonzero(valid)) // 50, 1))
        places = rng.choice(np.flatnonzero(valid), count, replace=False)
        spectra = stage.spectrum * np.exp(rng.normal(0, _BRIGHTNESS, (count, 1)))
        spectra = spectra + rng.normal(size=spectra.shape) * noise
        cube = implant_targets(
            raw, spectra, np.stack(np.divmod(places, view.width), axis=1), rng.uniform(low, high, count).tolist()
        )
        values = np.where(valid[..., None], scene.preprocess_spectra(_of_file(scene, cube)), 0).astype(np.float32)
        parts = stage.parts(_Implanted(cube, valid), network(values))
        heights = [surprise(np.where(valid, parts[title], np.nan))[valid] for title in titles]
        positive = np.isin(np.flatnonzero(valid), places)
        total += [
            _area(sum(weight * height for weight, height in zip(weights, heights, strict=True)), positive)
            for weights in candidates
        ]
    areas = total / len(_FRACTIONS)
    best = int(areas.argmax())
    chosen = best if 1 - areas[best] < _GAIN * (1 - areas[0]) else 0
    return dict(zip(titles, candidates[chosen], strict=True))


def _weights(count: int) -> list[tuple[float, ...]]:
    """Of the network and of each detector; without the network first."""
    return [(step / _STEPS, *[(1 - step / _STEPS) / count] * count) for step in range(_STEPS + 1)]


def _area(scores: np.ndarray, positive: np.ndarray) -> float:
    ranks = rankdata(scores)
    count = np.count_nonzero(positive)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(scores) - count)))


def _of_file(scene, cube: np.ndarray) -> np.ndarray:
    """Values of the bands that are read → of all bands before the preprocessing."""
    used = scene.view.used_bands
    if used is None or cube.shape[-1] == scene.info.bands:
        return cube
    full = np.zeros((*cube.shape[:-1], scene.info.bands), cube.dtype)
    full[..., used] = cube
    return full


class _Implanted:
    """A cube in memory with the part of the interface of a view that :func:`mmhsi.tasks.strips.strips` uses."""

    def __init__(self, cube: np.ndarray, valid: np.ndarray) -> None:
        self.cube, self.mask = cube, valid
        self.height, self.width = valid.shape
        self.bands = self.raw_bands = cube.shape[-1]
        self.dates = (self,)

    def window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        return self.cube[top : top + height, left : left + width]

    raw_window = window

    def validity(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        return self.mask[top : top + height, left : left + width]
