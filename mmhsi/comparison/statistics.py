"""Means, deviations, intervals and paired tests of repeated runs."""

from collections.abc import Sequence

import numpy as np
from scipy import stats


def mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation of a sample (divisor n - 1); the deviation of a single value is NaN."""
    values = np.asarray(values, np.float64)
    if not values.size:
        return float('nan'), float('nan')
    return float(values.mean()), float(values.std(ddof=1)) if values.size > 1 else float('nan')


def paired_difference(first: Sequence[float], second: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Mean of the differences of paired runs, and half the width of its confidence interval by Student's t.

    Args:
        first (Sequence[float]): A score of n runs.
        second (Sequence[float]): That of the runs with the same seeds.
        level (float): Confidence. Defaults to 0.95.

    Returns:
        tuple[float, float]: Mean of first - second, and the half width, NaN for fewer than two pairs.
    """
    mean, std = mean_and_std(_differences(first, second))
    count = len(first)
    if count < 2:
        return mean, float('nan')
    return mean, float(stats.t.ppf((1 + level) / 2, count - 1) * std / np.sqrt(count))


def holm(probabilities: Sequence[float]) -> list[float]:
    """p of several tests, adjusted by Holm's step-down method: the family-wise error rate is kept.

    The i-th smallest of m values is multiplied by m - i + 1, made at least as large as those before it, and at most 1
    (Holm, Scand. J. Stat. 6, 1979). NaN is ignored and stays NaN.
    """
    values = np.asarray(probabilities, np.float64)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind='stable')]
    adjusted = values.copy()
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted.tolist()


def paired_t_test(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p of Student's t test on the differences of paired runs (:func:`scipy.stats.ttest_rel`).

    Args:
        first (Sequence[float]): A score of n runs.
        second (Sequence[float]): That of the runs with the same seeds.

    Returns:
        float: p; 1 if all differences are 0; NaN with fewer than two pairs, or if all differ by the same amount.
    """
    differences = _differences(first, second)
    if len(differences) < 2:
        return float('nan')
    if not differences.any():
        return 1.0
    if np.ptp(differences) == 0:
        return float('nan')
    return float(stats.ttest_rel(first, second).pvalue)


def wilcoxon_test(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test on paired runs (:func:`scipy.stats.wilcoxon`), zeros left out.

    The smallest possible value is 2^(1 - n), for five pairs 0.0625.

    Returns:
        float: p; 1 if all differences are 0; NaN with fewer than two pairs.
    """
    differences = _differences(first, second)
    if len(differences) < 2:
        return float('nan')
    if not differences.any():
        return 1.0
    return float(stats.wilcoxon(first, second).pvalue)


def _differences(first: Sequence[float], second: Sequence[float]) -> np.ndarray:
    if len(first) != len(second):
        raise ValueError(f'a paired test needs equal numbers of values, found {len(first)} and {len(second)}')
    return np.asarray(first, np.float64) - np.asarray(second, np.float64)
