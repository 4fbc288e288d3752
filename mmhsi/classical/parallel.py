"""Work on many small matrices, shared among the cores that the linear algebra of NumPy may use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy.linalg.lapack import dposv
from threadpoolctl import threadpool_info, threadpool_limits


def over_cores(function: Callable[[Any], None], items: Iterable) -> None:
    """Call a function with each item, in as many threads as BLAS has; OMP_NUM_THREADS sets both.

    Small matrices keep a core busy one by one, while BLAS would split each among all cores.
    """
    threads = max((library['num_threads'] for library in threadpool_info()), default=1)
    with threadpool_limits(1):
        if threads == 1:
            for item in items:
                function(item)
            return
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(function, items):
                pass


def solve_positive(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Solution of a symmetric positive definite system by Cholesky's decomposition.

    Args:
        matrix (np.ndarray): Lower triangle (C, C) float64; what stands above it is not looked at.
        vector (np.ndarray): Right-hand side (C,).

    Returns:
        np.ndarray: (C,).
    """
    solution, failed = dposv(matrix, vector, lower=1)[1:]
    if failed:  # by rounding alone
        solution = np.linalg.solve(np.tril(matrix) + np.tril(matrix, -1).T, vector)
    return solution
