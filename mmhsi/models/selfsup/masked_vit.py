"""Encoders that process only the visible tokens of an image."""

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmhsi.models.backbones.sampling_vit import SamplingViT
from mmhsi.models.layers import FullAttention, SparseSamplingAttention
from mmhsi.ops import sparse_sampling_attention

from .masking import num_kept_tokens, random_masking, restore_tokens, select_tokens

_NORM_EPS = 1e-6


class KeptGrid(NamedTuple):
    """A grid (Hg, Wg) with a subset of kept tokens; see :class:`Masking` for the ids."""

    shape: tuple[int, int]
    ids_keep: Tensor
    ids_restore: Tensor


class MaskedSamplingAttention(SparseSamplingAttention):
    """Sparse sampling attention among the kept tokens of a grid.

    A dropped position is treated like one outside the grid: its key and value are zero, so a point sampled there has
    the logit 0 and keeps its share of the softmax. All projections run only on the kept tokens. Their queries, keys,
    values and offsets are then placed on the grid for :func:`mmhsi.ops.sparse_sampling_attention`, which also computes
    the (discarded) results of the empty positions; with 64 tokens of width 768, of which a quarter is kept, that is a
    twentieth of the multiplications of a block.
    """

    @classmethod
    def like(cls, attention: SparseSamplingAttention) -> 'MaskedSamplingAttention':
        """A new module with the sizes of another."""
        return cls(
            attention.qkv.in_features,
            attention.num_heads,
            qkv_bias=attention.qkv.bias is not None,
            num_points=attention.num_points,
            backend=attention.backend,
        )

    def forward(self, x: Tensor, hw_shape: KeptGrid | tuple[int, int]) -> Tensor:
        """Attend from every kept token (B, K, C) to its sampled points; on a full grid like the base class."""
        if not isinstance(hw_shape, KeptGrid):
            return super().forward(x, hw_shape)
        query, key, value = self.split_heads(x)
        offsets = self.predict_offsets(query)
        packed = torch.cat([query, key, value, offsets.flatten(3)], dim=-1)
        packed = restore_tokens(packed, hw_shape.ids_restore, packed.new_zeros(1))
        query, key, value, offsets = packed.split([self.head_dims] * 3 + [2 * self.num_points], dim=-1)
        offsets = offsets.unflatten(-1, (self.num_points, 2))
        attended = sparse_sampling_attention(query, key, value, offsets, hw_shape.shape, backend=self.backend)
        return self.merge_heads(select_tokens(attended, hw_shape.ids_keep))


class MaskedViT(SamplingViT):
    """Base of the encoders of both masked autoencoders.

    A branch adds its embedding of images and, for the decoder, ``position_grid`` (number of positions along each axis
    of the tokens) and ``token_size`` (number of values in a token).
    """

    def _prepare_masking(self, mask_ratio: float, use_abs_pos_emb: bool) -> None:
        """Finish the constructor of a branch: final norm, attention among kept tokens, frozen or learnt positions."""
        if self.out_indices[-1] != self.num_layers - 1:
            raise ValueError(
                f'pre-training runs all {self.num_layers} blocks, out_indices ends at {self.out_indices[-1]}'
            )
        num_kept_tokens(self.pos_embed.shape[1], mask_ratio)  # refuses an invalid ratio before the first image
        self.mask_ratio = mask_ratio
        self.use_abs_pos_emb = use_abs_pos_emb
        self.pos_embed.requires_grad_(use_abs_pos_emb)
        self.norm = nn.LayerNorm(self.embed_dims, eps=_NORM_EPS)
        for block in self.blocks:
            if isinstance(block.attn, SparseSamplingAttention):
                block.attn = MaskedSamplingAttention.like(block.attn)
            elif not isinstance(block.attn, FullAttention):
                raise ValueError(
                    f'{type(block.attn).__name__} needs the whole grid of tokens, but pre-training keeps only some '
                    'of them: omit attn_cfg here, and set it for '
                    'fine-tuning'
                )

    @property
    @abstractmethod
    def grid(self) -> tuple[int, int]:
        """Grid of the tokens."""

    @abstractmethod
    def embed(self, x: Tensor, ids_keep: Tensor | None) -> Tensor:
        """Images (B, C, H, W) → the tokens (B, K, E) at the positions ``ids_keep`` (B, K), or all, without position
        embeddings."""

    @abstractmethod
    def check_images(self, x: Tensor) -> None:
        """Raise a ValueError for images that do not fit the encoder."""

    def forward(self, x: Tensor, mask: bool = True, noise: Tensor | None = None) -> tuple[Tensor, ...]:
        """Encode the kept tokens of a random masking, or all tokens.

        Args:
            x: Images (B, C, H, W).
            mask: Whether to mask. Defaults to True.
            noise: (B, N) that decides which tokens are kept. Defaults to a uniform draw.

        Returns:
            With masking: encoded tokens (B, K, E) in shuffled order, mask (B, N) and ids_restore (B, N), see
            :class:`Masking`. Without: a tuple of one tensor (B, N, E) in the order of the tokens.
        """
        self.check_images(x)
        if not mask:
            return (self._encode(self.embed(x, None), self.pos_embed, self.grid),)
        if noise is None:
            noise = torch.rand(x.shape[0], self.pos_embed.shape[1], device=x.device)
        ids_keep, ids_restore, mask = random_masking(noise, self.mask_ratio)
        positions = select_tokens(self.pos_embed.expand(x.shape[0], -1, -1), ids_keep)
        latent = self._encode(self.embed(x, ids_keep), positions, KeptGrid(self.grid, ids_keep, ids_restore))
        return latent, mask, ids_restore

    def _encode(self, tokens: Tensor, positions: Tensor, grid: KeptGrid | tuple[int, int]) -> Tensor:
        if self.use_abs_pos_emb:
            tokens = tokens + positions
        return self.norm(self.blocks(tokens, grid, (self.num_layers - 1,))[-1])
