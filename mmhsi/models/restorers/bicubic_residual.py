"""Super-resolution networks that learn the difference to the bicubic image."""

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS
from mmhsi.utils.imresize import imresize


@MODELS.register_module()
class BicubicResidual(BaseModule):
    """Adds the bicubically enlarged image to the output of a network for the small image.

    For networks without a bicubic image, such as those of mmagic: with hundreds of bands and a small scene, learning to
    reproduce the image would take longer than the whole training. ``SuperResolutionHead`` has this sum as
    ``residual=True``.

    Args:
        network (dict): Config of a network (B, C, H, W) → (B, C, sH, sW), e.g. ``mmagic.EDSRNet``.
        scale (int): Factor s of both sides.
        last_layer (str, optional): Name of the last layer of the network, e.g. 'conv_last'. Its weights are initialised
            with zero, so that training starts at the bicubic image. Defaults to None, which leaves all weights as the
            network has them.
        init_cfg (dict, optional): Initialisation of the module.

    Raises:
        ValueError: If the network has no such layer, or its result has another size.
    """

    def __init__(self, network: dict, scale: int, last_layer: str | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.network = MODELS.build(network)
        self.scale = scale
        self.last_layer = last_layer
        self._zero()

    def _zero(self) -> None:
        if self.last_layer is None:
            return
        layers = dict(self.network.named_modules())
        layer = layers.get(self.last_layer)
        if not isinstance(layer, (nn.Conv2d, nn.Conv3d)):
            convolutions = [name for name, module in layers.items() if isinstance(module, (nn.Conv2d, nn.Conv3d))]
            raise ValueError(
                f'{type(self.network).__name__} has no convolution {self.last_layer!r}; its last one is '
                f'{convolutions[-1] if convolutions else None!r}'
            )
        nn.init.zeros_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)

    def init_weights(self) -> None:
        """Initialise the network with a zero last layer."""
        super().init_weights()
        self._zero()

    def enlarge(self, x: Tensor) -> Tensor:
        """Bicubic enlargement (B, C, sH, sW) of images (B, C, H, W)."""
        return imresize(x, self.scale)

    def forward(self, x: Tensor, lms: Tensor | None = None) -> Tensor:
        """Enlarge images.

        Args:
            x: Small images (B, C, H, W).
            lms: Bicubically enlarged images (B, C, sH, sW). Computed from ``x`` by default.

        Returns:
            (B, C, sH, sW).
        """
        lms = self.enlarge(x) if lms is None else lms
        details = self.network(x)
        if details.shape != lms.shape:
            raise ValueError(
                f'{type(self.network).__name__} outputs {tuple(details.shape)} for {tuple(x.shape)}, '
                f'expected {tuple(lms.shape)} at scale {self.scale}'
            )
        return lms + details
