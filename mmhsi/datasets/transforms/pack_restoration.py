"""Packing of a degraded and a clean image for the restoration models of mmagic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmhsi.registry import TRANSFORMS


def _tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32))


@TRANSFORMS.register_module()
class PackRestoration(BaseTransform):
    """Packs a sample into 'inputs', 'img' as a float tensor (C, h, w), and 'data_samples', mmagic's ``DataSample``.

    The data sample holds ``gt_img`` (C, H, W) if the sample has 'gt', ``enlarged`` (C, H, W) if it has 'enlarged', and
    the meta information. Importing mmagic takes long; it happens when the transform is built.

    Args:
        meta_keys (Sequence[str]): What of the sample becomes meta information, as far as it is there. Defaults to
            'name', 'scene_name', 'top', 'left', 'area', 'scale', 'ori_shape' and 'sample_idx'.

    Raises:
        ImportError: Without mmagic.
    """

    def __init__(self,
                 meta_keys: Sequence[str] = ('name', 'scene_name', 'top', 'left', 'area', 'scale', 'ori_shape',
                                             'sample_idx')):
        try:
            from mmagic.structures import DataSample
        except ModuleNotFoundError as error:
            raise ImportError('PackRestoration, a part of denoising and super-resolution, needs mmagic, and the import '
                              f'stopped with "{error}"; install it with pip install "mmhsi[optional]"') from error
        self._data_sample = DataSample
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack 'img' (h, w, C), and 'gt' and 'enlarged' (H, W, C)."""
        sample = self._data_sample()
        images = {field: _tensor(results[key]) for key, field in (('gt', 'gt_img'), ('enlarged', 'enlarged'))
                  if key in results}
        sample.set_tensor_data(images)
        sample.set_metainfo({key: results[key] for key in self.meta_keys if key in results})
        return dict(inputs=_tensor(results['img']), data_samples=sample)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'
