"""Smoothness of a restored image along rows, columns and bands."""

from torch import Tensor, nn

from mmhsi.registry import MODELS


@MODELS.register_module()
class TotalVariationLoss(nn.Module):
    """Weighted mean squares of the differences of neighbouring pixels and of neighbouring bands.

    To be added to other losses, since it does not use the true image. mmagic's ``MaskedTVLoss`` has no differences
    between bands.

    Args:
        spatial_weight (float): Factor of the mean square along rows plus that along columns. Defaults to 1e-3.
        spectral_weight (float): Factor of the mean square along bands. Defaults to 2e-3.
    """

    def __init__(self, spatial_weight: float = 1e-3, spectral_weight: float = 2e-3) -> None:
        super().__init__()
        self.weights = {1: spectral_weight, 2: spatial_weight, 3: spatial_weight}

    def forward(self, pred: Tensor, target: Tensor | None = None) -> Tensor:
        """Loss of a batch.

        Args:
            pred: Predicted images (B, C, H, W), at least 2 along each of C, H and W.
            target: Not used; for compatibility with other restoration losses.

        Returns:
            A number.
        """
        pred = pred.float()
        return sum(weight * pred.diff(dim=axis).square().mean() for axis, weight in self.weights.items() if weight)
