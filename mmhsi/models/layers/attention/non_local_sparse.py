"""Attention to tokens with similar features, found by hashing (NLSA)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmhsi.registry import MODELS

from .grid_attention import GridAttention

_MOST_BUCKETS = 128
_NORM_EPS = 5e-5


@MODELS.register_module()
class NonLocalSparseAttention(GridAttention):
    r"""Self-attention among tokens with neighbouring spherical hashes, in several rounds.

    A round sorts the tokens of a head by the bucket of their embedding, given by the largest of its products with
    random directions and their opposites, and cuts them into chunks. A token attends to its chunk and to the two
    neighbouring chunks, where the first and the last are neighbours; its logits are the products of its embedding with
    the normalised ones of the others. Rounds are averaged with weights from the sums of their exponentials (Mei et al.,
    Image Super-Resolution with Non-Local Sparse Attention, CVPR 2021). One embedding serves as query and as key.

    The directions are drawn at every training step; evaluation always uses the same ones, so predictions are
    reproducible. Incomplete chunks stay short, and no chunk counts twice if there are fewer than three.

    Args:
        chunk_size (int): Tokens of a chunk. Defaults to 144.
        num_hashes (int): Number of rounds. Defaults to 4.
        **kwargs: Arguments of :class:`GridAttention`.
    """

    def __init__(self, embed_dims: int, *args, chunk_size: int = 144, num_hashes: int = 4, **kwargs) -> None:
        super().__init__(embed_dims, *args, **kwargs)
        if min(chunk_size, num_hashes) < 1:
            raise ValueError(f'chunk_size and num_hashes must be at least 1, found {chunk_size} and {num_hashes}')
        self.chunk_size = chunk_size
        self.num_hashes = num_hashes
        self.qkv = nn.Linear(embed_dims, 2 * self.inner_dims, bias=self.qkv.bias is not None)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args) -> None:
        """Use only the queries and values of a projection that also has keys."""
        inner = self.inner_dims
        for name in (f'{prefix}qkv.weight', f'{prefix}qkv.bias'):
            if name in state_dict and len(state_dict[name]) == 3 * inner:
                state_dict[name] = torch.cat([state_dict[name][:inner], state_dict[name][2 * inner :]])
        super()._load_from_state_dict(state_dict, prefix, *args)

    def hash_codes(self, embedding: Tensor) -> Tensor:
        """Bucket (B, heads, rounds, N) of each embedding (B, heads, N, d) in each round."""
        num_tokens, width = embedding.shape[2:]
        pairs = min(max(-(-(num_tokens // self.chunk_size) // 2), 1), _MOST_BUCKETS // 2)
        shape = (self.num_heads, width, self.num_hashes * pairs)
        if self.training:
            directions = torch.randn(shape, device=embedding.device)
        else:
            directions = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(embedding.device)
        products = (embedding.detach() @ directions.to(embedding.dtype)).unflatten(-1, (self.num_hashes, pairs))
        return torch.cat([products, -products], dim=-1).argmax(dim=-1).transpose(2, 3)

    def forward(self, x: Tensor, hw_shape: tuple[int, int] | None = None) -> Tensor:
        """Tokens (B, N, C) → (B, N, C); the grid is not used."""
        parts = self.qkv(x).unflatten(2, (2, self.num_heads, -1))
        embedding, value = parts.permute(2, 0, 3, 1, 4)
        order = self.hash_codes(embedding).sort(dim=-1, stable=True).indices
        return self.merge_heads(self.attend(embedding, value, order))

    def attend(self, embedding: Tensor, value: Tensor, order: Tensor) -> Tensor:
        """Attention of all rounds for embeddings and values (B, heads, N, d) in given orders (B, heads, rounds, N)."""
        embedding, value = (_sorted(part, order) for part in (embedding, value))
        query, inside = self._chunks(embedding)
        key = F.normalize(query, dim=-1, eps=_NORM_EPS)
        value, _ = self._chunks(value)
        key, value, inside = (_with_neighbours(part) for part in (key, value, inside))
        logits = (query @ key.transpose(-2, -1)).masked_fill(~inside.transpose(-2, -1), float('-inf'))
        mass = logits.logsumexp(dim=-1, keepdim=True)
        out = (logits - mass).exp() @ value  # (B, heads, rounds, chunks, chunk_size, d)
        back = order.argsort(dim=-1)
        num_tokens = order.shape[-1]
        out, mass = (_at(part.flatten(3, 4)[..., :num_tokens, :], back) for part in (out, mass))
        return (out * mass.softmax(dim=2)).sum(dim=2)

    def _chunks(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (..., N, d) as chunks (..., K, S, d), and which positions hold a token, (K, S, 1)."""
        num_tokens = tokens.shape[-2]
        size = min(self.chunk_size, num_tokens)
        number = -(-num_tokens // size)
        chunks = F.pad(tokens, (0, 0, 0, number * size - num_tokens)).unflatten(-2, (number, size))
        return chunks, torch.arange(number * size, device=tokens.device).reshape(number, size, 1) < num_tokens


def _with_neighbours(chunks: Tensor) -> Tensor:
    """Each chunk (..., K, S, d) with the previous and the next one, each of them once: (..., K, 3 S, d)."""
    rolls = [0, 1, -1][: chunks.shape[-3]]
    return torch.cat([chunks.roll(shift, dims=-3) for shift in rolls], dim=-2)


def _at(tokens: Tensor, index: Tensor) -> Tensor:
    return tokens.gather(-2, index.unsqueeze(-1).expand(*index.shape, tokens.shape[-1]))


def _sorted(tokens: Tensor, order: Tensor) -> Tensor:
    """Tokens (B, heads, N, d) in the order of each round, (B, heads, rounds, N, d)."""
    return _at(tokens.unsqueeze(2).expand(-1, -1, order.shape[2], -1, -1), order)
