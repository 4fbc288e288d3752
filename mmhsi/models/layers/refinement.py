"""Refinement transformer: a few additional blocks after an encoder, used by the restoration networks."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS

from .token_grid import resize_spatial_position_embedding, square_grid
from .transformer_block import TransformerBlocks


@MODELS.register_module()
class RefinementTransformer(BaseModule):
    """Blocks with a separate width after an encoder, on its feature map or on its spectral tokens.

    The width need not be divisible by the number of heads. Position embeddings are added to the tokens of a map when
    ``img_size`` is given, and interpolated for a map of another size.

    Args:
        embed_dims (int): Width of the blocks.
        in_channels (int, optional): Channels of the map, reduced to ``embed_dims`` by a 1x1 convolution. ``None`` takes
            the tokens as they are. Defaults to None.
        img_size (tuple[int, int], optional): Size of the map, for position embeddings. Defaults to None (none).
        num_layers (int): Number of blocks. Defaults to 4.
        num_heads (int): Number of heads. Defaults to 12.
        num_points (int): Sampled points of sparse attention. Defaults to 8.
        full_attn_interval (int): Every n-th block has full attention. Defaults to 3.
        drop_path_rate (float): Rate at the end of a ramp over ``ramp_length`` blocks. Defaults to 0.
        ramp_length (int): Length of that ramp: the reference uses the first values of a ramp over 12. Defaults to 12.
        mlp_ratio (float): Hidden width of the MLP relative to ``embed_dims``. Defaults to 4.
        with_cp (bool): Recompute activations in the backward pass. Defaults to False.
        init_cfg (dict, optional): Initialisation of the module.
    """

    def __init__(
        self,
        embed_dims: int,
        in_channels: int | None = None,
        img_size: tuple[int, int] | None = None,
        num_layers: int = 4,
        num_heads: int = 12,
        num_points: int = 8,
        full_attn_interval: int = 3,
        drop_path_rate: float = 0.0,
        ramp_length: int = 12,
        mlp_ratio: float = 4.0,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.embed_dims = embed_dims
        self.img_size = img_size
        self.patch_embed = None if in_channels is None else nn.Conv2d(in_channels, embed_dims, 1)
        self.pos_embed = (
            None if img_size is None else nn.Parameter(torch.zeros(1, img_size[0] * img_size[1], embed_dims))
        )
        self.blocks = TransformerBlocks(
            num_layers,
            embed_dims,
            full_attn_interval,
            drop_path_rate=drop_path_rate,
            ramp_length=max(ramp_length, num_layers),
            with_cp=with_cp,
            num_heads=num_heads,
            num_points=num_points,
            feedforward_channels=int(embed_dims * mlp_ratio),
        )

    def init_weights(self) -> None:
        """Draw the initial weights, then apply ``init_cfg``."""
        self.blocks.reset_parameters()
        if self.pos_embed is not None:
            nn.init.trunc_normal_(self.pos_embed, std=0.02)
        super().init_weights()

    def forward(self, x: Tensor) -> Tensor:
        """Refine a map (B, C, H, W) → (B, E, H, W), or tokens (B, T, E) → (B, T, E) on their square grid."""
        if x.dim() == 3:
            return self._run(x, square_grid(x.shape[1]))
        if self.patch_embed is not None:
            x = self.patch_embed(x)
        batch, channels, height, width = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        if self.pos_embed is not None:
            tokens = tokens + resize_spatial_position_embedding(self.pos_embed, self.img_size, (height, width))
        return self._run(tokens, (height, width)).transpose(1, 2).reshape(batch, channels, height, width)

    def _run(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        return self.blocks(tokens, grid, (len(self.blocks) - 1,))[-1]
