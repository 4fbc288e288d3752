"""A head with two paths: deep features, and a wide hidden layer on the middle pixel of the image itself."""

import math
from collections.abc import Sequence

import torch
from mmpretrain.models.heads import ClsHead
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmhsi.registry import MODELS


@MODELS.register_module()
class WideAndDeepHead(ClsHead):
    """Classify with a head on feature maps and with a wide hidden layer on the bands of a pixel, and average both.

    Wide and deep parts are trained together as in Cheng et al. (DLRS 2016), except that the wide one has a hidden layer
    and each part has its own loss, as in deeply supervised nets (Lee et al., AISTATS 2015). The result is the mean of
    their probabilities. The features come from :class:`mmhsi.models.WideAndDeepClassifier`.

    Args:
        deep (dict): Config of the head of the feature maps, with its own loss.
        in_channels (int): Bands C of the image.
        num_classes (int): Number K of classes.
        hidden_channels (int): Width of the hidden layer. Defaults to 2048.
        loss (dict, optional): Config of the loss of the wide path. Defaults to cross-entropy.
        **kwargs: Arguments of mmpretrain's ``ClsHead``: ``topk``, ``cal_acc``, ``init_cfg``.

    Raises:
        ValueError: If the deep head has another number of classes.
    """

    def __init__(
        self,
        deep: dict,
        in_channels: int,
        num_classes: int,
        hidden_channels: int = 2048,
        loss: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(loss=loss or dict(type='mmpretrain.CrossEntropyLoss'), **kwargs)
        self.deep = MODELS.build(deep)
        if self.deep.num_classes != num_classes:
            raise ValueError(f'the deep head has {self.deep.num_classes} classes, the wide path {num_classes}')
        self.num_classes = num_classes
        self.wide = nn.Sequential(
            nn.Linear(in_channels, hidden_channels), nn.ReLU(), nn.Linear(hidden_channels, num_classes)
        )

    def wide_logits(self, images: Tensor) -> Tensor:
        """Logits (B, K) of the middle pixel of images (B, C, H, W), at index H // 2, W // 2."""
        height, width = images.shape[-2:]
        return self.wide(images[..., height // 2, width // 2])

    def pre_logits(self, feats: Sequence[Tensor]) -> Tensor:
        """Maps (B, C_i, h_i, w_i) and the images (B, C, H, W) → pre-logits of the deep head (B, D)."""
        return self.deep.pre_logits(feats[:-1])

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Maps (B, C_i, h_i, w_i), shallow to deep, and the images (B, C, H, W) → log-probabilities (B, K)."""
        both = torch.stack([self.deep(feats[:-1]), self.wide_logits(feats[-1])])
        return both.log_softmax(dim=-1).logsumexp(dim=0) - math.log(2.0)

    def loss(self, feats: Sequence[Tensor], data_samples: Sequence[DataSample], **kwargs) -> dict[str, Tensor]:
        """Losses of both paths, which are trained independently.

        Args:
            feats: Maps (B, C_i, h_i, w_i), shallow to deep, and the images (B, C, H, W).
            data_samples: B samples with 'gt_label' or 'gt_score'.
            **kwargs: Arguments of the losses.

        Returns:
            'loss_deep' and 'loss_wide', and the accuracies of both if ``cal_acc`` of their heads is set.
        """
        deep = self.deep.loss(feats[:-1], data_samples, **kwargs)
        wide = self._get_loss(self.wide_logits(feats[-1]), data_samples, **kwargs)
        return {
            **{f'{name}_deep': value for name, value in deep.items()},
            **{f'{name}_wide': value for name, value in wide.items()},
        }
