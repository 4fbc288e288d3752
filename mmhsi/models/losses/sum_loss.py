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
