"""Cross-entropy with class weights over the labelled pixels."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmhsi.registry import MODELS


@MODELS.register_module()
class WeightedCrossEntropyLoss(nn.Module):
    r"""Weighted mean of the cross-entropy over the labelled pixels: :math:`\sum_i w_{y_i} l_i / \sum_i w_{y_i}`.

    mmseg's loss with the same formula also looks up a weight for ``ignore_index``, which fails, and copies the weights
    to the device in every step. Without any labelled pixel, the loss and its gradient are 0.

    Args:
        class_weight (Sequence[float]): Weight w of each class.
        loss_weight (float): Factor of the loss. Defaults to 1.
        loss_name (str): Name of the loss. Defaults to 'loss_ce'.
    """

    def __init__(self, class_weight: Sequence[float], loss_weight: float = 1.0, loss_name: str = 'loss_ce') -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name
        self.register_buffer('class_weight', torch.tensor(list(class_weight), dtype=torch.float32), persistent=False)

    def forward(
        self, cls_score: Tensor, label: Tensor, weight: Tensor | None = None, ignore_index: int = 255, **kwargs
    ) -> Tensor:
        """Loss of a batch.

        Args:
            cls_score: Logits (B, K, H, W).
            label: Classes (B, H, W), int64.
            weight: Factor of the term l of each pixel (B, H, W), not of the divisor. Defaults to None (all 1).
            ignore_index: Value of unlabelled pixels. Defaults to 255.

        Returns:
            A number.
        """
        labelled = label != ignore_index
        total = (self.class_weight[label.where(labelled, 0)] * labelled).sum()
        terms = F.cross_entropy(
            cls_score, label, self.class_weight.to(cls_score.dtype), reduction='none', ignore_index=ignore_index
        )
        if weight is not None:
            terms = terms * weight.float()
        return self.loss_weight * terms.sum() / (total + torch.finfo(total.dtype).eps)
