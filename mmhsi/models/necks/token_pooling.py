"""Neck for the spectral branch without the spatial one: the mean of its tokens."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS


@MODELS.register_module()
class TokenPooling(BaseModule):
    """Average the tokens of each level of a ``SpecViT`` to a map of one pixel for window heads.

    A spectral token contains a whole image without spatial resolution, so this is for one label per window.

    Args:
        in_channels (int): Width E of the tokens.
        out_channels (int, optional): Width after a linear layer without bias per level. Defaults to None (none).
        num_levels (int): Number of levels. Defaults to 1.
        init_cfg (dict, optional): Initialisation of the module.
    """

    def __init__(
        self, in_channels: int, out_channels: int | None = None, num_levels: int = 1, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.reductions = nn.ModuleList(
            nn.Identity() if out_channels is None else nn.Linear(in_channels, out_channels, bias=False)
            for _ in range(num_levels)
        )

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Tokens (B, T, E), shallow to deep → the same number of maps (B, C, 1, 1).

        Raises:
            ValueError: If the number of levels differs from that of the neck.
        """
        if len(levels) != len(self.reductions):
            raise ValueError(f'the neck is built for {len(self.reductions)} levels, the backbone gives {len(levels)}')
        pooled = (layer(tokens.mean(dim=1)) for layer, tokens in zip(self.reductions, levels, strict=True))
        return tuple(level[:, :, None, None] for level in pooled)
