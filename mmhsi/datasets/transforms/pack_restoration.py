"""Pack a degraded and a clean image for restoration models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmhsi.registry import TRANSFORMS
from mmhsi.structures import RestorationDataSample


def _tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32))


@TRANSFORMS.register_module()
class PackRestoration(BaseTransform):
    """Packs a sample into 'inputs', 'img' as a float tensor (C, h, w), and 'data_samples', a ``RestorationDataSample``.

    The data sample holds ``gt_img`` (C, H, W) if the sample has 'gt', ``enlarged`` (C, H, W) if it has 'enlarged', and
    the meta information.

    Args:
        meta_keys (Sequence[str]): Keys of the sample that become meta information, if present. Defaults to 'name',
            'scene_name', 'top', 'left', 'area', 'scale', 'ori_shape' and 'sample_idx'.
    """

    def __init__(
        self,
        meta_keys: Sequence[str] = ('name', 'scene_name', 'top', 'left', 'area', 'scale', 'ori_shape', 'sample_idx'),
    ):
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack 'img' (h, w, C), and 'gt' and 'enlarged' (H, W, C)."""
        sample = RestorationDataSample()
        images = {
            field: _tensor(results[key])
            for key, field in (('gt', 'gt_img'), ('enlarged', 'enlarged'))
            if key in results
        }
        sample.set_data(images)
        sample.set_metainfo({key: results[key] for key in self.meta_keys if key in results})
        return dict(inputs=_tensor(results['img']), data_samples=sample)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'
