"""The network of TSTTD, and its training on a target; needs torch, which its caller does not."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LARGEST_SHARE = 0.1  # of a background pixel in a mixture
_MARGIN = 1.0  # of the triplet loss
_WARM_UP = 0.1  # share of the iterations
_TEST_BATCH = 512  # pixels


class _Layer(nn.Module):
    """Pre-norm attention and MLP, whose result is joined with the input of the layer token by token."""

    def __init__(self, num_tokens: int, channels: int, num_heads: int, head_dims: int, hidden: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * num_heads * head_dims, bias=False)
        self.proj = nn.Linear(num_heads * head_dims, channels)
        self.mlp = nn.Sequential(
            nn.LayerNorm(channels), nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, channels)
        )
        self.fusion = nn.Conv2d(num_tokens, num_tokens, (1, 2))  # its channels are the tokens

    def forward(self, x: Tensor) -> Tensor:
        heads = self.qkv(self.norm(x)).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = x + self.proj(F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))
        mixed = mixed + self.mlp(mixed)
        return self.fusion(torch.stack([x, mixed], dim=3)).squeeze(3)


class SpectralGroupTransformer(nn.Module):
    """Transformer whose tokens are overlapping groups of neighbouring bands; its class token describes the spectrum.

    Args:
        num_bands (int): Number C of bands.
        group_size (int): Bands of a group; the spectrum is mirrored at its ends. Defaults to 20.
        stride (int): Bands between groups. Defaults to 1, a group for each band.
        channels (int): Width of the tokens. Defaults to 128.
        num_layers (int): Number of layers. Defaults to 4.
        num_heads (int): Heads of the attention. Defaults to 4.
        head_dims (int): Width of a head. Defaults to 64.
        feedforward_channels (int): Hidden width of the MLPs. Defaults to 64.
    """

    def __init__(
        self,
        num_bands: int,
        group_size: int = 20,
        stride: int = 1,
        channels: int = 128,
        num_layers: int = 4,
        num_heads: int = 4,
        head_dims: int = 64,
        feedforward_channels: int = 64,
    ) -> None:
        super().__init__()
        self.stride = stride
        positions = torch.arange(0, num_bands, stride)[:, None] + torch.arange(group_size) - group_size // 2
        # mirrored with the last band repeated, as often as a short spectrum needs it
        period = positions.remainder(2 * num_bands)
        self.register_buffer('bands', torch.minimum(period, 2 * num_bands - 1 - period), persistent=False)
        num_tokens = len(self.bands) + 1
        self.embedding = nn.Sequential(nn.Linear(group_size, channels), nn.LeakyReLU())
        self.class_token = nn.Parameter(torch.randn(1, 1, channels))
        self.positions = nn.Parameter(torch.randn(1, num_tokens, channels))
        self.layers = nn.Sequential(
            *(_Layer(num_tokens, channels, num_heads, head_dims, feedforward_channels) for _ in range(num_layers))
        )

    def forward(self, spectra: Tensor) -> Tensor:
        """Spectra (B, C) → features (B, ``channels``)."""
        tokens = self.embedding(spectra[:, self.bands])
        tokens = torch.cat([self.class_token.expand(len(spectra), -1, -1), tokens], dim=1)
        return self.layers(tokens + self.positions)[:, 0]


def triplet_loss(mixtures: Tensor, background: Tensor, target: Tensor) -> Tensor:
    """Loss of features (B, E) of mixtures and background, and of those (1, E) of the target.

    A mixture should be closer to the target than the background is to either, by a margin. The cross-entropy of the
    sigmoids of the cosines c of mixtures and 1 - c of the background is added, halved as in the paper's code.
    """
    near = F.cosine_similarity(mixtures, target)
    far = F.cosine_similarity(background, target)
    closest = torch.maximum(far, F.cosine_similarity(background, mixtures))
    cross_entropy = -0.5 * (F.logsigmoid(near) + F.logsigmoid(1 - far)).mean()
    return (_MARGIN + closest - near).relu().mean() + cross_entropy


def learn_target(
    network: SpectralGroupTransformer, pixels: Tensor, target: Tensor, iterations: int, batch_size: int, lr: float
) -> None:
    """Train the network on pixels (N, C) and a target spectrum (C,)."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=1e-4)
    warm_up = max(1, round(_WARM_UP * iterations))

    def rate(done: int) -> float:
        if done < warm_up:
            return 0.5 + 0.5 * done / warm_up
        return 0.5 + 0.5 * math.cos(math.pi * (done - warm_up) / max(1, iterations - warm_up))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    network.train()
    for _ in range(iterations):
        background = pixels[torch.randint(len(pixels), (batch_size,))]
        share = _LARGEST_SHARE * torch.rand(batch_size, 1)
        mixtures = share * pixels[torch.randint(len(pixels), (batch_size,))] + (1 - share) * target
        features = network(torch.cat([mixtures, background, target[None]]))
        loss = triplet_loss(features[:batch_size], features[batch_size:-1], features[-1:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        scheduler.step()


@torch.no_grad()
def target_cosines(network: SpectralGroupTransformer, pixels: Tensor, target: Tensor) -> Tensor:
    """Cosines (N,) between the features of pixels (N, C) and of the target spectrum (C,)."""
    network.eval()
    wanted = network(target[None])
    return torch.cat([F.cosine_similarity(network(part), wanted) for part in pixels.split(_TEST_BATCH)])
