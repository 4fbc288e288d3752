"""Random masking of tokens, and restoring their order."""

from typing import NamedTuple

import torch
from torch import Tensor


class Masking(NamedTuple):
    """A draw of kept and masked tokens for a batch of B samples of N tokens.

    Attributes:
        ids_keep: int64 (B, K), positions of the kept tokens in shuffled order.
        ids_restore: int64 (B, N), rank of every token in the shuffled order; those below K are kept.
        mask: float32 (B, N), 0 where a token is kept, 1 where it is masked.
    """

    ids_keep: Tensor
    ids_restore: Tensor
    mask: Tensor


def num_kept_tokens(num_tokens: int, mask_ratio: float) -> int:
    """Number of tokens that the encoder processes: the integer part of ``num_tokens * (1 - mask_ratio)``.

    Raises:
        ValueError: If the ratio is outside (0, 1), or keeps no token or all of them.
    """
    if not 0 < mask_ratio < 1:
        raise ValueError(f'mask_ratio must lie between 0 and 1, both excluded, found {mask_ratio}')
    kept = int(num_tokens * (1 - mask_ratio))
    if not 0 < kept < num_tokens:
        raise ValueError(
            f'mask_ratio {mask_ratio} keeps {kept} of {num_tokens} tokens: at least one must be kept and one masked'
        )
    return kept


def random_masking(noise: Tensor, mask_ratio: float) -> Masking:
    """Keep the tokens of the smallest noise, in the order of their noise.

    Args:
        noise: (B, N), usually uniform in [0, 1).
        mask_ratio: Share of the tokens to mask, in (0, 1).

    Returns:
        The draw; see :class:`Masking`.
    """
    num_kept = num_kept_tokens(noise.shape[1], mask_ratio)
    ids_shuffle = noise.argsort(dim=1)
    ids_restore = ids_shuffle.argsort(dim=1)
    return Masking(ids_shuffle[:, :num_kept], ids_restore, (ids_restore >= num_kept).float())


def select_tokens(tokens: Tensor, ids: Tensor) -> Tensor:
    """Tokens at the given positions: (B, ..., N, C) and ids (B, K) → (B, ..., K, C)."""
    batch, count = ids.shape
    index = ids.reshape(batch, *[1] * (tokens.dim() - 3), count, 1)
    return tokens.gather(-2, index.expand(*tokens.shape[:-2], count, tokens.shape[-1]))


def restore_tokens(kept: Tensor, ids_restore: Tensor, fill: Tensor) -> Tensor:
    """Place kept tokens at their positions and a filling at the others.

    Args:
        kept: (B, ..., K, C) in shuffled order.
        ids_restore: (B, N) of the masking.
        fill: Value of a masked token, broadcast to (C, ).

    Returns:
        (B, ..., N, C).
    """
    num_masked = ids_restore.shape[1] - kept.shape[-2]
    filling = fill.to(kept.dtype).expand(*kept.shape[:-2], num_masked, kept.shape[-1])
    return select_tokens(torch.cat([kept, filling], dim=-2), ids_restore)
