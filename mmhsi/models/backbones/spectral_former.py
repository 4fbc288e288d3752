"""SpectralFormer: a transformer over bands whose tokens include neighbouring bands."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.registry import MODELS

from .window_checks import check_window_size


class _Block(nn.Module):
    def __init__(self, embed_dims: int, num_heads: int, head_dims: int, hidden: int, drop_rate: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm1 = nn.LayerNorm(embed_dims)
        self.qkv = nn.Linear(embed_dims, 3 * num_heads * head_dims, bias=False)
        self.proj = nn.Sequential(nn.Linear(num_heads * head_dims, embed_dims), nn.Dropout(drop_rate))
        self.mlp = nn.Sequential(
            nn.LayerNorm(embed_dims),
            nn.Linear(embed_dims, hidden),
            nn.GELU(),
            nn.Dropout(drop_rate),
            nn.Linear(hidden, embed_dims),
            nn.Dropout(drop_rate),
        )

    def forward(self, x: Tensor) -> Tensor:
        heads = self.qkv(self.norm1(x)).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.proj(nn.functional.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))
        return x + self.mlp(x)


@MODELS.register_module()
class SpectralFormer(BaseModule):
    """Transformer over bands with group-wise embedding and cross-layer fusion (Hong et al., IEEE TGRS 60, 2022).

    The token of a band is a linear map of the window in that band and the ``group_size - 1`` bands nearest to it, with
    cyclic boundaries. From the third block on, the input of a block is combined with that of the block two before it by
    a convolution whose channels are the tokens.

    Args:
        in_channels (int): Number C of bands. Defaults to 200.
        img_size (int): Side of the window in pixels; 1 gives the pixel-wise network. Defaults to 7.
        group_size (int): Bands of a token, odd. Defaults to 3.
        embed_dims (int): Width of the tokens. Defaults to 64.
        num_layers (int): Number of blocks. Defaults to 5.
        num_heads (int): Heads of the attention. Defaults to 4.
        head_dims (int): Width of a head. Defaults to 16.
        feedforward_channels (int): Hidden width of the MLPs. Defaults to 8.
        drop_rate (float): Dropout rate. Defaults to 0.1.
        init_cfg (dict, optional): Initialisation. Defaults to None, as PyTorch draws it.

    Attributes:
        out_channels (int): Length of the feature vector, ``embed_dims``.
    """

    def __init__(
        self,
        in_channels: int = 200,
        img_size: int = 7,
        group_size: int = 3,
        embed_dims: int = 64,
        num_layers: int = 5,
        num_heads: int = 4,
        head_dims: int = 16,
        feedforward_channels: int = 8,
        drop_rate: float = 0.1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not group_size % 2 or not 1 <= group_size <= in_channels:
            raise ValueError(f'group_size must be odd and at most {in_channels} bands, found {group_size}')
        self.in_channels = in_channels
        self.img_size = img_size
        self.fixed_input_size = (img_size, img_size)
        self.group_size = group_size
        self.out_channels = embed_dims
        self.embedding = nn.Linear(group_size * img_size**2, embed_dims)
        self.class_token = nn.Parameter(torch.randn(1, 1, embed_dims))
        self.positions = nn.Parameter(torch.randn(1, in_channels + 1, embed_dims))
        self.drop = nn.Dropout(drop_rate)
        self.blocks = nn.ModuleList(
            _Block(embed_dims, num_heads, head_dims, feedforward_channels, drop_rate) for _ in range(num_layers)
        )
        self.fusions = nn.ModuleList(
            nn.Conv2d(in_channels + 1, in_channels + 1, (1, 2)) for _ in range(max(num_layers - 2, 0))
        )
        self.norm = nn.LayerNorm(embed_dims)

    def groups(self, x: Tensor) -> Tensor:
        """Windows (B, C, H, W) → (B, C, group_size * H * W), each band between its neighbours."""
        half = self.group_size // 2
        return torch.cat([x.flatten(2).roll(-step, dims=1) for step in range(-half, half + 1)], dim=2)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Compute the feature vector.

        Args:
            x: Windows (B, C, H, W).

        Returns:
            The class token (B, E), in a tuple as expected by heads.

        Raises:
            ValueError: If the size of the windows or the number of bands differs.
        """
        check_window_size(x, self.in_channels, self.img_size)
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), self.embedding(self.groups(x))], dim=1)
        outputs = [self.drop(tokens + self.positions)]
        for number, block in enumerate(self.blocks):
            tokens = outputs[-1]
            if number > 1:
                pair = torch.stack([tokens, outputs[number - 2]], dim=3)
                tokens = self.fusions[number - 2](pair).squeeze(3)
            outputs.append(block(tokens))
        return (self.norm(outputs[-1][:, 0]),)
