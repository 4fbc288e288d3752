"""Difference of gradients along rows, columns and bands."""

from torch import Tensor, nn

from mmhsi.registry import MODELS


def gradient_3d(image: Tensor) -> Tensor:
    r"""Magnitude of the gradient of a cube: :math:`\sqrt{d_x^2 + d_y^2 + d_c^2 + 10^{-6}}` of backward differences.

    Args:
        image: (B, C, H, W).

    Returns:
        (B, C - 1, H - 1, W - 1), of the pixels that have all three neighbours.
    """
    inner = image[:, 1:, 1:, 1:]
    squares = (
        (inner - image[:, 1:, 1:, :-1]).square()
        + (inner - image[:, 1:, :-1, 1:]).square()
        + (inner - image[:, :-1, 1:, 1:]).square()
    )
    return (squares + 1e-6).sqrt()  # differentiable where the image is constant


@MODELS.register_module()
class Gradient3DLoss(nn.Module):
    """Mean absolute difference of the gradient magnitudes of predicted and true image, see :func:`gradient_3d`.

    Args:
        loss_weight (float): Factor of the loss. Defaults to 1; super-resolution takes 0.1.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch.

        Args:
            pred: Predicted images (B, C, H, W), at least 2 along each of C, H and W.
            target: True images of the same shape.

        Returns:
            A number.

        Raises:
            ValueError: If the image has a single element along one of the axes.
        """
        if min(pred.shape[1:]) < 2:
            raise ValueError(
                'a gradient along bands, rows and columns needs at least 2 of each, found an image of '
                f'{tuple(pred.shape[1:])}'
            )
        return self.loss_weight * (gradient_3d(pred.float()) - gradient_3d(target.float())).abs().mean()
