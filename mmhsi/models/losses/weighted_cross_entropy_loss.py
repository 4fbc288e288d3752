"""Cross-entropy with class weights over the labelled pixels."""

from collections.abc import Sequence

import torch
from mmseg.models.losses import CrossEntropyLoss
from torch import Tensor

from mmhsi.registry import MODELS


@MODELS.register_module()
class WeightedCrossEntropyLoss(CrossEntropyLoss):
    r"""Weighted mean of the cross-entropy over the labelled pixels: :math:`\sum_i w_{y_i} l_i / \sum_i w_{y_i}`.

    mmseg's loss of the same formula looks up a weight for ``ignore_index``, too, and fails. Without any labelled pixel
    the loss is 0, and so is its gradient.

    Args:
        class_weight (Sequence[float]): Weight w of each class.
        loss_weight (float): Factor of the loss. Defaults to 1.
        loss_name (str): Name of the loss. Defaults to 'loss_ce'.
    """

    def __init__(self, class_weight: Sequence[float], loss_weight: float = 1., loss_name: str = 'loss_ce') -> None:
        super().__init__(
            class_weight=list(class_weight), loss_weight=loss_weight, loss_name=loss_name, avg_non_ignore=True)

    def forward(self, cls_score: Tensor, label: Tensor, weight: Tensor | None = None, ignore_index: int = 255,
                **kwargs) -> Tensor:
        """Loss of a batch.

        Args:
            cls_score: Logits (B, K, H, W).
            label: Classes (B, H, W), int64.
            weight: Factor of each pixel's term l (B, H, W), not of the divisor. Defaults to None (all 1).
            ignore_index: Value of unlabelled pixels. Defaults to 255.

        Returns:
            A number.
        """
        weights = torch.tensor(self.class_weight, dtype=torch.float32, device=label.device)
        total = weights[label[label != ignore_index]].sum()
        return super().forward(cls_score, label, weight, avg_factor=total, ignore_index=ignore_index, **kwargs)
