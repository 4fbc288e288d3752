"""Spatial neck: resamples feature maps of one resolution to several, reduces and fuses them."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmpretrain.models.utils import LayerNorm2d
from torch import Tensor, nn

from mmhsi.registry import MODELS

_NORM_EPS = 1e-6


def _resampling(channels: int, scale: float) -> nn.Module:
    if scale == 4:
        return nn.Sequential(
            nn.ConvTranspose2d(channels, channels, 2, stride=2),
            LayerNorm2d(channels, eps=_NORM_EPS),
            nn.GELU(),
            nn.ConvTranspose2d(channels, channels, 2, stride=2),
        )
    if scale == 2:
        return nn.Sequential(nn.ConvTranspose2d(channels, channels, 2, stride=2))
    if scale == 1:
        return nn.Identity()
    if scale in (0.5, 0.25):
        return nn.MaxPool2d(int(1 / scale))
    raise ValueError(f'a level can be scaled by 4, 2, 1, 0.5 or 0.25, found {scale}')


@MODELS.register_module()
class LevelPyramid(BaseModule):
    """Resample each level of a plain transformer, then reduce its channels, then fuse the levels; all optional.

    Upsampling is learnt (transposed convolutions), downsampling is max pooling.

    Args:
        in_channels (int): Channels of every level.
        scales (Sequence[float]): Scale of each level, shallow to deep, from {4, 2, 1, 0.5, 0.25}. Defaults to
            (1, 1, 1, 1).
        out_channels (int, optional): Channels after a 1x1 convolution without bias per level. Defaults to None (no
            reduction).
        sum_levels (bool): Add the reduced levels and mix their channels by one more 1x1 convolution, as in the
            detection networks. Defaults to False.
        refinement (dict, optional): Config of a module after the reduction, applied to each map, such as the
            ``RefinementTransformer`` of the restoration networks. Defaults to None.
        init_cfg (dict, optional): Initialisation of the module.
    """

    def __init__(
        self,
        in_channels: int,
        scales: Sequence[float] = (1, 1, 1, 1),
        out_channels: int | None = None,
        sum_levels: bool = False,
        refinement: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.resamplings = nn.ModuleList(_resampling(in_channels, scale) for scale in scales)
        self.out_channels = out_channels or in_channels
        self.reductions = (
            None
            if out_channels is None
            else nn.ModuleList(nn.Conv2d(in_channels, out_channels, 1, bias=False) for _ in scales)
        )
        self.mixing = nn.Conv2d(self.out_channels, self.out_channels, 1, bias=False) if sum_levels else None
        self.refinement = MODELS.build(refinement) if refinement else nn.Identity()

    def resample(self, levels: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Bring each level to its scale.

        Raises:
            ValueError: If the number of levels differs from that of ``scales``.
        """
        if len(levels) != len(self.resamplings):
            raise ValueError(f'the neck is built for {len(self.resamplings)} levels, the backbone gives {len(levels)}')
        return tuple(layer(level) for layer, level in zip(self.resamplings, levels, strict=True))

    def reduce(self, levels: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Reduce the channels of each level and fuse the levels, as configured."""
        if self.reductions is not None:
            levels = tuple(layer(level) for layer, level in zip(self.reductions, levels, strict=True))
        if self.mixing is not None:
            levels = (self.mixing(sum(levels)),)
        return tuple(levels)

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Maps (B, E, H_i, W_i), shallow to deep → as many maps, or one if the levels are summed."""
        return tuple(self.refinement(level) for level in self.reduce(self.resample(levels)))
