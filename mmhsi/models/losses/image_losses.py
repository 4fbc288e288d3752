"""Losses of restored images and spectra. Those of PyTorch are registered too, under their own names."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmhsi.registry import MODELS

HuberLoss, L1Loss, MSELoss, SmoothL1Loss = (
    MODELS.register_module(module=loss) for loss in (nn.HuberLoss, nn.L1Loss, nn.MSELoss, nn.SmoothL1Loss)
)


@MODELS.register_module()
class SumLoss(nn.Module):
    """Sum of losses that compare a predicted with a true image, each with its own weight.

    A model that uses :meth:`terms`, such as ``TiledEditModel``, logs them one by one; to any other model this is a
    single loss, e.g. the ``pixel_loss`` of mmagic's ``BaseEditModel``.

    Args:
        losses (dict[str, dict]): Configs of the losses by name.
        weights (dict[str, float], optional): Factors by name, for losses that have none of their own, as those of
            PyTorch. Defaults to 1.

    Raises:
        ValueError: If there is no loss, or a weight is for none of them.
    """

    def __init__(self, losses: dict[str, dict], weights: dict[str, float] | None = None) -> None:
        super().__init__()
        if not losses:
            raise ValueError('a sum of losses needs at least one')
        self.weights = dict(weights or {})
        if not set(self.weights) <= set(losses):
            raise ValueError(f'weights are for the losses {", ".join(losses)}, found {", ".join(self.weights)}')
        self.losses = nn.ModuleDict({name: MODELS.build(cfg) for name, cfg in losses.items()})

    def terms(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Each loss by name, its weight included; the arguments are those of :meth:`forward`."""
        return {name: self.weights.get(name, 1.0) * loss(pred, target) for name, loss in self.losses.items()}

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch.

        Args:
            pred: Predicted images (B, C, H, W).
            target: True images of the same shape.

        Returns:
            A number.
        """
        return sum(self.terms(pred, target).values())


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
