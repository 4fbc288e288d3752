"""Paired tests against their formulas and against other functions of scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from mmhsi.comparison.statistics import mcnemar_test, mean_and_std, paired_t_test, wilcoxon_test

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


def maps_of(both: int, only_first: int, only_second: int, neither: int):
    first = [True] * (both + only_first) + [False] * (only_second + neither)
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * neither
    return np.array(first), np.array(second)


def test_mcnemar_of_few_pixels_is_exact():
    p, b, c = mcnemar_test(*maps_of(50, 9, 2, 7))
    tail = sum(math.comb(11, k) for k in range(3)) / 2**11
    assert (b, c) == (9, 2) and p == pytest.approx(2 * tail)
    assert mcnemar_test(*maps_of(5, 0, 0, 5)) == (1.0, 0, 0)


def test_mcnemar_of_many_pixels_is_edwards_chi_square():
    p, b, c = mcnemar_test(*maps_of(300, 60, 35, 40))
    assert (b, c) == (60, 35)
    # a chi-square of one degree of freedom is a squared standard normal
    assert p == pytest.approx(math.erfc(math.sqrt((abs(60 - 35) - 1) ** 2 / 95 / 2)))
    assert mcnemar_test(*maps_of(0, 20, 20, 0))[0] == 1.0
    with pytest.raises(ValueError, match='found 3 and 2'):
        mcnemar_test([True] * 3, [True] * 2)
