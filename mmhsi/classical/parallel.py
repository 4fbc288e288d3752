"""Work on many small matrices, shared among the cores that the linear algebra of NumPy may use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.linalg.lapack import dposv
from threadpoolctl import ThreadpoolController

from mmhsi.utils.progress import progress_bar

_END = object()


@lru_cache(maxsize=1)
def _libraries() -> ThreadpoolController:
    """The loaded thread libraries; finding them takes milliseconds."""
    return ThreadpoolController()


def over_cores(function: Callable[[Any], None], items: Iterable, what: str = '') -> None:
    """Call a function with each item, in as many threads as BLAS uses; OMP_NUM_THREADS sets both.

    Small matrices keep a core busy one by one, while BLAS would split each among all cores. A progress bar
    named ``what`` shows the state of long work.
    """
    libraries = _libraries()
    threads = max((library.num_threads for library in libraries.lib_controllers), default=1)
    bar = progress_bar(items, what, 'parts', after=2.0) if what else items
    left, lock = iter(bar), threading.Lock()

    def work() -> None:
        while True:
            with lock:  # items may be large: none is made before a thread is free
                item = next(left, _END)
            if item is _END:
                return
            function(item)

    with libraries.limit(limits=1):
        if threads == 1:
            work()
            return
        with ThreadPoolExecutor(threads) as pool:
            for worker in [pool.submit(work) for _ in range(threads)]:
                worker.result()


def solve_positive(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Solution of a symmetric positive definite system by Cholesky's decomposition.

    Args:
        matrix (np.ndarray): Lower triangle (C, C) float64; the upper triangle is not read.
        vector (np.ndarray): Right-hand side (C,).

    Returns:
        np.ndarray: (C,).
    """
    solution, failed = dposv(matrix, vector, lower=1)[1:]
    if failed:  # only through rounding
        solution = np.linalg.solve(np.tril(matrix) + np.tril(matrix, -1).T, vector)
    return solution
