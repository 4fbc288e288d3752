"""Base of all datasets of mmhsi: their pipeline, and random numbers that differ between workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from mmengine.dataset import BaseDataset

from mmhsi.datasets.sample_seeds import seed_sample
from mmhsi.registry import TRANSFORMS


class HSIDataset(BaseDataset):
    """Base of the datasets; the list of samples is one integer array, small and shared by forked workers.

    Args:
        pipeline (Sequence[dict | Callable]): Transforms of a sample.
        metainfo (Mapping, optional): Meta information.
        indices (int | Sequence[int], optional): Use only these samples.
        test_mode (bool): As in :class:`mmengine.dataset.BaseDataset`.
        lazy_init (bool): Whether to list the samples only when the first one is needed.
        max_refetch (int): As in :class:`mmengine.dataset.BaseDataset`.
    """

    def __init__(
        self,
        pipeline: Sequence[dict | Callable] = (),
        metainfo: Mapping | None = None,
        indices: int | Sequence[int] | None = None,
        test_mode: bool = False,
        lazy_init: bool = False,
        max_refetch: int = 1000,
    ):
        # Built here, so that the transforms of mmhsi are found whatever the default scope is.
        pipeline = [TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in pipeline]
        super().__init__(
            metainfo=metainfo,
            indices=indices,
            serialize_data=False,
            pipeline=pipeline,
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
        )

    def load_data_list(self) -> np.ndarray:
        """Integer array with one row for each sample; to be written by the subclass."""
        raise NotImplementedError

    def item(self, idx: int) -> tuple[int, np.ndarray]:
        """Non-negative index and row of the data list for a sample index, which may be negative."""
        self.full_init()
        idx = int(idx) + (len(self) if idx < 0 else 0)
        return idx, self.data_list[idx]

    def __getitem__(self, idx: int) -> dict:
        """A sample after the pipeline."""
        self.full_init()
        seed_sample(idx)
        return super().__getitem__(idx)
