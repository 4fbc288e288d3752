"""Lovász-softmax loss: a surrogate of the mean intersection over union."""

from mmseg.models.losses.lovasz_loss import lovasz_softmax_flat
from torch import Tensor, nn

from mmhsi.registry import MODELS


@MODELS.register_module()
class LovaszSoftmaxLoss(nn.Module):
    """Mean over the classes of the Lovász extension of the Jaccard loss (Berman et al., CVPR 2018), over a batch.

    The arithmetic is mmseg's. mmseg's own ``LovaszLoss`` gives NaN for a batch without a labelled pixel and fails for
    one with a single labelled pixel; here they count like any other, without one the loss and its gradient are 0.

    Args:
        classes (str): 'present', the classes that occur in the labels of the batch, or 'all'. Defaults to 'present'.
        loss_weight (float): Factor of the loss. Defaults to 1.
        loss_name (str): Name of the loss. Defaults to 'loss_lovasz'.

    Raises:
        ValueError: For another value of ``classes``.
    """

    def __init__(self, classes: str = 'present', loss_weight: float = 1., loss_name: str = 'loss_lovasz') -> None:
        super().__init__()
        if classes not in ('present', 'all'):
            raise ValueError(f"classes must be 'present' or 'all', found {classes!r}")
        self.classes = classes
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(self, cls_score: Tensor, label: Tensor, weight: Tensor | None = None, ignore_index: int = 255,
                **kwargs) -> Tensor:
        """Loss of a batch.

        Args:
            cls_score: Logits (B, K, H, W).
            label: Classes (B, H, W), int64.
            weight: Must be None: the loss ranks the pixels and knows no weights of theirs.
            ignore_index: Value of unlabelled pixels. Defaults to 255.

        Returns:
            A number.

        Raises:
            ValueError: If ``weight`` is given.
        """
        if weight is not None:
            raise ValueError('the Lovász-softmax loss takes no weights of pixels; leave the pixel sampler out')
        labelled = label != ignore_index
        if not labelled.any():
            return 0. * cls_score.sum()
        probabilities = cls_score.float().softmax(dim=1).movedim(1, -1)[labelled]
        return self.loss_weight * lovasz_softmax_flat(probabilities, label[labelled], self.classes)
