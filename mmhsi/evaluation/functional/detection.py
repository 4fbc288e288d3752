"""Scores of a detection map: detection and false-alarm rate against the threshold, and the areas under their curves."""

from dataclasses import dataclass

import numpy as np

AUC_NAMES = ('AUC', 'AUC_Pf_tau', 'AUC_Pd_tau', 'AUC_OA', 'AUC_SNPR', 'AUC_TD', 'AUC_BS', 'AUC_TDBS', 'AUC_ODP')


class UndefinedAUC(ValueError):
    """The input is valid, but there is no ROC curve: there is only one class, or all pixels have the same score."""


@dataclass(frozen=True)
class DetectionCurves:
    """Detection and false-alarm rate at every distinct score of the evaluated pixels.

    Attributes:
        thresholds (np.ndarray): (N,) float64, the distinct scores scaled to [0, 1], from 1 down to 0.
        detection_rate (np.ndarray): (N,) float64, the fraction of the targets with at least this score.
        false_alarm_rate (np.ndarray): (N,) float64, the fraction of the background with at least this score.
        num_targets (int): Number of target pixels.
        num_background (int): Number of background pixels.
        score_range (tuple[float, float]): The lowest and the highest score before the scaling.
    """

    thresholds: np.ndarray
    detection_rate: np.ndarray
    false_alarm_rate: np.ndarray
    num_targets: int
    num_background: int
    score_range: tuple[float, float]


def detection_curves(scores: np.ndarray, target: np.ndarray, ignore_index: int | None = 255) -> DetectionCurves:
    """Detection and false-alarm rates for all thresholds.

    Only evaluated pixels count, also for scaling the scores to [0, 1].

    Args:
        scores (np.ndarray): Scores, any shape; larger is more target-like. Finite wherever ``target`` is evaluated.
        target (np.ndarray): Same shape; 1 target, 0 background, ``ignore_index`` where nothing is evaluated.
        ignore_index (int, optional): Target value that is left out; None evaluates every element. Defaults to 255.

    Returns:
        DetectionCurves: The curves; N is the number of distinct scores.

    Raises:
        ValueError: If the shapes differ, a target value is neither 0, 1 nor ``ignore_index``, or an evaluated score is
            NaN or infinite.
        UndefinedAUC: If no pixel is evaluated, all evaluated pixels are of one class, or all scores are equal.
    """
    scores, target = np.asarray(scores), np.asarray(target)
    if scores.shape != target.shape:
        raise ValueError(f'scores {scores.shape} and targets {target.shape} must have the same shape')
    evaluated = np.ones(target.shape, bool) if ignore_index is None else target != ignore_index
    scores, target = scores[evaluated].astype(np.float64), target[evaluated]
    wrong = (target != 0) & (target != 1)
    if wrong.any():
        raise ValueError(
            f'targets must be 0 (background), 1 (target) or {ignore_index} (not evaluated), found {target[wrong][0]}'
        )
    broken = ~np.isfinite(scores)
    if broken.any():
        raise ValueError(f'{np.count_nonzero(broken)} of {scores.size} scores of evaluated pixels are NaN or infinite')
    num_targets = int(np.count_nonzero(target))
    num_background = scores.size - num_targets
    if not scores.size:
        raise UndefinedAUC('no pixel is evaluated')
    if not num_targets or not num_background:
        raise UndefinedAUC(f'all {scores.size} evaluated pixels are {"targets" if num_targets else "background"}')
    low, high = float(scores.min()), float(scores.max())
    if low == high:
        raise UndefinedAUC(f'all {scores.size} evaluated pixels have the same score, {low:g}')
    # as roc_curve of scikit-learn, which takes seconds to import, without its first point, which belongs to no score
    order = np.argsort(scores, kind='stable')[::-1]
    scores, detected = scores[order], np.cumsum(target[order], dtype=np.int64)
    last = np.append(np.flatnonzero(np.diff(scores)), scores.size - 1)  # of each distinct score
    return DetectionCurves(
        (scores[last] - low) / (high - low),
        detected[last] / num_targets,
        (last + 1 - detected[last]) / num_background,
        num_targets,
        num_background,
        (low, high),
    )


def _area(x: np.ndarray, y: np.ndarray) -> float:
    """Area under a curve by trapezoids, whether x rises or falls."""
    return abs(float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum()))


def detection_scores(curves: DetectionCurves, reference_rounding: bool = False) -> dict[str, float]:
    r"""Areas under the three curves of a detector, by the trapezoidal rule, and the usual combinations of them.

    With detection rate :math:`P_d`, false-alarm rate :math:`P_f` and threshold :math:`\tau`:

    .. math::
        AUC = \int P_d \, dP_f, \quad AUC_{f\tau} = \int P_f \, d\tau, \quad AUC_{d\tau} = \int P_d \, d\tau, \\
        AUC_{OA} = AUC + AUC_{d\tau} - AUC_{f\tau}, \quad AUC_{SNPR} = AUC_{d\tau} / AUC_{f\tau}, \\
        AUC_{TD} = AUC + AUC_{d\tau}, \quad AUC_{BS} = AUC - AUC_{f\tau}, \quad
        AUC_{TDBS} = AUC_{d\tau} - AUC_{f\tau}, \quad AUC_{ODP} = 1 + AUC_{d\tau} - AUC_{f\tau}

    C.-I Chang, "An effective evaluation tool for hyperspectral target detection: 3D receiver operating characteristic
    curve analysis", IEEE TGRS 59(6), 2021 (AUC_OA is called AUC_OD there). Pixels of equal score are one point, so AUC
    counts a tie of target and background as one half, like scikit-learn.

    Args:
        curves (DetectionCurves): What :func:`detection_curves` returns.
        reference_rounding (bool): Whether to compute areas like the reference implementation of HyperSIGMA: the part of
            AUC before the highest score is left out, the three areas are rounded to 4 decimals before they are
            combined, and the results once more. AUC_SNPR is infinite if AUC_Pf_tau is rounded to 0. Defaults to False.

    Returns:
        dict[str, float]: ``AUC`` (:math:`P_d` over :math:`P_f`), ``AUC_Pf_tau``, ``AUC_Pd_tau``, ``AUC_OA``,
        ``AUC_SNPR``, ``AUC_TD``, ``AUC_BS``, ``AUC_TDBS``, ``AUC_ODP``.
    """
    start = [] if reference_rounding else [0.0]
    area = _area(np.append(start, curves.false_alarm_rate), np.append(start, curves.detection_rate))
    over_false = _area(curves.thresholds, curves.false_alarm_rate)
    over_detected = _area(curves.thresholds, curves.detection_rate)
    if reference_rounding:
        area, over_false, over_detected = (round(value, 4) for value in (area, over_false, over_detected))
    gain = over_detected - over_false
    values = (
        area,
        over_false,
        over_detected,
        area + gain,
        over_detected / over_false if over_false else np.inf,
        area + over_detected,
        area - over_false,
        gain,
        1.0 + gain,
    )
    return {
        name: round(value, 4) if reference_rounding else value for name, value in zip(AUC_NAMES, values, strict=True)
    }
