"""Counting samples that cannot be used, over all workers of a dataset."""

from __future__ import annotations

import logging

import torch
from mmengine.logging import print_log

_CORRUPT, _REJECTED = 1, 2


class SkippedSamples:
    """Marks samples that are skipped, logs each once, and stops if too many are corrupt.

    The marks are in shared memory: they are visible to other workers, the main process and the workers of the next
    epoch.

    Args:
        total (int): Number of samples.
        max_corrupt (float): Largest share of corrupt samples.
        source (str): Name of the dataset in messages.
    """

    def __init__(self, total: int, max_corrupt: float, source: str):
        self._marks = torch.zeros(total, dtype=torch.uint8).share_memory_()
        self._max_corrupt = max_corrupt
        self._source = source

    @property
    def count(self) -> int:
        """Number of different samples that were skipped so far."""
        return int(torch.count_nonzero(self._marks))

    def corrupt(self, indices, sentence: str) -> None:
        """Skip samples that cannot be read.

        Args:
            indices (int | np.ndarray): The samples.
            sentence (str): What is wrong, with the name of the file.

        Raises:
            ValueError: If the share of corrupt samples is larger than allowed.
        """
        self._marks[indices] = _CORRUPT
        # an error and not a warning, since loggers of ranks other than the first do not show warnings
        print_log(f'{sentence} (skipped; {self.count} of {len(self._marks)} tiles so far)', 'current', logging.ERROR)
        number = int(torch.count_nonzero(self._marks == _CORRUPT))
        if number > self._max_corrupt * len(self._marks):
            raise ValueError(
                f'{self._source}: {number} of {len(self._marks)} tiles cannot be read, more than the '
                f'share of {self._max_corrupt:g} that max_corrupt allows; the last one: {sentence}'
            )

    def rejected(self, index: int, name: str) -> None:
        """Record a sample that the pipeline rejected; it is tried again, since transforms may be random."""
        if not self._marks[index]:
            self._marks[index] = _REJECTED
            print_log(
                f'{name}: a transform of the pipeline rejected the tile, another one is taken ({self.count} of '
                f'{len(self._marks)} tiles so far)',
                'current',
                logging.WARNING,
            )

    def is_corrupt(self, index: int) -> bool:
        """Whether a sample is known to be unreadable."""
        return self._marks.numpy()[index] == _CORRUPT

    def __deepcopy__(self, memo: dict) -> SkippedSamples:
        return self  # a subset of a dataset counts together with it
