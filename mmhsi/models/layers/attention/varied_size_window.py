"""Attention to windows with predicted position, size and orientation (VSA, RVSA)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmhsi.ops.bilinear import sample_places
from mmhsi.registry import MODELS

from .grid_attention import GridAttention
from .relative_bias import RelativeBias
from .window import from_windows, pad_maps, padded_shape, to_windows


@MODELS.register_module()
class VariedSizeWindowAttention(GridAttention):
    r"""Self-attention of the tokens of a window to samples of another window, which is moved and scaled by each head.

    A cell at :math:`u` from the centre :math:`c` of its window is sampled bilinearly at
    :math:`c + R(\theta) ((1 + s) \odot u) + o`, where scale s, offset o and, if ``rotated``, angle :math:`\theta` come
    from the mean of the window's tokens through a leaky ReLU and a linear layer per head (Zhang et al., VSA, ECCV 2022;
    Wang et al., RVSA, IEEE TGRS 2023). An offset of 1 is half a side of the window. As in these papers, the grid is
    zero-padded to whole windows, and samples outside are zero and take part in the softmax.

    Args:
        window_size (int): Side of a window in tokens; along a shorter axis the window is as long as the axis. Defaults
            to 7.
        rotated (bool): Whether windows are rotated too (RVSA). Defaults to False.
        **kwargs: Arguments of :class:`GridAttention`.
    """

    def __init__(self, embed_dims: int, *args, window_size: int = 7, rotated: bool = False, **kwargs) -> None:
        super().__init__(embed_dims, *args, **kwargs)
        if window_size < 1:
            raise ValueError(f'window_size must be at least 1, found {window_size}')
        self.window_size = window_size
        self.window_offsets = nn.Linear(embed_dims, 2 * self.num_heads)
        self.window_scales = nn.Linear(embed_dims, 2 * self.num_heads)
        self.window_angles = nn.Linear(embed_dims, self.num_heads) if rotated else None
        self.relative_bias = RelativeBias(self.num_heads, window_size)

    def sampled_places(self, x: Tensor, hw_shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Columns and rows (B, heads, H, W) in tokens at which each cell of the padded grid is sampled."""
        window = tuple(min(self.window_size, side) for side in hw_shape)
        padded = padded_shape(hw_shape, window)
        maps = pad_maps(x.unsqueeze(1), hw_shape, padded).squeeze(1).permute(0, 3, 1, 2)
        means = F.leaky_relu(F.avg_pool2d(maps, window)).permute(0, 2, 3, 1)  # (B, rows of windows, columns, C)

        def per_head(layer: nn.Linear) -> Tensor:
            return layer(means).unflatten(-1, (self.num_heads, -1)).permute(4, 0, 3, 1, 2)

        move_x, move_y = per_head(self.window_offsets)
        scale_x, scale_y = per_head(self.window_scales)
        row, column = (
            (torch.arange(step, device=x.device) - (step - 1) / 2).to(x.dtype).repeat(size // step)
            for step, size in zip(window, padded, strict=True)
        )

        def per_cell(values: Tensor) -> Tensor:
            return values.repeat_interleave(window[0], 2).repeat_interleave(window[1], 3)

        across, down = (1 + per_cell(scale_x)) * column, (1 + per_cell(scale_y)) * row[:, None]
        if self.window_angles is not None:
            angle = per_cell(per_head(self.window_angles)[0])
            cos, sin = angle.cos(), angle.sin()
            across, down = cos * across - sin * down, sin * across + cos * down
        centre_x = torch.arange(padded[1], device=x.device) - column
        centre_y = (torch.arange(padded[0], device=x.device) - row)[:, None]
        half_x, half_y = window[1] / 2, window[0] / 2
        return across + centre_x + half_x * per_cell(move_x), down + centre_y + half_y * per_cell(move_y)

    def forward(self, x: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Tokens (B, N, C), row-major on a grid (Hg, Wg) → (B, N, C)."""
        window = tuple(min(self.window_size, side) for side in hw_shape)
        padded = padded_shape(hw_shape, window)
        query, key, value = self.split_heads(x)
        column, row = (places.flatten(2).unsqueeze(-1) for places in self.sampled_places(x, hw_shape))
        samples = sample_places(torch.cat([key, value], dim=-1), column.to(key.dtype), row.to(key.dtype), hw_shape)
        key, value = samples.squeeze(3).unflatten(2, padded).chunk(2, dim=-1)
        query, key, value = (
            to_windows(part, window).flatten(0, 1) for part in (pad_maps(query, hw_shape, padded), key, value)
        )
        bias = self.relative_bias.within(*window).to(query.dtype)
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        out = from_windows(out.unflatten(0, (len(x), -1)), window, padded)[:, :, : hw_shape[0], : hw_shape[1]]
        return self.merge_heads(out.flatten(2, 3))
