"""Pixel classification by one linear layer."""

from collections.abc import Sequence

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmhsi.registry import MODELS


@MODELS.register_module()
class PixelSegHead(BaseDecodeHead):
    """One 1x1 convolution without bias on one of the maps, as in anomaly detection.

    Args:
        in_channels (int): Channels D of the map.
        num_classes (int): Number K of classes. Defaults to 2: background and anomaly.
        dropout_ratio (float): Channel dropout before the convolution. Defaults to 0.
        loss_decode (dict | Sequence[dict], optional): Config of the losses. Defaults to the mean cross-entropy over the
            labelled pixels of a batch, which is 0 where none is.
        init_cfg (dict, optional): Initialisation. Defaults to None, which leaves the convolution as PyTorch draws it.
        **kwargs: Arguments of mmseg's ``BaseDecodeHead``: ``in_index`` (which map; the deepest if not given),
            ``ignore_index``, ``align_corners`` ...
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int = 2,
        dropout_ratio: float = 0.0,
        loss_decode: dict | Sequence[dict] | None = None,
        init_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(
            in_channels=in_channels,
            channels=in_channels,
            num_classes=num_classes,
            out_channels=num_classes,
            dropout_ratio=dropout_ratio,
            loss_decode=loss_decode or dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
            init_cfg=init_cfg,
            **kwargs,
        )
        self.conv_seg = nn.Conv2d(in_channels, num_classes, 1, bias=False)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Maps (B, D, h, w) → logits (B, K, h, w)."""
        return self.cls_seg(self._transform_inputs(inputs))
