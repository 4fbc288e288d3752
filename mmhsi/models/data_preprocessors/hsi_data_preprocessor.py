"""Data preprocessor for images of any number of bands."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmhsi.registry import MODELS


@MODELS.register_module()
class HSIDataPreprocessor(BaseDataPreprocessor):
    """Move a batch to the device, stack it, and optionally standardise each band.

    It serves classifiers of mmpretrain and segmentors of mmseg alike: data samples pass through unchanged.

    Args:
        num_bands (int, optional): Number of bands that an image must have. Defaults to None (any).
        mean (Sequence[float] | float, optional): Value subtracted from each band. Defaults to None.
        std (Sequence[float] | float, optional): Value that each band is divided by, positive. Defaults to None.
        non_blocking (bool): Copy to the device without waiting. Defaults to False.

    Raises:
        ValueError: For statistics whose lengths disagree with each other or with ``num_bands``, or a std that is not
            positive; in the forward pass, for a wrong number of bands or images of different sizes.
    """

    def __init__(self,
                 num_bands: int | None = None,
                 mean: Sequence[float] | float | None = None,
                 std: Sequence[float] | float | None = None,
                 non_blocking: bool = False) -> None:
        super().__init__(non_blocking)
        self.num_bands = num_bands
        if (mean is None) != (std is None):
            raise ValueError('give both mean and std, or neither')
        for name, statistic in (('mean', mean), ('std', std)):
            values = None if statistic is None else torch.as_tensor(statistic, dtype=torch.float32).reshape(-1, 1, 1)
            if values is not None and num_bands is not None and len(values) not in (1, num_bands):
                raise ValueError(f'{name} holds {len(values)} values for {num_bands} bands')
            self.register_buffer(name, values, persistent=False)
        if self.std is not None and not bool((self.std > 0).all()):
            raise ValueError('std must be positive in every band')

    def forward(self, data: dict, training: bool = False) -> dict:
        """Stack a batch.

        Args:
            data: 'inputs', a list of images (C, H, W) or one tensor (B, C, H, W), and 'data_samples'.
            training: Not used; part of the interface.

        Returns:
            The same dict with 'inputs' as a float tensor (B, C, H, W) on the device of the model.
        """
        data = self.cast_data(data)
        data['inputs'] = self._stacked(data['inputs'])
        data.setdefault('data_samples', None)
        return data

    def _stacked(self, images: Tensor | Sequence[Tensor]) -> Tensor:
        if not isinstance(images, Tensor):
            shapes = {tuple(image.shape) for image in images}
            if len(shapes) > 1:
                raise ValueError(f'the images of a batch must have one shape, found {sorted(shapes)}')
            images = torch.stack(tuple(images))
        if self.num_bands is not None and images.shape[1] != self.num_bands:
            raise ValueError(f'the model expects {self.num_bands} bands, the images have {images.shape[1]}')
        images = images.float()
        return images if self.mean is None else (images - self.mean) / self.std
