"""One encoder for both dates of a pair; their feature maps are fused level by level."""

from collections.abc import Callable

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmhsi.registry import MODELS

FUSIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    'abs_difference': lambda first, second: (first - second).abs(),
    'difference': lambda first, second: second - first,
    'concat': lambda first, second: torch.cat([first, second], dim=1),
}


@MODELS.register_module()
class SiameseBackbone(BaseModule):
    """Backbone of change detection: a pair of dates is one image with 2C bands, those of the first date first.

    Both dates pass through the encoder and its neck as one batch of twice the size. In training, batch norms therefore
    use the joint statistics of both dates.

    Args:
        encoder (dict): Config of the encoder of one date: ``HyperSIGMA``, ``SpatViT``, or any backbone that returns a
            map or a tuple of maps, e.g. ``mmpretrain.ResNet``.
        neck (dict, optional): Config of a module between the encoder and the fusion, e.g. ``SpectralEnhancement``,
            which ``HyperSIGMA`` needs. Defaults to None.
        fusion (str): How the maps f1 and f2 of the two dates are fused: 'abs_difference' abs(f1 - f2), 'difference' f2
            - f1, or 'concat', the channels of f1, then those of f2. Defaults to 'abs_difference'.
        projection (dict, optional): Config of a module before the encoder, e.g.
            ``dict(type='Conv2d', in_channels=13, out_channels=100, kernel_size=1)``, which maps the 13 bands of a date
            to the 100 of a pre-trained encoder. Defaults to None.
        interaction (dict, optional): Config of a module that gets the maps of both dates, two tuples, and returns two
            others, e.g. ``BitemporalTransformer``. Defaults to None.
        init_cfg (dict, optional): Initialisation of the whole; the encoder may have its own.

    Raises:
        ValueError: If the fusion is unknown.
    """

    def __init__(
        self,
        encoder: dict,
        neck: dict | None = None,
        fusion: str = 'abs_difference',
        projection: dict | None = None,
        interaction: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if fusion not in FUSIONS:
            raise ValueError(f'unknown fusion {fusion!r}, expected one of {", ".join(FUSIONS)}')
        self.fusion = fusion
        self.projection = MODELS.build(projection) if projection else None
        self.encoder = MODELS.build(encoder)
        self.neck = MODELS.build(neck) if neck else None
        self.interaction = MODELS.build(interaction) if interaction else None

    def extract_date(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features of single dates.

        Args:
            x: Images (B, C, H, W) of one date.

        Returns:
            Maps (B, E_i, h_i, w_i), shallow to deep.

        Raises:
            ValueError: If the encoder does not return maps and no neck converts its output to maps.
        """
        features = self.encoder(x if self.projection is None else self.projection(x))
        if self.neck is not None:
            features = self.neck(features)
        levels = (features,) if isinstance(features, Tensor) else tuple(features)
        if not all(isinstance(level, Tensor) and level.dim() == 4 for level in levels):
            raise ValueError(
                f'the features of a date must be maps (B, E, h, w); {type(self.encoder).__name__} returns something '
                'else, which a neck must convert to maps (SpectralEnhancement for '
                'HyperSIGMA)'
            )
        return levels

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Fused features of pairs.

        Args:
            x: Pairs (B, 2C, H, W), the bands of the first date, then those of the second.

        Returns:
            Maps (B, E_i, h_i, w_i), shallow to deep, those of the interaction if there is one; 2 E_i channels for
            'concat'.

        Raises:
            ValueError: If the number of bands is odd.
        """
        if x.shape[1] % 2:
            raise ValueError(f'both dates of a pair have the same number of bands, found {x.shape[1]} bands in all')
        levels = self.extract_date(torch.cat(x.chunk(2, dim=1)))
        dates = tuple(zip(*(level.chunk(2) for level in levels), strict=True))
        if self.interaction is not None:
            dates = self.interaction(*dates)
        return tuple(FUSIONS[self.fusion](*pair) for pair in zip(*dates, strict=True))

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Layer number of a parameter for layer-wise learning-rate decay: that of the encoder, 0 for the projection.

        Raises:
            ValueError: If the encoder cannot number its layers.
        """
        if not hasattr(self.encoder, 'get_layer_depth'):
            raise ValueError(
                f'layer-wise decay needs an encoder with get_layer_depth, found {type(self.encoder).__name__}'
            )
        inside = f'{prefix}encoder.'
        if param_name.startswith(inside):
            # as if it were the backbone of a model: some backbones rely on the name 'backbone.'
            return self.encoder.get_layer_depth(f'backbone.{param_name[len(inside) :]}', 'backbone.')
        last, num_layers = self.encoder.get_layer_depth('head.', 'backbone.')
        return (0 if param_name.startswith(f'{prefix}projection.') else last), num_layers
