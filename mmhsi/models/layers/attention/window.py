"""Attention within windows, shifted in every second layer (Swin Transformer)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmhsi.registry import MODELS

from .grid_attention import GridAttention
from .relative_bias import RelativeBias


def to_windows(maps: Tensor, window: tuple[int, int]) -> Tensor:
    """Cut maps (B, heads, H, W, d) into windows that fill them: (B, windows, heads, n, d), row-major."""
    batch, heads, height, width, channels = maps.shape
    shape = (batch, heads, height // window[0], window[0], width // window[1], window[1], channels)
    return maps.reshape(shape).permute(0, 2, 4, 1, 3, 5, 6).reshape(batch, -1, heads, window[0] * window[1], channels)


def from_windows(windows: Tensor, window: tuple[int, int], padded: tuple[int, int]) -> Tensor:
    """Assemble windows (B, windows, heads, n, d) to maps (B, heads, H, W, d): the inverse of ``to_windows``."""
    batch, _, heads, _, channels = windows.shape
    shape = (batch, padded[0] // window[0], padded[1] // window[1], heads, *window, channels)
    return windows.reshape(shape).permute(0, 3, 1, 4, 2, 5, 6).reshape(batch, heads, *padded, channels)


def padded_shape(hw_shape: tuple[int, int], window: tuple[int, int]) -> tuple[int, int]:
    """The smallest multiple of the window shape that contains a grid."""
    return tuple(-(-side // step) * step for side, step in zip(hw_shape, window, strict=True))


def pad_maps(tokens: Tensor, hw_shape: tuple[int, int], padded: tuple[int, int]) -> Tensor:
    """Tokens (B, heads, N, d) as maps (B, heads, H, W, d) with zeros added at the bottom and the right."""
    maps = tokens.unflatten(2, hw_shape)
    return F.pad(maps, (0, 0, 0, padded[1] - hw_shape[1], 0, padded[0] - hw_shape[0]))


@MODELS.register_module()
class WindowAttention(GridAttention):
    """Self-attention of the tokens of a window to one another, with a learnt bias by their displacement.

    In every second layer the windows are cyclically shifted by half their side, without attention across the seam (Liu
    et al., Swin Transformer, ICCV 2021). Along an axis that is no longer than a window, the window is as long as the
    axis and is not shifted. Incomplete windows at the border of a grid hold only existing tokens; in Swin's code, zero
    padding takes part in the attention.

    Args:
        window_size (int): Side of a window in tokens. Defaults to 7.
        shift (bool): Whether layers of odd ``layer`` are shifted. Defaults to True.
        **kwargs: Arguments of :class:`GridAttention`.
    """

    def __init__(self, *args, window_size: int = 7, shift: bool = True, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if window_size < 1:
            raise ValueError(f'window_size must be at least 1, found {window_size}')
        self.window_size = window_size
        self.shifted = shift and self.layer % 2 == 1
        self.relative_bias = RelativeBias(self.num_heads, window_size)

    def forward(self, x: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Tokens (B, N, C), row-major on a grid (Hg, Wg) → (B, N, C)."""
        window = tuple(min(self.window_size, side) for side in hw_shape)
        shifts = tuple(
            step // 2 if self.shifted and side > step else 0 for side, step in zip(hw_shape, window, strict=True)
        )
        padded = padded_shape(hw_shape, window)
        roll = dict(shifts=tuple(-shift for shift in shifts), dims=(2, 3))
        query, key, value = (
            to_windows(pad_maps(part, hw_shape, padded).roll(**roll), window) for part in self.split_heads(x)
        )
        bias = self.relative_bias.within(*window)
        if any(shifts) or padded != tuple(hw_shape):
            seen = _seen(hw_shape, padded, window, shifts, x.device)
            bias = bias.masked_fill(~seen[:, None], float('-inf')).flatten(0, 1)  # (windows * heads, n, n)
            query, key, value = (part.flatten(1, 2) for part in (query, key, value))
        else:
            query, key, value = (part.flatten(0, 1) for part in (query, key, value))
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        out = from_windows(out.reshape(len(x), -1, self.num_heads, *out.shape[2:]), window, padded)
        out = out.roll(shifts=shifts, dims=(2, 3))[:, :, : hw_shape[0], : hw_shape[1]]
        return self.merge_heads(out.flatten(2, 3))


def _seen(
    hw_shape: tuple[int, int],
    padded: tuple[int, int],
    window: tuple[int, int],
    shifts: tuple[int, int],
    device: torch.device,
) -> Tensor:
    """Which tokens a token attends to, (windows, n, n): those of the grid in its window before the cyclic shift."""
    numbers, inside = [], []
    for size, full, step, shift in zip(hw_shape, padded, window, shifts, strict=True):
        place = torch.arange(full, device=device)
        numbers.append(torch.div(place - shift, step, rounding_mode='floor'))
        inside.append(place < size)
    label = numbers[0][:, None] * (padded[1] + 1) + numbers[1]
    valid = inside[0][:, None] & inside[1]
    cut = [
        to_windows(part.roll((-shifts[0], -shifts[1]), (0, 1))[None, None, ..., None], window)[0, :, 0, :, 0]
        for part in (label, valid)
    ]
    same = (cut[0][:, :, None] == cut[0][:, None]) & cut[1][:, None]
    return same | ~cut[1][:, :, None]  # positions outside the grid attend to all tokens, so that no softmax is empty
