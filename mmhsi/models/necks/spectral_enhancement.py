"""The spectral enhancement module (SEM): spectral tokens weigh the channels of the spatial features."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS

from .level_pyramid import LevelPyramid


class SpectralGate(nn.Sequential):
    """Channel weights in (0, 1) from one number per spectral token: sigmoid(W2 relu(W1 v)), without biases."""

    def __init__(self, num_tokens: int, mid_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Linear(num_tokens, mid_channels, bias=False),
            nn.ReLU(),
            nn.Linear(mid_channels, out_channels, bias=False),
            nn.Sigmoid(),
        )


@MODELS.register_module()
class SpectralEnhancement(BaseModule):
    r"""SEM of all HyperSIGMA networks (HyperSIGMA, section III): :math:`F' = (1 + w) \odot F`.

    The spectral tokens are reduced from E to ``spectral_channels`` by a linear map per spectral level, summed over the
    levels, and averaged over their channels to v (B, T). A small gate turns v into one weight per channel of a spatial
    map. The spatial levels run through a :class:`LevelPyramid` (resampling, reduction, sum); the gate acts on its
    result, or between resampling and reduction.

    Args:
        in_channels (int): Channels E of the spatial levels.
        num_tokens (int): Number T of spectral tokens.
        spectral_in_channels (int, optional): Width of the spectral tokens. Defaults to ``in_channels``.
        spectral_channels (int): Width after the reduction. Defaults to 128.
        num_spectral_levels (int): Number of spectral levels, which are summed. Defaults to 1.
        mid_channels (int): Hidden width of a gate. Defaults to 128.
        out_channels (int, optional): Channels after the reduction of the spatial levels. Defaults to 128. ``None``
            leaves them as they are.
        scales (Sequence[float]): Scale of each spatial level, shallow to deep. Defaults to (1, 1, 1, 1).
        sum_levels (bool): Fuse the reduced levels by a sum before the gate. Defaults to False.
        gate_first (bool): Gate before the reduction, as the segmentation network does. Defaults to False.
        shared_gate (bool): One gate for all levels, as in multispectral change detection. Defaults to False.
        spatial_refinement (dict, optional): Config of a module behind the pyramid, applied to each of its maps.
        spectral_refinement (dict, optional): Config of a module for the reduced spectral tokens.
        init_cfg (dict, optional): Initialisation of the module.
    """

    def __init__(
        self,
        in_channels: int,
        num_tokens: int,
        spectral_in_channels: int | None = None,
        spectral_channels: int = 128,
        num_spectral_levels: int = 1,
        mid_channels: int = 128,
        out_channels: int | None = 128,
        scales: Sequence[float] = (1, 1, 1, 1),
        sum_levels: bool = False,
        gate_first: bool = False,
        shared_gate: bool = False,
        spatial_refinement: dict | None = None,
        spectral_refinement: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if gate_first and sum_levels:
            raise ValueError('gate_first weighs each level, sum_levels leaves one: choose one of them')
        self.pyramid = LevelPyramid(in_channels, scales, out_channels, sum_levels)
        self.spectral_reductions = nn.ModuleList(
            nn.Linear(spectral_in_channels or in_channels, spectral_channels, bias=False)
            for _ in range(num_spectral_levels)
        )
        self.spatial_refinement = MODELS.build(spatial_refinement) if spatial_refinement else nn.Identity()
        self.spectral_refinement = MODELS.build(spectral_refinement) if spectral_refinement else nn.Identity()
        self.gate_first = gate_first
        gated_channels = (
            in_channels if gate_first else getattr(self.spatial_refinement, 'embed_dims', self.pyramid.out_channels)
        )
        num_gates = 1 if shared_gate or sum_levels else len(scales)
        self.gates = nn.ModuleList(SpectralGate(num_tokens, mid_channels, gated_channels) for _ in range(num_gates))

    def spectral_vector(self, spectral: Sequence[Tensor]) -> Tensor:
        """One number per token, (B, T), from spectral tokens (B, T, E).

        Raises:
            ValueError: When the number of spectral levels is not the one built for.
        """
        if len(spectral) != len(self.spectral_reductions):
            raise ValueError(
                f'the neck is built for {len(self.spectral_reductions)} spectral levels, the backbone '
                f'gives {len(spectral)}'
            )
        reduced = sum(layer(tokens) for layer, tokens in zip(self.spectral_reductions, spectral, strict=True))
        return self.spectral_refinement(reduced).mean(dim=-1)

    def enhance(self, levels: Sequence[Tensor], vector: Tensor) -> tuple[Tensor, ...]:
        """Multiply each map (B, C, h, w) by 1 + its gate."""
        weights = [gate(vector)[:, :, None, None] for gate in self.gates]
        if len(weights) < len(levels):
            weights = weights * len(levels)
        return tuple((1 + weight) * level for weight, level in zip(weights, levels, strict=True))

    def forward(self, features: tuple[Sequence[Tensor], Sequence[Tensor]]) -> tuple[Tensor, ...]:
        """Join the outputs of :class:`mmhsi.models.HyperSIGMA`.

        Args:
            features: Spatial maps (B, E, Hp, Wp) and spectral tokens (B, T, E), each shallow to deep.

        Returns:
            Enhanced maps (B, C, h_i, w_i), shallow to deep; one map when the levels are summed.
        """
        spatial, spectral = features
        vector = self.spectral_vector(spectral)
        levels = self.pyramid.resample(spatial)
        if self.gate_first:
            return self.pyramid.reduce(self.enhance(levels, vector))
        refined = [self.spatial_refinement(level) for level in self.pyramid.reduce(levels)]
        return self.enhance(refined, vector)
