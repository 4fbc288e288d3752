"""Regularisers of unmixing: few endmembers per pixel, smooth endmembers."""

from torch import Tensor, nn

from mmhsi.registry import MODELS


@MODELS.register_module()
class AbundanceSparsityLoss(nn.Module):
    r"""Mean of :math:`\sqrt{A}` over all abundances, small if few endmembers share a pixel (L1/2 sparsity).

    Args:
        loss_weight (float): Factor of the loss. Defaults to 1; the reference takes 0.35.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, abundances: Tensor) -> Tensor:
        """Loss of abundances (B, P, H, W) in [0, 1]: a number. The root has no gradient below 1e-12."""
        return self.loss_weight * abundances.float().clamp_min(1e-12).sqrt().mean()


@MODELS.register_module()
class EndmemberVariationLoss(nn.Module):
    r"""Total variation of the endmembers: absolute differences of neighbouring bands, :math:`|M_{b+1,p} - M_{b,p}|`.

    Args:
        along (str): 'bands', or 'endmembers' like the reference, which takes the differences of neighbouring columns
            without a gradient: their order is arbitrary, and only the logged loss is shifted. Defaults to 'bands'.
        reduction (str): 'mean' or 'sum' over all differences; the reference uses the sum. Defaults to 'mean'.
        loss_weight (float): Factor of the loss. Defaults to 1; the reference takes 0.1.

    Raises:
        ValueError: If ``along`` or ``reduction`` is invalid.
    """

    def __init__(self, along: str = 'bands', reduction: str = 'mean', loss_weight: float = 1.0) -> None:
        super().__init__()
        if along not in ('bands', 'endmembers'):
            raise ValueError(f"along must be 'bands' or 'endmembers', found {along!r}")
        if reduction not in ('mean', 'sum'):
            raise ValueError(f"reduction must be 'mean' or 'sum', found {reduction!r}")
        self.along = along
        self.reduction = reduction
        self.loss_weight = loss_weight

    def forward(self, endmembers: Tensor) -> Tensor:
        """Loss of endmembers (C, P): a number."""
        along_bands = self.along == 'bands'
        differences = (endmembers.diff(dim=0) if along_bands else endmembers.detach().diff(dim=1)).abs()
        count = max(differences.numel(), 1) if self.reduction == 'mean' else 1
        return self.loss_weight * differences.sum() / count
