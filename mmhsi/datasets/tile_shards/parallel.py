"""Run a function over many jobs in processes that do not outlive their parent."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

_PENDING_PER_WORKER = 4


def _start_worker() -> None:
    """Prepare a worker: it leaves Ctrl-C to its parent, exits with it, and has a small GDAL cache."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault('GDAL_CACHEMAX', '256')  # MB; GDAL's default is a share of the memory for each process

    def follow_parent() -> None:
        # a killed parent cannot notify its workers, which would wait for jobs forever
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=follow_parent, daemon=True).start()


def run_parallel(task: Callable, jobs: Iterable[tuple], workers: int) -> Iterator:
    """Results of ``task(*job)`` in the order in which they are ready; with one worker in this process.

    The error of a job is raised after the running jobs have ended; the others are not started.

    Args:
        task (Callable): A function of a module.
        jobs (Iterable[tuple]): Its arguments.
        workers (int): Number of processes.

    Raises:
        RuntimeError: If the system killed a worker.
    """
    if workers <= 1:
        yield from itertools.starmap(task, jobs)
        return
    # forking spares each worker the seconds of importing everything
    context = multiprocessing.get_context('fork' if sys.platform == 'linux' else 'spawn')
    jobs = iter(jobs)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker) as pool:
        pending = set()
        try:
            while True:
                # few at a time, so that hundreds of thousands of jobs are never in memory
                for job in itertools.islice(jobs, workers * _PENDING_PER_WORKER - len(pending)):
                    pending.add(pool.submit(task, *job))
                if not pending:
                    return
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool:
            raise RuntimeError(
                'the system killed a worker process, perhaps for lack of memory; run the same command again, with '
                'fewer workers if necessary: finished scenes are not '
                'repeated'
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
