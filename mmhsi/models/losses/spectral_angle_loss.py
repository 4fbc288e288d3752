"""Spectral angle between images, the loss of unmixing and a term of super-resolution and denoising."""

import math

from torch import Tensor, nn

from mmhsi.registry import MODELS

_UNITS = {'radians': 1.0, 'degrees': 180 / math.pi, 'pi': 1 / math.pi}


@MODELS.register_module()
class SpectralAngleLoss(nn.Module):
    r"""Mean over the pixels of the angle between predicted and true spectrum.

    .. math:: \frac{1}{N} \sum_n \arccos \frac{\langle \hat x_n, x_n \rangle}{\max(\|\hat x_n\| \|x_n\|, 10^{-6})}

    Args:
        unit (str): 'radians', 'degrees', or 'pi' for fractions of π, as in super-resolution. Defaults to 'radians'.
        margin (float, optional): The cosine is clipped to ±(1 - margin), where the arc cosine has a finite gradient;
            beyond, the gradient is 0. None disables this, as in the unmixing of the reference: equal spectra then give
            NaN. Defaults to 1e-7; super-resolution takes 1e-6.
        loss_weight (float): Factor of the loss. Defaults to 1.

    Raises:
        ValueError: If the unit is unknown.
    """

    def __init__(self, unit: str = 'radians', margin: float | None = 1e-7, loss_weight: float = 1.0) -> None:
        super().__init__()
        if unit not in _UNITS:
            raise ValueError(f'unit must be one of {", ".join(map(repr, _UNITS))}, found {unit!r}')
        self.unit = unit
        self.margin = margin
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch.

        Args:
            pred: Predicted images (B, C, H, W).
            target: True images of the same shape.

        Returns:
            A number.
        """
        pred, target = pred.float(), target.float()
        lengths = pred.norm(dim=1) * target.norm(dim=1)
        cosine = (pred * target).sum(dim=1) / lengths.clamp_min(1e-6)
        if self.margin is not None:
            cosine = cosine.clamp(self.margin - 1, 1 - self.margin)
        return self.loss_weight * _UNITS[self.unit] * cosine.acos().mean()
