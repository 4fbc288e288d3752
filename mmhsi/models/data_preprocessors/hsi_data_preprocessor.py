"""Data preprocessor for images of any number of bands."""

from collections.abc import Sequence

import torch
from mmpretrain.models.utils import ClsDataPreprocessor
from torch import Tensor

from mmhsi.models.layers import GaussianMeans
from mmhsi.registry import MODELS


@MODELS.register_module()
class HSIDataPreprocessor(ClsDataPreprocessor):
    """Stack a batch, optionally standardise each band; mmpretrain's preprocessor with checks for hyperspectral images.

    It can be used with mmpretrain classifiers, whose batch augmentations it supports, and with mmseg segmentors.

    Args:
        num_bands (int, optional): Number of bands that an image must have. Defaults to None (any).
        mean (Sequence[float] | float, optional): Value subtracted from each band. Defaults to None.
        std (Sequence[float] | float, optional): Value that each band is divided by, positive. Defaults to None.
        smoothing (dict, optional): Arguments of :class:`mmhsi.models.layers.GaussianMeans`, which replaces the
            standardised images: the network gets ``size`` pixels with one band for each band and Gaussian. Defaults to
            None.
        **kwargs: Further arguments of mmpretrain's ``ClsDataPreprocessor``: ``num_classes``, ``to_onehot``,
            ``batch_augments``.

    Raises:
        ValueError: If the lengths of the statistics differ from ``num_bands``, or a std is not positive; in the forward
            pass, if the number of bands is wrong or images differ in size.
    """

    def __init__(
        self,
        num_bands: int | None = None,
        mean: Sequence[float] | float | None = None,
        std: Sequence[float] | float | None = None,
        smoothing: dict | None = None,
        **kwargs,
    ) -> None:
        self.num_bands = num_bands
        if (mean is None) != (std is None):
            raise ValueError('give both mean and std, or neither')
        if mean is not None:
            mean, std = self._checked('mean', mean), self._checked('std', std)
            if min(std) <= 0:
                raise ValueError(f'std must be positive in every band, found {min(std)}')
        super().__init__(mean=mean, std=std, **kwargs)
        self._non_blocking = True  # copies from page-locked memory overlap with the computation
        self.smooth = GaussianMeans(**smoothing) if smoothing else None
        self.takes_filtered = False  # whether windows may have been filtered by the dataset

    def _checked(self, name: str, statistic: Sequence[float] | float) -> list[float]:
        values = torch.as_tensor(statistic, dtype=torch.float32).reshape(-1).tolist()
        if self.num_bands is not None and len(values) not in (1, self.num_bands):
            raise ValueError(f'{name} holds {len(values)} values for {self.num_bands} bands')
        return values

    def forward(self, data: dict, training: bool = False) -> dict:
        """Stack a batch.

        Args:
            data: 'inputs', a list of images (C, H, W) or one tensor (B, C, H, W), and 'data_samples'.
            training: Whether to apply batch augmentations.

        Returns:
            A dict with 'inputs', a float tensor (B, C, H, W) on the device of the model, and 'data_samples'.
        """
        shapes = {tuple(image.shape) for image in data['inputs']}
        if len(shapes) > 1:
            raise ValueError(f'the images of a batch must have one shape, found {sorted(shapes)}')
        filtered = self.takes_filtered and shapes == {self._filtered_shape}
        for bands, *_ in () if filtered else shapes:
            if self.num_bands not in (None, bands):
                raise ValueError(f'the model expects {self.num_bands} bands, the images have {bands}')
        wanted = self.to_onehot
        self.to_onehot = wanted and training  # in a test, labels may be 255: a class map needs no label
        normalised, self._enable_normalize = self._enable_normalize, self._enable_normalize and not filtered
        try:
            batch = super().forward(data, training)
        finally:
            self.to_onehot, self._enable_normalize = wanted, normalised
        if self.smooth is not None and not filtered:
            batch['inputs'] = self.smooth(batch['inputs'])
        samples = batch.get('data_samples')
        if training and samples:  # mmpretrain only moves its own labels to the device
            batch['data_samples'] = self.cast_data(list(samples))
        return batch

    @property
    def _filtered_shape(self) -> tuple[int, int, int]:
        return (self.num_bands * len(self.smooth.sigmas), self.smooth.size, self.smooth.size)

    @property
    def takes_blocks(self) -> bool:
        """Whether :meth:`of_windows` can replace the forward pass of each window."""
        return self.pad_size_divisor == 1

    @property
    def filters_windows(self) -> bool:
        """Whether :meth:`of_windows` saves more than the computations of single pixels."""
        return self.takes_blocks and self.smooth is not None

    def of_windows(self, image: Tensor, window: int) -> Tensor:
        """Result of the forward pass for the window around each pixel of an image in a test.

        Standardisation and smoothing are linear and the same everywhere: they are applied to the image once, not to
        each of the windows that share a pixel.

        Args:
            image: (C, H, W) on the device of the model.
            window: Side w of the windows.

        Returns:
            (H - w + 1, W - w + 1, C', s, s); without smoothing a view of the standardised image with s = w.
        """
        image = super().forward(dict(inputs=image[None]))['inputs'][0]
        if self.smooth is not None:
            return self.smooth.of_windows(image, window)
        return image.unfold(1, window, 1).unfold(2, window, 1).permute(1, 2, 0, 3, 4)
