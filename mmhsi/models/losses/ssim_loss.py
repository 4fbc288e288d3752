"""Structural similarity as a loss, for any number of bands."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmhsi.registry import MODELS


@MODELS.register_module()
class SSIMLoss(nn.Module):
    r"""One minus the mean structural similarity of all bands (Wang et al., IEEE TIP 2004, equation 13).

    Means, variances and covariances are computed in a Gaussian window, only where it lies inside the image.

    Args:
        data_range (float): Largest minus smallest possible value. Defaults to 1.
        window_size (int): Side of the window in pixels, odd. Defaults to 11.
        sigma (float): Standard deviation of the Gaussian in pixels. Defaults to 1.5.
        loss_weight (float): Factor of the loss. Defaults to 1.

    Raises:
        ValueError: If the window is even.
    """

    def __init__(
        self, data_range: float = 1.0, window_size: int = 11, sigma: float = 1.5, loss_weight: float = 1.0
    ) -> None:
        super().__init__()
        if window_size % 2 == 0:
            raise ValueError(f'the side of a window must be odd, found {window_size}')
        self.constants = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
        self.loss_weight = loss_weight
        distance = torch.arange(window_size) - window_size // 2
        window = (-distance.square() / (2 * sigma**2)).exp()
        self.register_buffer('window', window / window.sum(), persistent=False)

    def _local_mean(self, image: Tensor) -> Tensor:
        bands = image.shape[1]
        rows = self.window.view(1, 1, -1, 1).expand(bands, -1, -1, -1)
        return F.conv2d(F.conv2d(image, rows, groups=bands), rows.transpose(2, 3), groups=bands)

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch.

        Args:
            pred: Predicted images (B, C, H, W), no smaller than the window.
            target: True images of the same shape.

        Returns:
            A number.

        Raises:
            ValueError: If an image is smaller than the window.
        """
        if min(pred.shape[2:]) < len(self.window):
            raise ValueError(
                f'an image of {pred.shape[2]}x{pred.shape[3]} pixels is smaller than the window of '
                f'{len(self.window)}x{len(self.window)}'
            )
        pred, target = pred.float(), target.float()
        mean_pred, mean_target = self._local_mean(pred), self._local_mean(target)
        variances = (
            self._local_mean(pred.square())
            - mean_pred.square()
            + self._local_mean(target.square())
            - mean_target.square()
        )
        covariance = self._local_mean(pred * target) - mean_pred * mean_target
        first, second = self.constants
        similarity = (
            (2 * mean_pred * mean_target + first)
            * (2 * covariance + second)
            / ((mean_pred.square() + mean_target.square() + first) * (variances + second))
        )
        return self.loss_weight * (1 - similarity.mean())
