"""Sum of several losses of one prediction."""

from torch import Tensor, nn

from mmhsi.registry import MODELS


@MODELS.register_module()
class SumLoss(nn.Module):
    """Sum of losses that compare a predicted with a true image, each with its own weight.

    A model that uses :meth:`terms`, such as ``TiledEditModel``, logs them one by one; to any other model this is a
    single loss, e.g. the ``pixel_loss`` of mmagic's ``BaseEditModel``.

    Args:
        losses (dict[str, dict]): Configs of the losses by name.

    Raises:
        ValueError: If there is no loss.
    """

    def __init__(self, losses: dict[str, dict]) -> None:
        super().__init__()
        if not losses:
            raise ValueError('a sum of losses needs at least one')
        self.losses = nn.ModuleDict({name: MODELS.build(cfg) for name, cfg in losses.items()})

    def terms(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Each loss by name, its weight included; the arguments are those of :meth:`forward`."""
        return {name: loss(pred, target) for name, loss in self.losses.items()}

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch.

        Args:
            pred: Predicted images (B, C, H, W).
            target: True images of the same shape.

        Returns:
            A number.
        """
        return sum(self.terms(pred, target).values())
