"""The encoder of DeepTrans-HSU, in the two parts of an ``Unmixer``."""

import torch
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from mmengine.utils import to_2tuple
from torch import Tensor, nn

from mmhsi.registry import MODELS


class _TokenAttention(nn.Module):
    """Attention of the first token to all tokens."""

    def __init__(self, embed_dims: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query, self.key, self.value = (nn.Linear(embed_dims, embed_dims, bias=False) for _ in range(3))
        self.proj = nn.Linear(embed_dims, embed_dims)

    def forward(self, x: Tensor) -> Tensor:
        heads = (layer(tokens) for layer, tokens in ((self.query, x[:, :1]), (self.key, x), (self.value, x)))
        heads = (part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for part in heads)
        return self.proj(nn.functional.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))


class _Layer(nn.Module):
    """The class token attends to the patches; all tokens pass a small MLP."""

    def __init__(self, embed_dims: int, num_heads: int, hidden: int, drop_path_rate: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(embed_dims)
        self.attention = _TokenAttention(embed_dims, num_heads)
        self.drop_path = DropPath(drop_path_rate)
        self.mlp = nn.Sequential(
            nn.LayerNorm(embed_dims), nn.Linear(embed_dims, hidden), nn.GELU(), nn.Linear(hidden, embed_dims)
        )

    def forward(self, x: Tensor, norm_of_patches: nn.Module) -> Tensor:
        tokens = self.norm1(x)
        # the class token continues from its normalised value, as in the paper's code
        first = tokens[:, :1] + self.drop_path(self.attention(tokens))
        x = torch.cat([first, norm_of_patches(x[:, 1:])], dim=1)
        return x + self.mlp(x)


@MODELS.register_module()
class DeepTransEncoder(BaseModule):
    """Encoder of DeepTrans-HSU, a transformer for unmixing a whole scene (Ghosh et al., IEEE TGRS 60, 5535116, 2022).

    Three 1x1 convolutions reduce the spectra; patches of the result are tokens of P times ``dims`` numbers, to which a
    class token attends in each layer. A linear layer maps each of its P parts to a map of the whole image for one
    endmember. With a :class:`SmoothedSoftmaxHead` and an ``EndmemberDecoder`` of one pixel it forms the complete
    network.

    Args:
        in_channels (int): Number C of bands.
        num_endmembers (int): Number P of endmembers.
        img_size (int | tuple[int, int]): Height and width of the image in pixels; the network is built for this size.
        patch_size (int): Side of a patch, a divisor of the image's sides. Defaults to 5.
        dims (int): Numbers of a token for each endmember. P times this must be a multiple of the pixels of a patch and
            of the heads. Defaults to 200.
        channels (tuple[int, int]): Maps of the first two convolutions. Defaults to (128, 64).
        num_layers (int): Layers of the transformer. Defaults to 2.
        num_heads (int): Heads of the attention. Defaults to 8.
        feedforward_channels (int): Hidden width of the MLPs. Defaults to 12.
        drop_rate (float): Dropout rate after the first convolution. Defaults to 0.25.
        drop_path_rate (float): Rate at which a sample skips an attention. Defaults to 0.15.
        init_cfg (dict, optional): Initialisation. Defaults to He's for the convolutions.

    Raises:
        ValueError: If patch, tokens and heads do not fit.
    """

    def __init__(
        self,
        in_channels: int,
        num_endmembers: int,
        img_size: int | tuple[int, int],
        patch_size: int = 5,
        dims: int = 200,
        channels: tuple[int, int] = (128, 64),
        num_layers: int = 2,
        num_heads: int = 8,
        feedforward_channels: int = 12,
        drop_rate: float = 0.25,
        drop_path_rate: float = 0.15,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d', mode='fan_in'))
        self.img_size = self.fixed_input_size = to_2tuple(img_size)
        self.num_endmembers, self.patch_size = num_endmembers, patch_size
        width, pixels = num_endmembers * dims, patch_size**2
        if any(side % patch_size for side in self.img_size) or width % pixels or width % num_heads:
            raise ValueError(
                f'patches of {patch_size} x {patch_size} pixels must divide the image, and the {width} numbers of a '
                f'token must be a multiple of their {pixels} pixels and of {num_heads} heads, found an image of '
                f'{self.img_size[0]} x {self.img_size[1]}'
            )
        self.convs = nn.Sequential(
            nn.Conv2d(in_channels, channels[0], 1),
            nn.BatchNorm2d(channels[0], momentum=0.9),
            nn.Dropout(drop_rate),
            nn.LeakyReLU(),
            nn.Conv2d(channels[0], channels[1], 1),
            nn.BatchNorm2d(channels[1], momentum=0.9),
            nn.LeakyReLU(),
            nn.Conv2d(channels[1], width // pixels, 1),
            nn.BatchNorm2d(width // pixels, momentum=0.5),
        )
        patches = self.img_size[0] * self.img_size[1] // pixels
        self.class_token = nn.Parameter(torch.randn(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, patches + 1, width))
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(
            _Layer(width, num_heads, feedforward_channels, drop_path_rate) for _ in range(num_layers)
        )
        self.upscale = nn.Linear(dims, self.img_size[0] * self.img_size[1])

    def patches(self, x: Tensor) -> Tensor:
        """Reduced images (B, K, H, W) → tokens (B, N, p * p * K), channels fastest."""
        size = self.patch_size
        tiles = x.unflatten(3, (-1, size)).unflatten(2, (-1, size))  # (B, K, rows, p, columns, p)
        return tiles.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Draw a map for each endmember.

        Args:
            x: Images (B, C, H, W) of the size of ``img_size``.

        Returns:
            One map (B, P, H, W).

        Raises:
            ValueError: If the size of the images differs.
        """
        if tuple(x.shape[2:]) != self.img_size:
            raise ValueError(
                f'the network is built for images of {self.img_size[0]} x {self.img_size[1]} pixels, found '
                f'{x.shape[2]} x {x.shape[3]}'
            )
        tokens = self.patches(self.convs(x))
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), tokens], dim=1) + self.positions
        for layer in self.layers:
            tokens = layer(tokens, self.norm)
        parts = tokens[:, 0].unflatten(1, (self.num_endmembers, -1))
        return (self.upscale(parts).unflatten(2, self.img_size),)


@MODELS.register_module()
class SmoothedSoftmaxHead(BaseModule):
    """A 3x3 convolution and a softmax: the last part of DeepTrans's encoder.

    Args:
        num_endmembers (int): Number P of endmembers, and of channels of the map.
        init_cfg (dict, optional): Initialisation. Defaults to He's.
    """

    def __init__(self, num_endmembers: int, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d', mode='fan_in'))
        self.num_endmembers = num_endmembers
        self.smooth = nn.Conv2d(num_endmembers, num_endmembers, 3, padding=1)

    def forward(self, levels: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor:
        """Map (B, P, H, W) of ``size`` pixels → abundances of the same shape, non-negative, with sum 1 over P."""
        return self.smooth(levels[-1]).softmax(dim=1)
