"""Restoration network: backbone, neck and head as the generator of a restoration framework."""

from mmengine.model import BaseModule
from torch import Tensor

from mmhsi.registry import MODELS


@MODELS.register_module()
class RestorationNet(BaseModule):
    """Network of denoising and super-resolution, the ``generator`` of a ``TiledEditModel``.

    Args:
        backbone (dict): Config of the encoder: ``HyperSIGMA``, ``SpatViT``, or any other that returns one or more maps.
        head (dict): Config of the head, ``RestorationHead`` or ``SuperResolutionHead``, which combines the deepest map
            with the image.
        neck (dict, optional): Config of a module between them, e.g. ``SpectralEnhancement``, which ``HyperSIGMA``
            needs. Defaults to None.
        init_cfg (dict, optional): Initialisation of the whole; the branches may have their own.
    """

    def __init__(self, backbone: dict, head: dict, neck: dict | None = None, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck) if neck else None
        self.head = MODELS.build(head)

    @property
    def scale(self) -> int:
        """Ratio of the sizes of result and input."""
        return self.head.scale

    def enlarge(self, x: Tensor) -> Tensor | None:
        """The enlarged input (B, C, sH, sW) that the head uses; None if it uses none."""
        return self.head.enlarge(x) if hasattr(self.head, 'enlarge') else None

    def forward(self, x: Tensor, lms: Tensor | None = None) -> Tensor:
        """Restore images.

        Args:
            x: Degraded images (B, C, H, W).
            lms: Bicubically enlarged images (B, C, sH, sW), for super-resolution only. Computed from ``x`` by default;
                a part of a larger image would have another border if it were enlarged separately.

        Returns:
            (B, C, sH, sW).
        """
        features = self.backbone(x)
        if self.neck is not None:
            features = self.neck(features)
        deepest = features if isinstance(features, Tensor) else features[-1]
        return self.head(deepest, x) if lms is None else self.head(deepest, x, lms)
