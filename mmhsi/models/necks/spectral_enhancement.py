"""The spectral enhancement module (SEM): spectral tokens weight the channels of the spatial features."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS

from .level_pyramid import LevelPyramid


class SpectralGate(nn.Sequential):
    """Channel weights w in (0, 1) from one number per spectral token: sigmoid(W2 relu(W1 v)), without biases."""

    def __init__(self, num_tokens: int, mid_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Linear(num_tokens, mid_channels, bias=False),
            nn.ReLU(),
            nn.Linear(mid_channels, out_channels, bias=False),
            nn.Sigmoid(),
        )

    def join(self, level: Tensor, vector: Tensor) -> Tensor:
        """Multiply a map (B, C, h, w) by 1 + its weights."""
        return (1 + self(vector)[:, :, None, None]) * level


class SpectralSum(nn.Sequential):
    """Values W2 relu(W1 v) per channel, which are added to a map."""

    def __init__(self, num_tokens: int, mid_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Linear(num_tokens, mid_channels, bias=False),
            nn.ReLU(),
            nn.Linear(mid_channels, out_channels, bias=False),
        )

    def join(self, level: Tensor, vector: Tensor) -> Tensor:
        """Add the values to a map (B, C, h, w)."""
        return level + self(vector)[:, :, None, None]


class SpectralConcat(nn.Module):
    """The same values concatenated to the channels of a map and mixed by a 1x1 convolution."""

    def __init__(self, num_tokens: int, mid_channels: int, out_channels: int) -> None:
        super().__init__()
        self.numbers = SpectralSum(num_tokens, mid_channels, out_channels)
        self.mixing = nn.Conv2d(2 * out_channels, out_channels, 1)

    def join(self, level: Tensor, vector: Tensor) -> Tensor:
        """Mix a map (B, C, h, w) with the values."""
        return self.mixing(torch.cat([level, self.numbers(vector)[:, :, None, None].expand_as(level)], dim=1))


FUSIONS = dict(sem=SpectralGate, sum=SpectralSum, concat=SpectralConcat, none=None)


@MODELS.register_module()
class SpectralEnhancement(BaseModule):
    r"""SEM of all HyperSIGMA networks (HyperSIGMA, section III): :math:`F' = (1 + w) \odot F`.

    The spectral tokens are reduced from E to ``spectral_channels`` by a linear map per spectral level, summed over the
    levels, and averaged over their channels to v (B, T). A small gate turns v into one weight per channel of a spatial
    map. The spatial levels pass through a :class:`LevelPyramid` (resampling, reduction, sum); the gate is applied to
    its result, or between resampling and reduction.

    Args:
        in_channels (int): Channels E of the spatial levels and of the spectral tokens.
        num_tokens (int): Number T of spectral tokens.
        spectral_channels (int): Width after the reduction. Defaults to 128.
        num_spectral_levels (int): Number of spectral levels, which are summed. Defaults to 1.
        mid_channels (int): Hidden width of a gate. Defaults to 128.
        out_channels (int, optional): Channels after the reduction of the spatial levels. Defaults to 128. ``None`` for
            no reduction.
        scales (Sequence[float]): Scale of each spatial level, shallow to deep. Defaults to (1, 1, 1, 1).
        sum_levels (bool): Fuse the reduced levels by a sum before the gate. Defaults to False.
        gate_first (bool): Gate before the reduction, as in the segmentation network. Defaults to False.
        shared_gate (bool): One gate for all levels, as in multispectral change detection. Defaults to False.
        fusion (str): How the vector is combined with the spatial maps: 'sem' weights their channels; for comparison,
            'sum' adds a value to each channel, 'concat' concatenates the values to the channels and mixes all by a 1x1
            convolution, and 'none' ignores the spectral branch. Defaults to 'sem'.
        spatial_refinement (dict, optional): Config of a module after the pyramid, applied to each of its maps.
        spectral_refinement (dict, optional): Config of a module for the reduced spectral tokens.
        init_cfg (dict, optional): Initialisation of the module.
    """

    def __init__(
        self,
        in_channels: int,
        num_tokens: int,
        spectral_channels: int = 128,
        num_spectral_levels: int = 1,
        mid_channels: int = 128,
        out_channels: int | None = 128,
        scales: Sequence[float] = (1, 1, 1, 1),
        sum_levels: bool = False,
        gate_first: bool = False,
        shared_gate: bool = False,
        fusion: str = 'sem',
        spatial_refinement: dict | None = None,
        spectral_refinement: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if gate_first and sum_levels:
            raise ValueError('gate_first weights each level, but sum_levels leaves only one: choose one of them')
        if fusion not in FUSIONS:
            raise ValueError(f'fusion must be one of {list(FUSIONS)}, found {fusion!r}')
        self.pyramid = LevelPyramid(in_channels, scales, out_channels, sum_levels)
        self.spectral_reductions = nn.ModuleList(
            nn.Linear(in_channels, spectral_channels, bias=False) for _ in range(num_spectral_levels)
        )
        self.spatial_refinement = MODELS.build(spatial_refinement) if spatial_refinement else nn.Identity()
        self.spectral_refinement = MODELS.build(spectral_refinement) if spectral_refinement else nn.Identity()
        self.gate_first = gate_first
        gated_channels = (
            in_channels if gate_first else getattr(self.spatial_refinement, 'embed_dims', self.pyramid.out_channels)
        )
        num_gates = 0 if fusion == 'none' else 1 if shared_gate or sum_levels else len(scales)
        self.gates = nn.ModuleList(FUSIONS[fusion](num_tokens, mid_channels, gated_channels) for _ in range(num_gates))

    def spectral_vector(self, spectral: Sequence[Tensor]) -> Tensor:
        """One number per token, (B, T), from spectral tokens (B, T, E).

        Raises:
            ValueError: If the number of spectral levels differs from that of the neck.
        """
        if len(spectral) != len(self.spectral_reductions):
            raise ValueError(
                f'the neck is built for {len(self.spectral_reductions)} spectral levels, the backbone '
                f'gives {len(spectral)}'
            )
        reduced = sum(layer(tokens) for layer, tokens in zip(self.spectral_reductions, spectral, strict=True))
        return self.spectral_refinement(reduced).mean(dim=-1)

    def enhance(self, levels: Sequence[Tensor], vector: Tensor) -> tuple[Tensor, ...]:
        """Combine each map (B, C, h, w) with the vector (B, T)."""
        gates = [*self.gates] * (len(levels) if len(self.gates) == 1 else 1)
        if not gates:
            return tuple(levels)
        return tuple(gate.join(level, vector) for gate, level in zip(gates, levels, strict=True))

    def forward(self, features: tuple[Sequence[Tensor], Sequence[Tensor]]) -> tuple[Tensor, ...]:
        """Combine the outputs of :class:`mmhsi.models.HyperSIGMA`.

        Args:
            features: Spatial maps (B, E, Hp, Wp) and spectral tokens (B, T, E), each shallow to deep.

        Returns:
            Enhanced maps (B, C, h_i, w_i), shallow to deep; one map if the levels are summed.
        """
        spatial, spectral = features
        vector = self.spectral_vector(spectral)
        levels = self.pyramid.resample(spatial)
        if self.gate_first:
            return self.pyramid.reduce(self.enhance(levels, vector))
        refined = [self.spatial_refinement(level) for level in self.pyramid.reduce(levels)]
        return self.enhance(refined, vector)
