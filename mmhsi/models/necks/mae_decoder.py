"""Decoder of the masked autoencoders: from the encoded visible tokens to the content of all tokens."""

import math
from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.models.layers import TransformerBlocks
from mmhsi.models.selfsup.masking import restore_tokens
from mmhsi.registry import MODELS

_NORM_EPS = 1e-6


def sincos_position_table(grid: Sequence[int], channels: int) -> Tensor:
    r"""Fixed sine-cosine position table of a grid (Vaswani et al., 2017).

    The D channels are divided equally among the axes of the grid, the last axis (the column) first. A position p along
    an axis with d = D / axes channels is encoded by :math:`[\sin(p \omega_k), \cos(p \omega_k)]` with
    :math:`\omega_k = 10000^{-2k / d}`, k = 0 ... d / 2 - 1.

    Args:
        grid: Number of positions along each axis, e.g. (rows, columns) or (tokens, ).
        channels: Width D, a multiple of twice the number of axes.

    Returns:
        float32 (1, N, D) with N the number of positions, the last axis running fastest; computed in float64.

    Raises:
        ValueError: If the width cannot be divided among the axes.
    """
    if channels % (2 * len(grid)):
        raise ValueError(
            f'a sine-cosine table over {len(grid)} axes needs a multiple of {2 * len(grid)} channels, found {channels}'
        )
    half = channels // (2 * len(grid))
    frequencies = 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    places = torch.meshgrid(*(torch.arange(size, dtype=torch.float64) for size in grid), indexing='ij')
    phases = [place.reshape(-1, 1) * frequencies for place in reversed(places)]
    return torch.cat([wave for phase in phases for wave in (phase.sin(), phase.cos())], dim=1).float().unsqueeze(0)


@MODELS.register_module()
class MAEDecoder(BaseModule):
    """Insert mask tokens, add positions, run blocks with full attention and predict every token.

    Default initialisation of the framework, with a zero mask token (as in the reference).

    Args:
        in_channels (int): Width of the encoded tokens.
        out_channels (int): Number of values of a token's content.
        grid (Sequence[int]): Number of tokens along each axis of the position table: (rows, columns) for patches,
            (tokens, ) for groups of bands.
        embed_dims (int): Width of the decoder. Defaults to 512.
        num_layers (int): Number of blocks. Defaults to 8.
        num_heads (int): Number of heads. Defaults to 16.
        mlp_ratio (float): Hidden width of the MLPs relative to ``embed_dims``. Defaults to 4.
        qkv_bias (bool): Whether query, key and value have a bias. Defaults to True.
        drop_path_rate (float): Drop-path rate at the end of the ramp. Defaults to 0.1.
        ramp_length (int, optional): Number of blocks of the ramp: block i of the decoder has the rate of block i of an
            encoder with this many blocks. Defaults to ``num_layers``.
        pos_table (str): 'sincos', or 'zeros' for no positions (the reference's spectral decoder). Defaults to 'sincos'.
        with_cp (bool): Recompute activations in the backward pass to save memory. Defaults to False.
        init_cfg (dict, optional): Initialisation of the module.

    Raises:
        ValueError: If the table is unknown, the width does not fit it, or the ramp is shorter than the decoder.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        grid: Sequence[int],
        embed_dims: int = 512,
        num_layers: int = 8,
        num_heads: int = 16,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        drop_path_rate: float = 0.1,
        ramp_length: int | None = None,
        pos_table: str = 'sincos',
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if pos_table not in ('sincos', 'zeros'):
            raise ValueError(f"pos_table must be 'sincos' or 'zeros', found {pos_table!r}")
        if ramp_length is not None and ramp_length < num_layers:
            raise ValueError(f'a drop-path ramp over {ramp_length} blocks has no rates for a decoder of {num_layers}')
        self.num_layers = num_layers
        self.decoder_embed = nn.Linear(in_channels, embed_dims)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        table = (
            sincos_position_table(grid, embed_dims)
            if pos_table == 'sincos'
            else torch.zeros(1, math.prod(grid), embed_dims)
        )
        self.register_buffer('decoder_pos_embed', table)
        self.decoder_blocks = TransformerBlocks(
            num_layers,
            embed_dims,
            full_attn_interval=1,
            drop_path_rate=drop_path_rate,
            ramp_length=ramp_length,
            with_cp=with_cp,
            num_heads=num_heads,
            feedforward_channels=int(embed_dims * mlp_ratio),
            qkv_bias=qkv_bias,
        )
        self.decoder_norm = nn.LayerNorm(embed_dims, eps=_NORM_EPS)
        self.decoder_pred = nn.Linear(embed_dims, out_channels)

    def forward(self, latent: Tensor, ids_restore: Tensor) -> Tensor:
        """Predict all tokens.

        Args:
            latent: Encoded kept tokens (B, K, E) in shuffled order.
            ids_restore: (B, N), rank of every token in the shuffled order.

        Returns:
            (B, N, ``out_channels``).
        """
        tokens = restore_tokens(self.decoder_embed(latent), ids_restore, self.mask_token)
        tokens = tokens + self.decoder_pos_embed
        tokens = self.decoder_blocks(tokens, None, (self.num_layers - 1,))[-1]  # full attention needs no grid
        return self.decoder_pred(self.decoder_norm(tokens))
