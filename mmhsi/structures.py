"""Data samples of tasks for which no sister toolbox has any."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor


class RestorationDataSample(BaseDataElement):
    """The images of one sample of denoising or super-resolution, with their meta information.

    Fields, all optional: ``gt_img`` (the true image), ``enlarged`` (the bicubically enlarged input), ``input`` (the
    degraded input of the model), each (C, H, W), and ``output``, a sample with ``pred_img``. A batch is one sample
    whose tensors have a leading axis and whose meta information consists of lists, see :meth:`stack`. The fields and
    methods are those of mmagic's ``DataSample``, so either can be used with the models of both toolboxes.
    """

    @classmethod
    def stack(cls, samples: Sequence[RestorationDataSample]) -> RestorationDataSample:
        """One sample of a batch.

        Args:
            samples: The samples, which must have the same fields and meta keys.

        Returns:
            A sample with tensors (B, ...) and lists of meta information.

        Raises:
            ValueError: When one sample has a field or meta key that another lacks.
        """
        keys = [(sorted(sample.keys()), sorted(sample.metainfo_keys())) for sample in samples]
        for found in keys:
            if found != keys[0]:
                raise ValueError(
                    'the samples of a batch must have the same fields and meta information, found '
                    f'{keys[0]} and {found}'
                )
        fields, metas = keys[0]
        batch = cls()
        batch.set_data({key: torch.stack([sample.get(key) for sample in samples]) for key in fields})
        batch.set_metainfo({key: [sample.get(key) for sample in samples] for key in metas})
        return batch

    def split(self) -> list[RestorationDataSample]:
        """The samples of a batch, the inverse of :meth:`stack`."""
        samples = [type(self)() for _ in range(len(next(iter(self.all_values()), ())))]
        for index, sample in enumerate(samples):
            sample.set_data({key: value[index] for key, value in self.items()})
            sample.set_metainfo({key: value[index] for key, value in self.metainfo_items()})
        return samples

    def set_tensor_data(self, data: dict[str, Tensor]) -> None:
        """Set fields; the name is the one that mmagic's models use."""
        self.set_data(data)
