"""The checks of networks that take windows."""

from torch import Tensor


def check_window_size(x: Tensor, bands: int, size: int) -> None:
    """Raise a ValueError unless windows (B, C, H, W) have these bands and ``size`` x ``size`` pixels."""
    if tuple(x.shape[1:]) != (bands, size, size):
        raise ValueError(
            f'the network is built for windows of {size} x {size} pixels and {bands} bands, the input is '
            f'{x.shape[2]} x {x.shape[3]} and has {x.shape[1]}'
        )


def check_smallest_window(x: Tensor, bands: int, least: int) -> None:
    """Raise a ValueError unless windows (B, C, H, W) have these bands and at least ``least`` x ``least`` pixels."""
    if x.shape[1] != bands or min(x.shape[2:]) < least:
        raise ValueError(
            f'the network is built for {bands} bands and at least {least} x {least} pixels, the input has '
            f'{x.shape[1]} bands and {x.shape[2]} x {x.shape[3]} pixels'
        )
