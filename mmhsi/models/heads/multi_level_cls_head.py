"""Window classification: one label from the pooled feature maps of several levels."""

from collections.abc import Sequence

import torch
from mmcv.cnn import build_activation_layer
from mmpretrain.models.heads import ClsHead
from torch import Tensor, nn

from mmhsi.registry import MODELS


@MODELS.register_module()
class MultiLevelClsHead(ClsHead):
    """Average every level over space, concatenate from shallow to deep, and classify with a stack of linear layers.

    The reference has no activation between the linear layers (``act_cfg=None``); give one to make the stack an MLP.

    Args:
        in_channels (Sequence[int]): Channels of each level, shallow to deep.
        num_classes (int): Number K of classes.
        hidden_channels (Sequence[int]): Widths between input and output. Defaults to (256, 128).
        dropout_rate (float): Dropout rate after each hidden layer, in [0, 1). Defaults to 0.4.
        act_cfg (dict, optional): Activation after each hidden layer. Defaults to None.
        loss (dict, optional): Config of the loss. Defaults to cross-entropy.
        **kwargs: Arguments of mmpretrain's ``ClsHead``: ``topk``, ``cal_acc``, ``init_cfg``.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        hidden_channels: Sequence[int] = (256, 128),
        dropout_rate: float = 0.4,
        act_cfg: dict | None = None,
        loss: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(loss=loss or dict(type='mmpretrain.CrossEntropyLoss'), **kwargs)
        if num_classes < 2:
            raise ValueError(f'num_classes must be at least 2, found {num_classes}')
        self.in_channels = tuple(in_channels)
        self.num_classes = num_classes
        widths = [sum(self.in_channels), *hidden_channels]
        self.hidden = nn.Sequential()
        for i, (width, next_width) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
            self.hidden.add_module(f'linear{i}', nn.Linear(width, next_width))
            if act_cfg is not None:
                self.hidden.add_module(f'act{i}', build_activation_layer(act_cfg))
            self.hidden.add_module(f'drop{i}', nn.Dropout(dropout_rate))
        self.fc = nn.Linear(widths[-1], num_classes)

    def pre_logits(self, feats: Sequence[Tensor]) -> Tensor:
        """Maps (B, C_i, h_i, w_i), shallow to deep → the last hidden features (B, D)."""
        pooled = torch.cat([feat.mean(dim=(2, 3)) for feat in feats], dim=1)
        return self.hidden(pooled)

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Maps (B, C_i, h_i, w_i), shallow to deep → logits (B, K)."""
        return self.fc(self.pre_logits(feats))
