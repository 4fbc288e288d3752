"""Losses of segmentors for few labelled pixels and rare classes."""

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


@MODELS.register_module()
class LovaszSoftmaxLoss(nn.Module):
    """Mean over the classes of the Lovász extension of the Jaccard loss (Berman et al., CVPR 2018), over a batch.

    mmseg's own ``LovaszLoss`` gives NaN for a batch without a labelled pixel and fails for one with a single labelled
    pixel; here they are treated like any other batch; without a labelled pixel the loss and its gradient are 0. It also
    synchronises with the device for each class, whereas this loss processes all classes at once.

    Args:
        classes (str): 'present', the classes that occur in the labels of the batch, or 'all'. Defaults to 'present'.
        loss_weight (float): Factor of the loss. Defaults to 1.
        loss_name (str): Name of the loss. Defaults to 'loss_lovasz'.

    Raises:
        ValueError: If ``classes`` is invalid.
    """

    def __init__(self, classes: str = 'present', loss_weight: float = 1.0, loss_name: str = 'loss_lovasz') -> None:
        super().__init__()
        if classes not in ('present', 'all'):
            raise ValueError(f"classes must be 'present' or 'all', found {classes!r}")
        self.classes = classes
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self, cls_score: Tensor, label: Tensor, weight: Tensor | None = None, ignore_index: int = 255, **kwargs
    ) -> Tensor:
        """Loss of a batch.

        Args:
            cls_score: Logits (B, K, H, W).
            label: Classes (B, H, W), int64.
            weight: Must be None: the loss ranks the pixels and does not support weights.
            ignore_index: Value of unlabelled pixels. Defaults to 255.

        Returns:
            A number.

        Raises:
            ValueError: If ``weight`` is given.
        """
        if weight is not None:
            raise ValueError('the Lovász-softmax loss does not support pixel weights; remove the pixel sampler')
        labelled = (label != ignore_index).unsqueeze(-1)
        probabilities = cls_score.float().softmax(dim=1).movedim(1, -1)
        num_classes = probabilities.shape[-1]
        inside = label.unsqueeze(-1) == torch.arange(num_classes, device=label.device)
        errors = torch.where(labelled, (inside.float() - probabilities).abs(), -1.0).reshape(-1, num_classes)
        # unlabelled pixels are sorted last, where they do not affect the differences before them, and count as 0
        errors, order = errors.sort(dim=0, descending=True)
        inside = inside.reshape(-1, num_classes).gather(0, order)
        present = inside.sum(dim=0)
        union = present + (~inside).cumsum(dim=0)
        jaccard = 1 - (present - inside.cumsum(dim=0)) / union
        gradient = torch.cat([jaccard[:1], jaccard.diff(dim=0)])
        losses = (errors.clamp_min(0) * gradient).sum(dim=0)
        counted = present > 0 if self.classes == 'present' else torch.ones_like(present, dtype=torch.bool)
        return self.loss_weight * (losses * counted).sum() / counted.sum().clamp_min(1)
