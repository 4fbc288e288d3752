"""Finding unresponsive processes of a distributed run: each process reports regularly that it is alive, and its
iteration."""

from __future__ import annotations

import datetime
import re
import threading
import time
import weakref

from mmengine.dist import get_rank, get_world_size
from torch.distributed import PrefixStore
from torch.distributed.distributed_c10d import _get_default_store

_SECONDS = 2.0  # between two heartbeats
_PATIENCE = 3  # missed heartbeats after which a process counts as unresponsive
# messages of gloo if a process does not respond, or is gone
_SILENCE = re.compile(r'[Tt]imed out|[Tt]imeout|Connection (closed|reset|refused)|Broken pipe|Socket is not connected')


class Heartbeat:
    """A thread that increments a counter in the store of the process group, together with the iteration of the run.

    Args:
        seconds (float): The time limit of the process group, for the message.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds
        self.rank, self.size = get_rank(), get_world_size()
        self._runner = lambda: None
        self._ended = threading.Event()
        store = _get_default_store()
        # a separate connection: that of the group is locked while it waits for an answer
        self._store = PrefixStore('mmhsi_heartbeat', store.clone() if hasattr(store, 'clone') else store)
        self._thread = threading.Thread(target=self._run, name='heartbeat', daemon=True)
        self._thread.start()

    def watch(self, runner) -> None:
        """Report the iteration of a run from now on."""
        self._runner = weakref.ref(runner)

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(2 * _SECONDS)

    def _run(self) -> None:
        beats = 0
        while not self._ended.is_set():
            beats += 1
            try:
                self._store.set(str(self.rank), f'{beats} {self._iteration()}')
            except RuntimeError:
                return  # the store ended with its process
            self._ended.wait(_SECONDS)

    def _iteration(self) -> int:
        runner = self._runner()
        loop = getattr(runner, '_train_loop', None)
        return getattr(loop, '_iter', -1)

    def _read(self) -> dict[int, tuple[int, int]]:
        """Heartbeats and iterations of the processes, if the store answers."""
        found: dict[int, tuple[int, int]] = {}

        def read() -> None:
            try:
                for rank in range(self.size):
                    if self._store.check([str(rank)]):
                        beats, iteration = self._store.get(str(rank)).split()
                        found[rank] = int(beats), int(iteration)
            except RuntimeError:
                pass

        thread = threading.Thread(target=read, daemon=True)  # a store never answers if its process is stopped
        thread.start()
        thread.join(_PATIENCE * _SECONDS)
        return dict(found)

    def explain(self, error: BaseException) -> str | None:
        """A message that names the unresponsive processes; None if the error has another cause."""
        if not _SILENCE.search(str(error)):
            return None
        before = self._read()
        time.sleep(_PATIENCE * _SECONDS)
        after = self._read()
        others = [rank for rank in range(self.size) if rank != self.rank]
        silent = [rank for rank in others if rank not in after or after[rank][0] == before.get(rank, (0, 0))[0]]
        own = self._iteration()
        behind = [rank for rank in others if rank not in silent and after[rank][1] != own]
        told = [
            f'rank {rank} gives no sign of life'
            + (f', the last at iteration {after[rank][1]}' if rank in after and after[rank][1] >= 0 else '')
            for rank in silent
        ]
        told += [f'rank {rank} lives, but is at iteration {after[rank][1]}' for rank in behind]
        if not after and 0 in silent:
            told = ['rank 0, which keeps the store of the processes, gives no sign of life']
        if not told:
            told = ['all of them give signs of life now: the network may have failed for a time']
        limit = datetime.timedelta(seconds=self.seconds)
        return (
            f'rank {self.rank}, at iteration {own}, waited too long for other processes (limit {limit}, '
            f'env_cfg.dist_cfg.timeout): {"; ".join(told)}'
        )
