"""Tile classification: one label per pixel from feature maps of several levels."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import build_activation_layer
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmhsi.registry import MODELS


@MODELS.register_module()
class MultiLevelSegHead(BaseDecodeHead):
    """Upsample every level to the image, concatenate from shallow to deep, and classify each pixel with 1x1
    convolutions.

    The first convolution is linear, so it is applied to each level before upsampling: the same result (bilinear weights
    sum to one) for a fraction of the work and memory. The reference has no activation between the convolutions
    (``act_cfg=None``) and aligns the corners.

    Args:
        in_channels (Sequence[int]): Channels of each level, shallow to deep.
        num_classes (int): Number K of classes.
        hidden_channels (Sequence[int]): Widths between input and output; at least one. Defaults to (128, ).
        act_cfg (dict, optional): Activation after each hidden convolution. Defaults to None.
        align_corners (bool): Option of the bilinear upsampling. Defaults to True.
        dropout_ratio (float): Channel dropout before the classifier. Defaults to 0.
        loss_decode (dict | Sequence[dict], optional): Config of the losses. Defaults to the mean cross-entropy over the
            labelled pixels of a batch.
        **kwargs: Arguments of mmseg's ``BaseDecodeHead``: ``ignore_index``, ``init_cfg`` ...
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        hidden_channels: Sequence[int] = (128,),
        act_cfg: dict | None = None,
        align_corners: bool = True,
        dropout_ratio: float = 0.0,
        loss_decode: dict | Sequence[dict] | None = None,
        **kwargs,
    ) -> None:
        kwargs.setdefault('input_transform', 'multiple_select')
        kwargs.setdefault('in_index', tuple(range(len(in_channels))))
        super().__init__(
            in_channels=tuple(in_channels),
            channels=hidden_channels[-1],
            num_classes=num_classes,
            align_corners=align_corners,
            dropout_ratio=dropout_ratio,
            loss_decode=loss_decode or dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
            **kwargs,
        )
        self.first_conv = nn.Conv2d(sum(in_channels), hidden_channels[0], 1)
        self.hidden = nn.ModuleList(
            nn.Conv2d(width, next_width, 1)
            for width, next_width in zip(hidden_channels[:-1], hidden_channels[1:], strict=True)
        )
        self.act = nn.Identity() if act_cfg is None else build_activation_layer(act_cfg)

    def forward(self, inputs: Sequence[Tensor], size: tuple[int, int] | None = None) -> Tensor:
        """Classify pixels.

        Args:
            inputs: Maps (B, C_i, h_i, w_i), shallow to deep.
            size: Height and width of the result. Defaults to the size of the shallowest map.

        Returns:
            Logits (B, K, *size).
        """
        levels = self._transform_inputs(inputs)
        size = tuple(levels[0].shape[2:]) if size is None else tuple(size)
        weights = self.first_conv.weight.split([level.shape[1] for level in levels], dim=1)
        mixed = sum(
            F.interpolate(F.conv2d(level, weight), size=size, mode='bilinear', align_corners=self.align_corners)
            for level, weight in zip(levels, weights, strict=True)
        )
        x = self.act(mixed + self.first_conv.bias[:, None, None])
        for conv in self.hidden:
            x = self.act(conv(x))
        return self.cls_seg(x)

    def loss(self, inputs: Sequence[Tensor], batch_data_samples: list, train_cfg: dict | None) -> dict[str, Tensor]:
        """Losses of a batch, at the size of its label maps."""
        size = batch_data_samples[0].gt_sem_seg.data.shape[-2:]
        return self.loss_by_feat(self.forward(inputs, size), batch_data_samples)

    def predict(self, inputs: Sequence[Tensor], batch_img_metas: list[dict], test_cfg: dict | None) -> Tensor:
        """Logits (B, K, H, W) at the size of the images given to the network."""
        meta = batch_img_metas[0]
        size = meta['img_shape']
        if not isinstance(size, torch.Size):  # of a sliding window
            size = meta.get('pad_shape', size)
        return self.forward(inputs, tuple(size)[:2])
