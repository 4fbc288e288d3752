"""The pre-norm transformer block of both HyperSIGMA branches, and stacks of it."""

import numpy as np
import torch
import torch.utils.checkpoint
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule, ModuleList
from mmengine.model.weight_init import trunc_normal_init
from torch import Tensor, nn

from mmhsi.registry import MODELS

from .attention import FullAttention, SparseSamplingAttention

_NORM_EPS = 1e-6


class Mlp(BaseModule):
    """Two linear layers with an exact GELU between them."""

    def __init__(self, embed_dims: int, feedforward_channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(embed_dims, feedforward_channels)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(feedforward_channels, embed_dims)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.act(self.fc1(x)))


@MODELS.register_module()
class TransformerBlock(BaseModule):
    r"""Pre-norm block: :math:`x + \gamma_1 A(LN(x))`, then :math:`x + \gamma_2 M(LN(x))`, with drop path on both.

    Args:
        embed_dims (int): Width C of the tokens.
        num_heads (int): Number of heads.
        feedforward_channels (int): Hidden width of the MLP.
        sparse (bool): Whether to use the attention of ``attn_cfg`` instead of full attention. Defaults to False.
        num_points (int): Sampled points of sparse sampling attention. Defaults to 8.
        attn_cfg (dict, optional): Config of another attention instead of sparse sampling attention, such as
            ``dict(type='mmhsi.WindowAttention', window_size=7)``. Defaults to None.
        layer (int): Number of the block among those of its kind, from 0. Defaults to 0.
        qkv_bias (bool): Whether query, key and value have a bias. Defaults to True.
        drop_path_rate (float): Probability that a sample skips a branch. Defaults to 0.
        layer_scale_init_value (float, optional): Initial value of :math:`\gamma`; ``None`` for no scale.
        init_cfg (dict, optional): Initialisation of the module.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        feedforward_channels: int,
        sparse: bool = False,
        num_points: int = 8,
        attn_cfg: dict | None = None,
        layer: int = 0,
        qkv_bias: bool = True,
        drop_path_rate: float = 0.0,
        layer_scale_init_value: float | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        shared = dict(embed_dims=embed_dims, num_heads=num_heads, qkv_bias=qkv_bias)
        self.norm1 = nn.LayerNorm(embed_dims, eps=_NORM_EPS)
        if sparse and attn_cfg is not None:
            self.attn = MODELS.build(dict(attn_cfg, layer=layer, **shared))
        elif sparse:
            self.attn = SparseSamplingAttention(num_points=num_points, **shared)
        else:
            self.attn = FullAttention(**shared)
        self.drop_path = DropPath(drop_path_rate) if drop_path_rate else nn.Identity()
        self.norm2 = nn.LayerNorm(embed_dims, eps=_NORM_EPS)
        self.mlp = Mlp(embed_dims, feedforward_channels)
        if layer_scale_init_value is None:
            self.gamma_1 = self.gamma_2 = None
        else:
            self.gamma_1 = nn.Parameter(torch.full((embed_dims,), float(layer_scale_init_value)))
            self.gamma_2 = nn.Parameter(torch.full((embed_dims,), float(layer_scale_init_value)))

    def forward(self, x: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Tokens (B, N, C) on a grid (Hg, Wg) → (B, N, C)."""
        attended = self.attn(self.norm1(x), hw_shape)
        x = x + self.drop_path(attended if self.gamma_1 is None else self.gamma_1 * attended)
        mixed = self.mlp(self.norm2(x))
        return x + self.drop_path(mixed if self.gamma_2 is None else self.gamma_2 * mixed)


class TransformerBlocks(ModuleList):
    """A stack of blocks in which every ``full_attn_interval``-th one has full attention and the others have sparse or
    another attention.

    Args:
        num_layers (int): Number of blocks to build.
        embed_dims (int): Width of the tokens.
        full_attn_interval (int): Block i (from 0) is full when (i + 1) is a multiple of it. 1 makes all blocks full, 0
            none.
        drop_path_rate (float): Rate of the last of ``ramp_length`` blocks; it grows linearly from 0.
        ramp_length (int, optional): Number of blocks of the drop-path ramp. Defaults to ``num_layers``.
        with_cp (bool): Recompute activations in the backward pass to save memory. Defaults to False.
        **block_cfg: Further arguments of :class:`TransformerBlock`.
    """

    def __init__(
        self,
        num_layers: int,
        embed_dims: int,
        full_attn_interval: int,
        drop_path_rate: float = 0.0,
        ramp_length: int | None = None,
        with_cp: bool = False,
        **block_cfg,
    ) -> None:
        sparse = [not full_attn_interval or (i + 1) % full_attn_interval != 0 for i in range(num_layers)]
        rates = np.linspace(0, drop_path_rate, ramp_length or num_layers).tolist()  # also works on the meta device
        super().__init__(
            [
                TransformerBlock(
                    embed_dims, sparse=sparse[i], layer=sum(sparse[:i]), drop_path_rate=rates[i], **block_cfg
                )
                for i in range(num_layers)
            ]
        )
        self.with_cp = with_cp

    def forward(self, x: Tensor, hw_shape: tuple[int, int], out_indices: tuple[int, ...]) -> list[Tensor]:
        """Run the blocks up to the last one in ``out_indices``.

        Args:
            x: Tokens (B, N, C).
            hw_shape: Grid (Hg, Wg).
            out_indices: Blocks (from 0) whose outputs are returned, ascending.

        Returns:
            The outputs (B, N, C) of these blocks.
        """
        outs = []
        for i, block in enumerate(self):
            if i > out_indices[-1]:
                break
            if self.with_cp and x.requires_grad:
                x = torch.utils.checkpoint.checkpoint(block, x, hw_shape, use_reentrant=False)
            else:
                x = block(x, hw_shape)
            if i in out_indices:
                outs.append(x)
        return outs

    def reset_parameters(self) -> None:
        """Draw the initial weights: truncated normal of std 0.02, the outputs of block i divided by sqrt(2 (i + 1))."""
        init_linear_and_norm(self)
        for i, block in enumerate(self):
            for linear in (block.attn.proj, block.mlp.fc2):
                with torch.no_grad():
                    linear.weight.div_((2 * (i + 1)) ** 0.5)


def init_linear_and_norm(module: nn.Module) -> None:
    """Draw linear weights from a normal of std 0.02 cut at ±2, zero their biases, reset layer norms."""
    for child in module.modules():
        if isinstance(child, nn.Linear):
            trunc_normal_init(child, std=0.02)
        elif isinstance(child, nn.LayerNorm):
            child.reset_parameters()
