"""Paired tests against their formulas and against other functions of scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from mmhsi.comparison.statistics import holm, mean_and_std, paired_difference, paired_t_test, wilcoxon_test

FIRST, SECOND = [0.86, 0.84, 0.88, 0.85, 0.87], [0.83, 0.85, 0.84, 0.83, 0.81]


def test_mean_and_std_of_a_sample():
    assert mean_and_std([1.0, 2.0, 4.0]) == pytest.approx((7 / 3, math.sqrt(7 / 3)))
    mean, std = mean_and_std([3.0])
    assert mean == 3 and math.isnan(std)
    assert all(math.isnan(value) for value in mean_and_std([]))


def test_paired_t_is_that_of_the_formula():
    differences = np.subtract(FIRST, SECOND)
    t = differences.mean() / (differences.std(ddof=1) / math.sqrt(5))
    assert paired_t_test(FIRST, SECOND) == pytest.approx(2 * stats.t.sf(abs(t), 4))
    assert paired_t_test(FIRST, FIRST) == 1
    assert math.isnan(paired_t_test([1.0], [2.0])) and math.isnan(paired_t_test([1.0, 2.0], [2.0, 3.0]))
    with pytest.raises(ValueError, match='found 5 and 4'):
        paired_t_test(FIRST, SECOND[:4])


def test_wilcoxon_counts_the_signs_of_the_ranks():
    # ranks of |differences| 1 (negative), 2, 3, 4, 5: W- = 1; of 2^5 sign patterns two have W- <= 1, both tails: 4/32
    assert wilcoxon_test(FIRST, SECOND) == pytest.approx(4 / 32)
    assert wilcoxon_test([1.0, 2.0, 3.0, 4.0, 5.0], [0.0] * 5) == pytest.approx(2 / 32)  # its smallest value
    assert wilcoxon_test(FIRST, FIRST) == 1
    assert math.isnan(wilcoxon_test([1.0], [2.0]))


def test_confidence_interval_of_paired_differences():
    mean, half = paired_difference(FIRST, SECOND)
    interval = stats.ttest_rel(FIRST, SECOND).confidence_interval(0.95)
    assert (mean - half, mean + half) == pytest.approx((interval.low, interval.high))
    wide = stats.ttest_rel(FIRST, SECOND).confidence_interval(0.99)
    assert paired_difference(FIRST, SECOND, 0.99)[1] == pytest.approx((wide.high - wide.low) / 2)
    assert paired_difference([0.5], [0.25])[0] == 0.25 and math.isnan(paired_difference([0.5], [0.25])[1])


def test_holm_steps_down():
    # 4 x 0.005, 3 x 0.01, 2 x 0.03, and 0.04 no less than the one before
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, float('nan'), 0.9])[::2] == pytest.approx([1.0, 1.0])
    assert math.isnan(holm([0.5, float('nan')])[1]) and holm([]) == []
